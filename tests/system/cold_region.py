"""What the tests of a region with a MariaDB server of its own for cold days share. A day is old at once here
(`archive.hot_days` 0), and moves when all its packets have finished and somebody asks for it."""

import threading
import time

from cluster_faults import RegionTest
from hongbao_client import Client, user_token
from system import eventually
from test_archive import SHARDS_FEW, days

LONG_S = 60  # for what takes a second or two on an idle machine
OPENS_MEANWHILE = 5


class Opener(threading.Thread):
    """Sends packets of one share and opens them, one after the other. Whatever else was answered is in `refused`."""

    def __init__(self, test, name, shards):
        super().__init__(daemon=True)
        self.test = test
        self.user = name
        self.shards = shards
        self.opened = []  # packets
        self.refused = []
        self._ended = threading.Event()
        self.start()

    def run(self):
        while not self._ended.is_set():
            try:
                packet = self.test.paid_packet(self.user, count=1, shards=self.shards)
                self.test.take(packet, f"{self.user}-taker")
                self.opened.append(packet)
            except (AssertionError, OSError) as error:
                self.refused.append(repr(error))

    def await_more(self):
        """Until it has opened some that it sent from now on."""
        wanted = len(self.opened) + OPENS_MEANWHILE + 1
        eventually(lambda: self.refused or len(self.opened) >= wanted, "opens are answered", timeout_s=LONG_S)

    def stop(self):
        self._ended.set()
        self.join()


class ColdServerTest(RegionTest):
    cold = True
    maxDiff = 4000
    settings = {"packets.ttl_ms": 1_000, "refunds.interval_ms": 200, "shards.count": SHARDS_FEW, "archive.hot_days": 0,
                "archive.interval_ms": 86_400_000}

    def operator(self, node=0):
        return Client(self.region.nodes[node].admin, self.admin_token())

    def user(self, name):
        secret = (self.region.directory / "secrets" / "jwt.secret").read_bytes().strip()
        return Client(self.region.haproxy.address, user_token(name, secret))

    def paid_packet(self, sender, count, shards=None):
        with self.operator() as operator:
            operator.post(f"/admin/v1/wallets/{sender}:deposit", {"amount": 100})
        with self.user(sender) as client:
            packet = None
            while packet is None or (shards and packet[:4] not in shards):
                sent = client.send(f"{sender}-{time.monotonic_ns()}", kind="lucky", total_amount=100, count=count)
                assert sent.status == 201, sent
                packet = sent.body["packet"]["id"]
            paid = client.pay(packet, sent.body["pay_token"])
            assert paid.status == 200, paid
        return packet

    def take(self, packet, taker):
        with self.user(taker) as client:
            taken = client.take(packet)
            assert taken["outcome"] in ("opened", "already_opened"), taken

    def view(self, packet):
        with self.user("reader") as client:
            return client.packet(packet)

    def picture(self, packet):
        """Of a finished packet."""
        with self.user("reader") as client:
            view, shares = client.packet(packet), client.get(f"/v1/packets/{packet}/shares")
            self.assertEqual((200, 200), (view.status, shares.status), (view, shares))
            return view.body, shares.body

    def finished_packets(self, count):
        """By id, their pictures."""
        packets = [self.paid_packet(f"sender-{number}", count=3) for number in range(count)]
        for packet in packets:
            with self.user("early") as client:
                client.take(packet)  # unless it is late
        for packet in packets:
            eventually(lambda packet=packet: self.view(packet).body["packet"]["state"] == "expired",
                       "the packet has expired", timeout_s=LONG_S)
        return {packet: self.picture(packet) for packet in packets}

    def run_archive(self, nodes):
        for node in range(nodes):
            with self.operator(node) as operator:
                self.assertLess(operator.post("/admin/v1/archive:run").status, 300)

    def archive(self, nodes=None, shards=None):
        """By the first `nodes`, until all days of `shards` are cold."""
        def moved():
            self.run_archive(nodes or self.nodes)
            return self.is_cold(shards)
        eventually(moved, "all days are cold", timeout_s=LONG_S)

    def is_cold(self, shards=None):
        with self.operator() as operator:
            return all(place == "cold" for shard, places in days(operator).items() if shard in (shards or [shard])
                       for place in places)

    def failed_moves(self):
        total = 0
        for node in range(self.nodes):
            with self.operator(node) as operator:
                metrics = operator.get("/metrics").raw.decode()
            total += sum(float(line.split()[-1]) for line in metrics.splitlines()
                         if line.startswith("hongbao_archive_failures_total"))
        return total

    def audit(self, deep=False):
        with self.operator() as operator:
            return operator.get("/admin/v1/audit" + ("?deep=true" if deep else ""))

    def assert_balanced(self, deep=False):
        answer = self.audit(deep)
        self.assertEqual(200, answer.status, answer)
        self.assertTrue(answer.body["balanced"], answer)
        self.assertEqual(0, answer.body["difference"])
        self.assertEqual([], answer.body.get("violations", []))

    def await_settled(self):
        eventually(lambda: all(shard["lag"] == 0 for shard in self.audit().body["shards"]), "all is settled",
                   timeout_s=LONG_S)

    def owners(self):
        """By shard, the name of the node that serves it."""
        owners = {}
        for node in self.region.nodes:
            with Client(node.admin, self.admin_token()) as operator:
                owners |= {each["shard"]: node.name for each in operator.get("/admin/v1/shards").body["shards"]
                           if each["state"] == "serving"}
        return owners

    def all_owners(self):
        return eventually(lambda: len(owners := self.owners()) == self.settings["shards.count"] and owners,
                          "every shard is served", timeout_s=LONG_S)

    def restart_nodes(self, owners=None, **settings):
        """With nothing in any memory or cache, and the same shards."""
        owners = owners or self.all_owners()
        self.region.settings.update(settings)
        self.region.write_settings()
        for node in self.region.nodes:
            node.stop()
        self.redis_cli("FLUSHALL")
        for node in self.region.nodes:
            node.start()
        self.await_serving(owners)

    def await_serving(self, owners):
        eventually(lambda: self.region.haproxy.ask("show stat").count(",UP,") >= self.nodes, "the balancer uses all nodes",
                   timeout_s=LONG_S)
        eventually(lambda: self.owners() == owners, "each has its shards", timeout_s=LONG_S)

    def tables(self, server, databases):
        return int(server.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema REGEXP "
                              f"'^hongbao_{databases}[0-9]*$' AND table_name REGEXP '^(packet|voucher)_'"))

    def await_dropped(self, databases):
        """A day is cold when its copy counts, a moment before its hot tables go."""
        eventually(lambda: self.tables(self.region.mariadb, databases) == 0, "hot tables are gone", timeout_s=LONG_S)
