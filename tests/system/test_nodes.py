"""Nodes of one region that come, leave, are replaced, or don't fit, and databases that freeze: what users are told, and
when."""

import http.client
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from hongbao_client import Client, sign_notification, user_token
from system import binary, eventually
from test_region import Front
from wire import Wire

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from region import Node, Region, readyz  # noqa: E402

COMMAND_TIMEOUT_S = 1.5
HAPROXY_PATIENCE_S = 5.8  # deploy/haproxy.cfg's `timeout server`: within a second of the usual command timeout
LEASE_S = 3
PAGE = 1_000  # shares; some 300 kB with profiles
PAGES_PIPELINED = 64


class Prober:
    """Makes every call of the API again and again, each kind on a thread of its own, and keeps what was not answered
    as it should be. `told_within`: the longest time that an answer took."""

    def __init__(self, front, address, amount=1):
        self.front, self.address, self.amount = front, address, amount
        self.refused, self.told_within, self.counts = [], 0.0, {}
        front.deposit("prober", 1_000_000)
        self.packet = front.paid_packet("prober", kind="equal", total_amount=20_000, count=20_000)["id"]
        self._stop = threading.Event()
        self._keys = itertools.count()
        self._threads = [threading.Thread(target=self._probe, args=(kind,), daemon=True)
                         for kind in (self.send_and_pay, self.notify, self.open, self.view, self.lists, self.wallet)]
        for thread in self._threads:
            thread.start()

    def client(self, user):
        return Client(self.address, user_token(user, self.front.jwt_secret), timeout_s=15)

    def timed(self, call):
        began = time.monotonic()
        try:
            return call()
        finally:
            self.told_within = max(self.told_within, time.monotonic() - began)

    def send(self, client):
        sent = self.timed(lambda: client.send(f"{self.address}-{next(self._keys)}", kind="equal",
                                              total_amount=self.amount, count=1))
        return sent, (sent.body["packet"]["id"], sent.body["pay_token"]) if sent.status == 201 else None

    def send_and_pay(self, client):
        sent, order = self.send(client)
        yield sent
        if order:
            yield self.timed(lambda: client.pay(*order))

    def notify(self, client):
        sent, order = self.send(client)
        yield sent
        if order:
            body = json.dumps({"channel": "demo", "payment_id": order[0], "amount": self.amount,
                               "pay_token": order[1]}).encode()
            signature = {"Hongbao-Signature": sign_notification(body, self.front.channel_secret)}
            yield self.timed(lambda: client.post("/v1/payments:notify", body, signature))

    def open(self, _):
        with self.client(f"taker-{next(self._keys)}") as client:
            grabbed = self.timed(lambda: client.grab(self.packet))
            yield grabbed
            if grabbed.status == 200:
                yield self.timed(lambda: client.open(self.packet, grabbed.body["ticket"]))

    def view(self, client):
        yield self.timed(lambda: client.packet(self.packet))
        yield self.timed(lambda: client.get(f"/v1/packets/{self.packet}/shares?page_size=3"))

    def lists(self, client):
        for path in ("packets", "shares", "summary"):
            yield self.timed(lambda path=path: client.get(f"/v1/users/me/{path}"))

    def wallet(self, client):
        for path in ("wallet", "wallet/transfers"):
            yield self.timed(lambda path=path: client.get(f"/v1/users/me/{path}"))

    def _probe(self, kind):
        while not self._stop.is_set():
            try:
                with self.client("prober") as client:  # a new connection each time
                    for answer in kind(client):
                        if answer.status in (200, 201):
                            self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
                        else:
                            self.refused.append((kind.__name__, answer.status, answer.problem, answer.body["detail"]))
            except (OSError, AssertionError, http.client.HTTPException) as error:  # HAProxy's own are not in the document
                self.refused.append((kind.__name__, repr(error)))
            self._stop.wait(0.02)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class PageHog:
    """Asks for a packet's page of shares, many times at once on one connection, and again when that is answered."""

    def __init__(self, address, packet, token):
        self.statuses, self._stop = [], threading.Event()
        self._request = (f"GET /v1/packets/{packet}/shares?page_size={PAGE} HTTP/1.1\r\n"
                         f"Host: {address}\r\nAuthorization: Bearer {token}\r\n\r\n").encode() * PAGES_PIPELINED
        self._thread = threading.Thread(target=self._ask, args=(address,), daemon=True)
        self._thread.start()

    def _ask(self, address):
        with Wire(address) as wire:
            while not self._stop.is_set():
                wire.send(self._request)
                for _ in range(PAGES_PIPELINED):
                    status = int(wire.reader.readline().split()[1])
                    length = int(http.client.parse_headers(wire.reader)["Content-Length"])
                    while length > 0:
                        length -= len(wire.reader.read(min(length, 1 << 20)))
                    self.statuses.append(status)

    def stop(self):
        self._stop.set()
        self._thread.join()


class Nodes(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-nodes-"))
        self.region = Region(directory, pathlib.Path(binary("hongbaod")).parent, nodes=2,
                             settings={"shards.command_timeout_ms": int(COMMAND_TIMEOUT_S * 1000)})
        self.addCleanup(self.region.kill)
        self.region.start()
        self.front = Front(self.region)

    def shards(self, node):
        with Client(node.admin, self.front.admin_token) as operator:
            return {each["shard"]: each["state"] for each in operator.get("/admin/v1/shards").body["shards"]}

    def serving(self, *nodes):
        return sorted(shard for node in nodes for shard, state in self.shards(node).items() if state == "serving")

    def start_node(self, name, directory, *settings):
        """A process, and the lines it says when it is refused."""
        node = Node(name, self.region.directory / directory, self.region.binaries / "hongbaod", self.region.config)
        self.region.certify(name, "north" if "region.name=north" in settings else "south")
        command = [*map(str, node.command()), *(f"--set={setting}" for setting in settings)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        self.region.certify(name)
        return done

    def await_owners(self):
        """Every shard is served, and by the node that it belongs to: each has some."""
        eventually(lambda: len(self.serving(*self.region.nodes)) == 4 and all(map(self.serving, self.region.nodes)),
                   "every shard has an owner")

    def packet_of(self, node, **request):
        """The id of a paid packet in one of the node's shards."""
        serving = self.serving(node)
        return next(packet for packet in iter(lambda: self.front.paid_packet("sender", **request)["id"], None)
                    if packet[:4] in serving)

    def take_many(self, address, packet, users):
        """By users with profiles, pipelined."""
        with Wire(address) as wire:
            for first in range(0, len(users), PAGES_PIPELINED):
                tokens = [user_token(user, self.front.jwt_secret, name="name of " + user * 6,
                                     picture=f"https://example.org/{user * 8}.png")
                          for user in users[first:first + PAGES_PIPELINED]]

                def ask(operation, bodies, tokens=tokens):
                    wire.send(b"".join(
                        f"POST /v1/packets/{packet}:{operation} HTTP/1.1\r\nHost: {address}\r\n"
                        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                        for token, body in zip(tokens, bodies, strict=True)))
                    return [wire.answer().body for _ in tokens]

                tickets = ask("grab", ["{}"] * len(tokens))
                for opened in ask("open", [json.dumps({"ticket": each["ticket"]}) for each in tickets]):
                    self.assertEqual("opened", opened["outcome"])

    def assert_balanced(self):
        self.front.money()
        audit = self.front.audit(deep=True).body
        self.assertEqual((0, True, []), (audit["difference"], audit["balanced"], audit.get("violations", [])))

    def test_a_process_whose_name_another_one_takes_ends_and_its_shards_are_served(self):
        first, other = self.region.nodes
        second = Node(first.name, self.region.directory / "second", self.region.binaries / "hongbaod",
                      self.region.config)
        self.addCleanup(second.kill)
        second.start()
        began = time.monotonic()
        eventually(lambda: not readyz(first.health), "the replaced one is not ready", LEASE_S)
        self.assertNotEqual(0, first.process.wait(20))
        self.assertLess(time.monotonic() - began, 10)
        self.assertRegex(first.log.read_text().splitlines()[-1], f"^hongbaod: .*{first.name}")
        self.assertEqual(1, first.log.read_text().count('"node_replaced"'))
        eventually(lambda: len(self.serving(second, other)) == 4, "every shard has an owner")
        self.front.admin = other.admin
        for _ in range(8):
            self.front.paid_packet("sender", kind="equal", total_amount=100, count=1)
        self.assert_balanced()

    def test_a_node_that_differs_does_not_join(self):
        self.await_owners()
        before = list(map(self.serving, self.region.nodes))
        for setting, key, here, there in [("shards.count=8", "shards.count", "8", "4"),
                                          ("shards.count=2", "shards.count", "2", "4"),
                                          ("region.name=north", "region.name", "north", "south"),
                                          ("node.lease_ms=9000", "node.lease_ms", "9000", "3000"),
                                          (f"mariadb.orders={self.region.mariadb.address},{self.region.mariadb.address}",
                                           "mariadb.orders", "a list of 2", "a list of 1")]:
            with self.subTest(setting=setting):
                done = self.start_node("stranger", "stranger", setting)
                self.assertEqual((2, 1), (done.returncode, len(done.stderr.splitlines())), done.stderr)
                self.assertRegex(done.stderr, f"^hongbaod: {key} .*{here}.*{there}.*node")
        self.assertEqual(before, list(map(self.serving, self.region.nodes)))

    def test_shards_are_left_out_only_while_they_have_no_orders(self):
        ids = {self.front.paid_packet("sender", kind="equal", total_amount=100, count=1)["id"][:4] for _ in range(12)}
        self.assertIn("s003", ids)
        for node in self.region.nodes:
            node.stop()
        for setting, key in [("shards.count=3", "shards.count"), ("region.name=north", "region.name")]:
            done = self.start_node("node1", "again", setting)
            self.assertEqual((2, 1), (done.returncode, len(done.stderr.splitlines())), done.stderr)
            self.assertRegex(done.stderr, f"^hongbaod: {key} leaves out shard s00")
        subprocess.run([binary("hongbaoctl"), "--config", str(self.region.config), "schema", "migrate"], check=True,
                       env={**os.environ, "HONGBAO_SHARDS_COUNT": "5"}, capture_output=True, timeout=60)
        node = self.region.nodes[0]
        command = node.command
        for count in (5, 4):
            node.command = lambda count=count: [*command(), f"--set=shards.count={count}"]
            node.start()
            self.assertEqual(count, len(self.shards(node)))
            node.stop()

    def test_a_clean_stop_refuses_no_call(self):
        leaving, staying = self.region.nodes
        self.await_owners()
        probers = [Prober(self.front, self.region.haproxy.address), Prober(self.front, leaving.address)]
        time.sleep(0.5)
        leaving.process.terminate()
        time.sleep(1.5)  # it takes connections for node.leave_ms
        probers[1].stop()
        self.assertEqual(0, leaving.process.wait(20))
        time.sleep(0.5)
        probers[0].stop()
        for prober in probers:
            self.assertEqual([], prober.refused)
            self.assertEqual(6, len(prober.counts), prober.counts)
        self.front.admin = staying.admin
        self.assert_balanced()

    def test_large_pages_of_another_node_neither_delay_nor_end_what_else_is_forwarded(self):
        self.await_owners()
        entry, owner = self.region.nodes
        wide = self.packet_of(owner, kind="equal", total_amount=PAGE + 1, count=PAGE + 1)
        self.take_many(owner.address, wide, [f"taker-{number:05}" for number in range(PAGE)])
        grabbed = self.packet_of(owner, kind="equal", total_amount=10, count=10)
        hogs = [PageHog(entry.address, wide, user_token(f"taker-{number:05}", self.front.jwt_secret)) for number in range(3)]
        time.sleep(0.3)
        took_s = []
        with Client(entry.address, user_token("modest", self.front.jwt_secret)) as client:
            until = time.monotonic() + 4
            while time.monotonic() < until:
                began = time.monotonic()
                answer = client.grab(grabbed)
                took_s.append(time.monotonic() - began)
                self.assertEqual((200, owner.name), (answer.status, answer.headers["Hongbao-Owner"]), answer)
        for hog in hogs:
            hog.stop()
        statuses = [status for hog in hogs for status in hog.statuses]
        self.assertLessEqual(set(statuses), {200, 503})
        self.assertGreater(statuses.count(200), 10)
        self.assertLess(statistics.median(took_s), 0.1, (len(took_s), max(took_s), len(statuses)))
        for node in self.region.nodes:
            for event in ("peer_gone", "peer_lost"):
                self.assertEqual(0, node.log.read_text().count(f'"{event}"'), (node.name, event))

    def test_while_the_databases_are_frozen_everybody_is_told_in_time(self):
        probers = [Prober(self.front, self.region.haproxy.address), Prober(self.front, self.region.nodes[0].address)]
        time.sleep(0.5)
        self.region.mariadb.freeze()
        time.sleep(3 * COMMAND_TIMEOUT_S)
        self.region.mariadb.thaw()
        for prober in probers:
            prober.stop()
            told = {(kind, problem) for kind, _, problem, _ in prober.refused}
            self.assertLess(prober.told_within, COMMAND_TIMEOUT_S + 1, told)
            self.assertIn(("open", "outcome_unknown"), told)
            self.assertIn(("wallet", "deadline_exceeded"), told)
            self.assertEqual([], [each for each in prober.refused if "busy" in each[-1] or each[2] == "overloaded"])
        self.assert_balanced()

    def test_while_a_node_is_frozen_everybody_is_told_in_time(self):
        self.await_owners()
        frozen, other = self.region.nodes
        prober = Prober(self.front, self.region.haproxy.address)
        time.sleep(0.5)
        frozen.freeze()
        time.sleep(HAPROXY_PATIENCE_S + 1)
        frozen.thaw()
        prober.stop()
        self.assertLess(prober.told_within, HAPROXY_PATIENCE_S + 0.2)
        self.front.admin = other.admin
        self.assert_balanced()


if __name__ == "__main__":
    unittest.main()
