"""A region of three nodes on real engines, from outside and through HAProxy: any node takes any request, HAProxy learns
who owns what, and a node may stop or die without users' requests failing."""

import itertools
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from hongbao_client import Client, user_token
from system import Server, binary, eventually
from wire import Wire

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from engines import EngineError  # noqa: E402
from region import Region, readyz  # noqa: E402

PACKETS = 12
LOG_SHOWN_MAX = 3_000
TAKEOVER_S_MAX = 5


class Front(Server):
    """The region as its users see it. Operators ask the first node."""

    def __init__(self, region):
        self.directory, self.config, self.environment = region.directory, region.config, None
        self.jwt_secret = self.secret("jwt.secret")
        self.admin_token = self.secret("admin.token").decode()
        self.channel_secret = self.secret("channel-demo.secret")
        self.public, self.admin = region.haproxy.address, region.nodes[0].admin
        self._keys = itertools.count()


class RegionTest(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-region-"))
        self.region = Region(directory, pathlib.Path(binary("hongbaod")).parent, nodes=3)
        self.addCleanup(self.region.kill)
        try:
            self.region.start()
        except EngineError as error:
            self.fail(f"{error}\n" + "\n".join(self.log_of(node) for node in self.region.nodes if node.process))
        self.front = Front(self.region)
        self.nodes = {node.name: node for node in self.region.nodes}
        self.expected_ends = {}
        packets = [self.front.paid_packet(f"sender-{number}", kind="equal", total_amount=1000, count=100)["id"]
                   for number in range(PACKETS)]
        self.packets = {packet[:4]: packet for packet in packets}  # one of each shard
        self.assertGreater(len(self.packets), 2)

    def tearDown(self):
        for node in self.nodes.values():
            self.assertIn(node.process.poll(), (None, *self.expected_ends.get(node.name, ())),
                          self.log_of(node))

    @staticmethod
    def log_of(node):
        """Its end; what it lies in is removed after the test."""
        return f"{node.name}, exit status {node.process.poll()}:\n{node.log.read_text()[-LOG_SHOWN_MAX:]}"

    def client_of(self, node, user="anyone", **claims):
        client = Client(node.address, user_token(user, self.front.jwt_secret, **claims))
        self.addCleanup(client.close)
        return client

    def owners(self):
        """Shard → the node that the others name."""
        owners = {}
        for shard, packet in self.packets.items():
            named = {name: self.client_of(node).packet(packet).headers["Hongbao-Owner"]
                     for name, node in self.nodes.items()}
            owner = next(name for name, other in named.items() if other is None)
            self.assertEqual({name: None if name == owner else owner for name in self.nodes}, named)
            owners[shard] = owner
        return owners

    def forwarded(self):
        total = 0
        for node in self.nodes.values():
            with Client(node.admin, self.front.admin_token) as operator:
                total += int(re.search(rb"^hongbao_forwarded_total (\d+)", operator.get("/metrics").raw, re.M)[1])
        return total

    def finished_packet(self, shard_of, takers):
        """A packet in the same shard as another one, opened by all."""
        while True:
            packet = self.front.paid_packet("alice", kind="lucky", total_amount=1000, count=len(takers),
                                            greeting="红红火火")["id"]
            if packet[:4] == shard_of[:4]:
                break
        for taker in takers:
            self.front_take(taker, packet)
        return packet

    @staticmethod
    def shown(client, packet):
        """The view and the shares, and whether another node answered."""
        view, shares = client.packet(packet), client.get(f"/v1/packets/{packet}/shares")
        assert (view.status, shares.status) == (200, 200), (view, shares)
        return (view.body, shares.body), view.headers["Hongbao-Owner"] is not None

    @staticmethod
    def lists(client):
        return [client.get(f"/v1/users/me/{name}").body for name in ("packets", "shares")]

    def await_listed(self, user, number, name, packets):
        """At every node."""
        for node in self.nodes.values():
            client = self.client_of(node, user)
            eventually(lambda client=client: packets <= {entry["packet_id"] for entry in
                                                         self.lists(client)[number][name]}, "all is listed")

    def assert_balanced(self):
        self.front.money()
        audit = self.front.audit(deep=True).body
        self.assertEqual((0, True, []), (audit["difference"], audit["balanced"], audit.get("violations", [])))

    def assert_a_start_is_refused(self, words, **settings):
        self.region.certify("stranger")
        secrets = self.region.directory / "secrets"
        sets = {"node.name": "stranger", "node.tls_cert_file": secrets / "stranger.pem",
                "node.tls_key_file": secrets / "stranger.key", "server.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0",
                "health.listen": "127.0.0.1:0", "node.listen": "127.0.0.1:0", **{key.replace("__", "."): value for key, value in settings.items()}}
        result = subprocess.run([binary("hongbaod"), "--config", str(self.region.config),
                                 *(f"--set={key}={value}" for key, value in sets.items())],
                                capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(2, result.returncode, result.stderr)
        refusals = [line for line in result.stderr.splitlines() if not line.startswith("{")]
        self.assertEqual(1, len(refusals), result.stderr)
        self.assertIn(words, refusals[0])

    def test_a_node_with_another_master_key_does_not_start(self):
        other = pathlib.Path(self.region.directory, "other.key")
        other.write_text("1 live 20000101 " + "01ab" * 16 + "\n")
        other.chmod(0o600)
        self.assert_a_start_is_refused("auth.master_keys_file", auth__master_keys_file=other)

    def test_databases_of_different_moments_are_refused(self):
        self.front.money()
        for node in self.region.nodes:
            node.stop()
            self.expected_ends[node.name] = (0,)
        sql = self.region.mariadb.sql
        sql("UPDATE hongbao_ledger.settled_to SET next_voucher = next_voucher + 1000")
        self.assert_a_start_is_refused("are behind the ledger")
        sql("UPDATE hongbao_ledger.settled_to SET next_voucher = 1")
        sql("CREATE TABLE hongbao_ledger.kept AS SELECT * FROM hongbao_ledger.payment; DELETE FROM hongbao_ledger.payment")
        self.assert_a_start_is_refused("the ledger is behind the orders of shard")
        sql("INSERT INTO hongbao_ledger.payment SELECT * FROM hongbao_ledger.kept")
        # All of an earlier moment, but for NATS.
        shards = sql("SELECT table_schema FROM information_schema.tables WHERE table_name = 'shard_head'").split()
        sql("; ".join(f"UPDATE {shard}.shard_head SET next_voucher = 1" for shard in shards))
        sql("UPDATE hongbao_inbox.fed_to SET next_voucher = 1")
        self.assert_a_start_is_refused("nats.url holds vouchers of shard")

    def answered(self, api):
        """Grabs that succeeded, by that metric of all nodes, and how many of them have a latency."""
        totals = [0, 0]
        for node in self.nodes.values():
            with Client(node.admin, self.front.admin_token) as operator:
                metrics = operator.get("/metrics").raw.decode()
            for i, (name, more) in enumerate((("requests_total", ',status="2xx"'), ("request_seconds_count", ""))):
                line = f'hongbao_http_{name}{{api="{api}",route="POST /v1/packets/{{}}:grab"{more}}} '
                totals[i] += sum(int(found) for found in re.findall("^" + re.escape(line) + r"(\d+)", metrics, re.M))
        return totals

    def test_any_node_gives_the_same_share(self):
        for packet in self.packets.values():
            shares = [self.client_of(node, "taker").take(packet)["share"] for node in self.nodes.values()]
            self.assertEqual([shares[0]] * len(shares), shares)
        # Counted and timed once, where they came in; what came from another node is told apart.
        grabs = len(self.packets) * len(self.nodes)
        self.assertEqual([grabs, grabs], self.answered("public"))
        self.assertEqual([grabs - len(self.packets)] * 2, self.answered("peer"))
        self.assertGreater(len(set(self.owners().values())), 1)
        self.assert_balanced()

    def test_whom_one_node_froze_draws_and_sends_nothing_anywhere(self):
        path = "/admin/v1/wallets/chilled"
        with Client(self.front.admin, self.front.admin_token) as operator:
            self.assertEqual(200, operator.post(f"{path}:freeze").status)
            for packet in self.packets.values():
                with self.front.user("chilled") as client:
                    eventually(lambda: client.grab(packet).problem == "account_frozen", packet, 2)
                    self.assertEqual("account_frozen", client.send(self.front.new_key(), kind="equal", total_amount=100,
                                                                   count=1).problem)
            self.assertEqual(200, operator.post(f"{path}:unfreeze").status)
        for packet in self.packets.values():
            eventually(lambda: self.try_take("chilled", packet), packet, 2)

    def test_any_node_speaks_the_same_http(self):
        token = user_token("alice", self.front.jwt_secret)
        packet = next(iter(self.packets.values()))
        order = b'{"kind":"lucky","total_amount":100,"count":5}'
        for node in self.nodes.values():
            client = self.client_of(node, "alice")
            get, head = client.packet(packet), client.call("HEAD", f"/v1/packets/{packet}")
            self.assertEqual((200, get.headers["Content-Length"]), (head.status, head.headers["Content-Length"]))
            self.assertEqual(get.headers["Hongbao-Owner"], head.headers["Hongbao-Owner"])
            self.assertEqual("unknown_field", client.get(f"/v1/packets/{packet}?colour=red").problem)
            sent = client.send("the-same-key", kind="lucky", total_amount=100, count=5)
            self.assertEqual("/v1/packets/" + sent.body["packet"]["id"], sent.headers["Location"])
            with Wire(node.address) as wire:
                wire.send(f"POST /v1/packets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: a\r\n"
                          f"Idempotency-Key: b\r\nContent-Length: {len(order)}\r\n\r\n".encode() + order)
                answer = wire.answer()
                self.assertEqual(("malformed_request", "Idempotency-Key"), (answer.problem, answer.body["field"]))

    def test_haproxy_goes_to_the_owner_once_it_was_named(self):
        owners = self.owners()
        with self.front.user("anyone") as client:
            for packet in self.packets.values():
                client.packet(packet)
            learned = self.region.haproxy.learned()
            self.assertLessEqual(learned.items(), owners.items())
            self.assertNotEqual({}, learned)
            before = self.forwarded()
            for packet in self.packets.values():
                self.assertNotIn("Hongbao-Owner", client.packet(packet).headers)
                client.take(packet)
            self.assertEqual(before, self.forwarded())

    def test_a_node_that_stops_and_comes_back_fails_no_request(self):
        stopping = self.region.nodes[1]
        self.assertIn(stopping.name, self.owners().values())
        done, failures, answered = threading.Event(), [], itertools.count()

        def tap(user):
            with self.front.user(user) as client:
                for packet in itertools.cycle(self.packets.values()):
                    if done.is_set():
                        return
                    try:
                        client.take(packet)
                        next(answered)
                    except (AssertionError, OSError) as error:
                        failures.append(error)

        taps = [threading.Thread(target=tap, args=(f"taker-{number}",)) for number in range(4)]
        for thread in taps:
            thread.start()
        time.sleep(0.5)
        stopping.stop()
        self.assertEqual(0, stopping.process.returncode)
        stopping.start()
        time.sleep(2)
        done.set()
        for thread in taps:
            thread.join()
        self.assertEqual([], failures)
        self.assertGreater(next(answered), 100)
        self.assert_balanced()

    def test_a_killed_nodes_packets_are_served_by_others(self):
        victim = self.region.nodes[1]
        orphans = [self.packets[shard] for shard, owner in self.owners().items() if owner == victim.name]
        self.assertNotEqual([], orphans)
        shares = {packet: self.front_take("before", packet) for packet in orphans}
        victim.kill()
        self.expected_ends[victim.name] = [-signal.SIGKILL]
        killed = time.monotonic()
        for packet in orphans:
            self.assertEqual(shares[packet], eventually(lambda packet=packet: self.try_take("before", packet),
                                                        "the shard has another owner", TAKEOVER_S_MAX))
            self.assertIsNotNone(self.front_take("after", packet))
        self.assertLess(time.monotonic() - killed, TAKEOVER_S_MAX)
        self.assert_balanced()

    def test_setting_a_switch_holds_up_nobody_while_nats_is_frozen(self):
        node = self.region.nodes[0]
        setting = Client(node.admin, self.front.admin_token)
        asking = Client(node.admin, self.front.admin_token)
        for client in (setting, asking):
            self.addCleanup(client.close)
        self.region.nats.freeze()
        self.addCleanup(self.region.nats.thaw)
        answers = []
        bodies = [("/admin/v1/switches", {"switches": {"deep_lists": False, "sends": False}}),
                  ("/admin/v1/traffic", {"weights": {"south": 50}})]
        began = time.monotonic()
        threads = [threading.Thread(target=lambda path=path, body=body: answers.append(
            Client(node.admin, self.front.admin_token).call("PUT", path, body))) for path, body in bodies]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            asked = time.monotonic()
            self.assertTrue(readyz(node.health))
            self.assertLess(time.monotonic() - asked, 1)
            time.sleep(0.05)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(["unavailable"] * 2, [answer.problem for answer in answers])
        self.region.nats.thaw()
        eventually(lambda: setting.call("PUT", *bodies[0]).status == 200, "NATS takes the switch")
        self.assertFalse(asking.get("/admin/v1/switches").body["switches"]["sends"])

    def test_any_node_shows_a_finished_packet_from_the_caches(self):
        some = next(iter(self.packets.values()))
        owner = self.owners()[some[:4]]
        first, second = (node for name, node in self.nodes.items() if name != owner)
        packet, damaged, unseen = (self.finished_packet(some, ["bob", "carol"]) for _ in range(3))
        expected, _ = self.shown(self.client_of(self.nodes[owner]), packet)
        self.assertEqual("exhausted", expected[0]["packet"]["state"])
        self.assertEqual("红红火火", expected[0]["packet"]["greeting"])
        before = self.forwarded()
        self.assertEqual((expected, False), self.shown(self.client_of(first), packet))
        self.assertEqual(before, self.forwarded())

        # Redis without it: the owner is asked.
        self.region.redis.cli("FLUSHALL")
        shown, was_forwarded = self.shown(self.client_of(second), packet)
        self.assertTrue(was_forwarded)
        shown[0]["packet"]["greeting"] = expected[0]["packet"]["greeting"]  # lost, and the default now or in a while
        self.assertEqual(expected, shown)

        # Redis with something else: the same.
        expected, _ = self.shown(self.client_of(self.nodes[owner]), damaged)
        for key in (f"view:{damaged}", f"packet:{damaged}", "profile:bob", "inbox:sent:alice"):
            self.region.redis.cli("SET", f"hongbao:{key}", "garbage")
        self.assertEqual((expected, True), self.shown(self.client_of(first), damaged))
        self.await_listed("alice", 0, "packets", {packet, damaged, unseen})

        # Without Redis: everything but sending goes on.
        self.region.redis.kill()
        expected, _ = self.shown(self.client_of(self.nodes[owner]), unseen)
        for node in self.nodes.values():
            self.assertEqual(expected, self.shown(self.client_of(node), unseen)[0])
            self.front_take(f"taker-at-{node.name}", some)
            shown = self.shown(self.client_of(node, f"taker-at-{node.name}"), some)[0][0]
            self.assertEqual("active", shown["packet"]["state"])
        self.await_listed("bob", 1, "shares", {packet, damaged, unseen})
        self.region.redis.start()
        self.assert_balanced()

    def test_lists_in_the_cache_follow_what_happens(self):
        clients = [self.client_of(node, "dave") for node in self.nodes.values()]
        for taken, packet in enumerate(self.packets.values()):
            for client in clients:
                self.assertEqual(taken, len(self.lists(client)[1]["shares"]))
            self.front_take("dave", packet)
            for client in clients:
                eventually(lambda client=client, now=taken + 1: len(self.lists(client)[1]["shares"]) == now,
                           "the share is listed")
        self.check_pages_after_the_first()

    def check_pages_after_the_first(self):
        packets = [self.front.paid_packet("ellen", kind="equal", total_amount=5, count=5)["id"] for _ in range(5)]
        for packet in packets:
            self.front_take("ellen", packet)
        for node in self.nodes.values():
            client = self.client_of(node, "ellen")
            for path, item, time_of, number in (("packets", "packets", "paid_at", 5), ("shares", "shares", "opened_at", 5),
                                                ("wallet/transfers", "transfers", "at", 15)):
                path = "/v1/users/me/" + path
                eventually(lambda client=client, path=path, item=item, number=number:
                           len(client.pages(path, item)) == number, "all is listed")
                entries = client.pages(path, item, page_size=2)
                self.assertEqual(client.pages(path, item), entries)
                times = [entry[time_of] for entry in entries]
                self.assertEqual(sorted(times, reverse=True), times)

    def test_amounts_of_an_open_packet_are_for_its_sender_and_its_takers_at_every_node(self):
        packet = self.front.paid_packet("hester", kind="lucky", total_amount=1_000, count=2)["id"]
        amounts = {"total_amount", "opened_amount", "opened_count"}

        def shown(user):
            """At each node: the amounts of the view, and how the shares are answered."""
            clients = [self.client_of(node, user) for node in self.nodes.values()]
            return [(amounts & client.packet(packet).body["packet"].keys(), (shares := client.get(f"/v1/packets/{packet}/shares"))
                     .problem or len(shares.body["shares"])) for client in clients]

        self.front_take("ivan", packet)
        for _ in range(2):  # what a node was told for one user it does not tell another
            for user, expected in (("ivan", (amounts, 1)), ("onlooker", (set(), "open_first")), ("hester", (amounts, 1))):
                self.assertEqual([expected] * len(self.nodes), shown(user), user)
        self.front_take("jane", packet)
        for user in ("onlooker", "ivan"):
            self.assertEqual([(amounts, 2)] * len(self.nodes), shown(user), user)

    def test_nicknames_and_avatars_are_shown_by_every_node(self):
        packet = next(iter(self.packets.values()))
        profile = {"name": "小红", "picture": "https://example.com/red.png"}
        self.client_of(self.region.nodes[0], "erin", **profile).take(packet)
        self.client_of(self.region.nodes[1], "frank", name="x" * 65, picture="javascript:alert()").take(packet)
        sent = self.client_of(self.region.nodes[1], "erin", **profile).send("key", kind="lucky", total_amount=9, count=3)
        self.assertEqual(201, sent.status, sent)
        for node in self.nodes.values():
            client = self.client_of(node, "frank")
            shares = {share["user_id"]: share for share in client.pages(f"/v1/packets/{packet}/shares", "shares")}
            self.assertEqual(("小红", "https://example.com/red.png"),
                             (shares["erin"]["nickname"], shares["erin"]["avatar"]))
            self.assertNotIn("nickname", shares["frank"])
            self.assertNotIn("avatar", shares["frank"])
            view = client.packet(sent.body["packet"]["id"]).body["packet"]
            self.assertEqual(("小红", "https://example.com/red.png"), (view["sender_nickname"], view["sender_avatar"]))

    def front_take(self, user, packet):
        with self.front.user(user) as client:
            return client.take(packet)["share"]

    def try_take(self, user, packet):
        """None when it is refused."""
        try:
            return self.front_take(user, packet)
        except AssertionError:
            return None


if __name__ == "__main__":
    unittest.main()
