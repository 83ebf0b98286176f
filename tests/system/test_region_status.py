"""What an operator on call sees of a region of two nodes while its engines and nodes are frozen, killed and back: from
any node, in time whatever is frozen, and true."""

import collections
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import unittest

from hongbao_client import Client, user_token
from system import Server, binary, eventually

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from region import Region  # noqa: E402

TOLD_WITHIN_S = 2.5
READY_WITHIN_S = 0.5


class Front(Server):
    """The region through its balancer; operators ask the first node."""

    def __init__(self, region):
        self.directory, self.config, self.environment = region.directory, region.config, dict(os.environ)
        self.jwt_secret = self.secret("jwt.secret")
        self.admin_token = self.secret("admin.token").decode()
        self.public, self.admin = region.haproxy.address, region.nodes[0].admin
        self._keys = itertools.count()


class RegionStatusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="hongbao-region-"))
        cls.region = Region(directory, pathlib.Path(binary("hongbaod")).parent, nodes=2)
        cls.addClassCleanup(cls.region.kill)
        cls.region.start()
        cls.front = Front(cls.region)
        cls.packets = {}
        while len(cls.packets) < 4:
            packet = cls.front.paid_packet("sender", kind="equal", total_amount=1000, count=100)["id"]
            cls.packets.setdefault(packet[:4], packet)

    def setUp(self):
        self.first, self.second = self.region.nodes
        eventually(lambda: all(self.status(node)["ok"] for node in self.region.nodes), "all is well", 30)
        eventually(lambda: {"node1", "node2"} == {each["owner"] for each in self.shards().values()}, "both own some",
                   15)

    def ask(self, node, path):
        """The body, and whatever is frozen, in time."""
        began = time.monotonic()
        token, address = (None, node.health) if path == "/readyz" else (self.front.admin_token, node.admin)
        with Client(address, token, timeout_s=10) as operator:
            answer = operator.get(path)
        self.assertLess(time.monotonic() - began, READY_WITHIN_S if path == "/readyz" else TOLD_WITHIN_S, path)
        return answer

    def status(self, node=None):
        return self.ask(node or self.first, "/admin/v1/region").body

    def shards(self, node=None):
        return {each["shard"]: each for each in self.ask(node or self.first, "/admin/v1/shards").body["shards"]}

    def readyz(self, node=None):
        answer = self.ask(node or self.first, "/readyz")
        return answer.status, answer.body

    def metric(self, node, name):
        found = re.search(rb"^" + re.escape(name.encode()) + rb" (\S+)$", self.ask(node, "/metrics").raw, re.M)
        self.assertIsNotNone(found, name)
        return float(found[1])

    def connections(self, engine, server):
        return self.metric(self.first, f'hongbao_engine_connections{{engine="{engine}",server="{server}"}}')

    def ctl(self, *arguments):
        return self.front.ctl(*arguments, check=False)

    def grab(self):
        """A ticket for each packet, whose shards have them in memory then."""
        client = Client(self.first.address, user_token(f"late-{time.monotonic_ns()}", self.front.jwt_secret),
                        timeout_s=30)
        self.addCleanup(client.close)
        return client, {packet: client.grab(packet).body["ticket"] for packet in self.packets.values()}

    def open_in_background(self, client, tickets):
        """Opens that may take long."""
        def run():
            for packet, ticket in tickets.items():
                client.open(packet, ticket)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)

    @staticmethod
    def log_of(node, skip=0):
        return [json.loads(line) for line in node.log.read_text().splitlines()[skip:] if line.startswith("{")]

    def logged(self, node, event, skip=0):
        return [line for line in self.log_of(node, skip) if line["event"] == event]

    def test_one_view_from_any_node(self):
        for node in self.region.nodes:
            status = self.status(node)
            self.assertEqual((node.name, True, []), (status["node"], status["ok"], status["troubles"]))
            self.assertEqual([("node1", True, True, True), ("node2", True, True, True)],
                             [(each["node"], each["alive"], each["answers"], each["ready"])
                              for each in status["nodes"]])
            self.assertEqual(4, sum(each["shards"] for each in status["nodes"]))
            self.assertEqual({"serving"}, {each["state"] for each in status["shards"]})
            self.assertEqual({("mariadb", True), ("redis", True), ("nats", True)},
                             {(each["engine"], each["answers"]) for each in status["engines"]})
        self.assertEqual({each["shard"]: each["owner"] for each in self.status(self.second)["shards"]},
                         {shard: each["owner"] for shard, each in self.shards().items()})
        self.assertGreater(min(each["lease_left_ms"] for each in self.shards().values()), 0)
        self.assertEqual((200, {"status": "ready"}), self.readyz())
        shown = self.ctl("region", "status")
        self.assertEqual(0, shown.returncode, shown)
        self.assertIn("node2", shown.stdout)
        for shard, each in self.shards().items():
            owned = {node.name: self.metric(node, f'hongbao_shard_owned{{shard="{shard}"}}')
                     for node in self.region.nodes}
            self.assertEqual({name: float(name == each["owner"]) for name in owned}, owned)
            owner = next(node for node in self.region.nodes if node.name == each["owner"])
            self.assertEqual(1, self.metric(owner, f'hongbao_shard_state{{shard="{shard}",state="serving"}}'))
            self.assertEqual(each["epoch"], self.metric(owner, f'hongbao_shard_epoch{{shard="{shard}"}}'))
        server = self.region.mariadb.address
        self.assertGreater(self.connections("mariadb", server), 4)
        self.assertEqual(1, self.connections("redis", self.region.redis.address))
        with self.front.user("nobody") as client:
            client.get("/v1/packets/nonsense")
        self.assertGreater(sum(self.metric(node, 'hongbao_http_problems_total{type="not_found"}')
                               for node in self.region.nodes), 0)

    def test_a_frozen_database_is_told_and_holds_up_no_operator(self):
        before = {node.name: len(node.log.read_text().splitlines()) for node in self.region.nodes}
        grabbed = self.grab()
        self.region.mariadb.freeze()
        frozen_at = time.monotonic()
        self.addCleanup(self.region.mariadb.thaw)
        self.open_in_background(*grabbed)

        def troubles():
            told = self.status()["troubles"]
            pending = {text[:4] for text in told if "has been pending for" in text}
            silent = any("mariadb (orders)" in text and "has not answered node2" in text for text in told)
            return told if pending == set(self.packets) and silent else None

        eventually(troubles, "every commit that hangs is told, and the database", 20)
        shards = self.shards()
        owners = {shard: each["owner"] for shard, each in shards.items()}
        self.assertEqual({"node1", "node2"}, set(owners.values()))
        self.assertTrue(all(each["commit_pending_ms"] > 0 for each in shards.values() if each["owner"] == "node1"))
        self.assertGreater(min(each["seen_ms_ago"] for each in shards.values()), 0)
        status, body = self.readyz()
        self.assertEqual((200, "ready"), (status, body["status"]))  # HAProxy without nodes would be no better
        self.assertTrue(any("mariadb" in text for text in body["degraded"]), body)
        self.assertEqual(0, self.metric(self.first, f'hongbao_engine_up{{engine="mariadb",server="'
                                        f'{self.region.mariadb.address}",use="orders"}}'))
        shown = self.ctl("region", "status")
        self.assertEqual(1, shown.returncode, shown)
        self.assertIn("has not answered", shown.stdout)
        time.sleep(max(0, 13 - (time.monotonic() - frozen_at)))  # the longest limit of a connection, and some more
        self.region.mariadb.thaw()
        eventually(lambda: self.status()["ok"], "all is well again", 30)
        for node in self.region.nodes:
            failed = self.logged(node, "mariadb_failed", before[node.name])
            self.assertTrue(any("no answer within" in line["error"] for line in failed), failed)
            self.assertEqual([], [line for line in failed if "Lost connection" in line["error"]])
            self.assertEqual({self.region.mariadb.address}, {line["server"] for line in failed})
            self.assertTrue(any(line["shard"] in self.packets for line in failed), failed)
            self.assertGreater(self.metric(node, "hongbao_beats_failed_total"), 0)
            self.assert_quiet(node, before[node.name])

    def assert_quiet(self, node, skip):
        """No event is repeated within a second more often than for each shard or call once."""
        each_second = collections.Counter((line["event"], line.get("shard"), line.get("call"), line["at"][:19])
                                          for line in self.log_of(node, skip))
        event, most = max(each_second.items(), key=lambda entry: entry[1])
        self.assertLessEqual(most, 4, event)

    def test_a_dead_database_fills_no_log(self):
        before = {node.name: len(node.log.read_text().splitlines()) for node in self.region.nodes}
        grabbed = self.grab()
        self.region.mariadb.kill()
        self.open_in_background(*grabbed)
        eventually(lambda: not self.status()["ok"], "it is told", 10)
        time.sleep(4)
        self.region.mariadb.start()
        eventually(lambda: self.status()["ok"], "all is well again", 30)
        for node in self.region.nodes:
            self.assert_quiet(node, before[node.name])
            self.assertLess(len(node.log.read_text().splitlines()) - before[node.name], 200)

    def test_redis_and_nats_are_told(self):
        for engine in (self.region.redis, self.region.nats):
            engine.kill()
            told = eventually(lambda name=engine.name: [text for text in self.status()["troubles"]
                                                        if text.startswith(name) and "node2" in text], "it is told", 15)
            self.assertIn(str(engine.port), told[0])
            self.assertEqual(200, self.readyz()[0])
            self.assertEqual(0, self.connections(engine.name, engine.address if engine.name == "redis" else "control"))
            engine.start()
            eventually(lambda: self.status()["ok"], "all is well again", 30)

    def test_a_dead_node_is_told_by_the_other_and_who_got_its_shards(self):
        lost = [shard for shard, each in self.shards().items() if each["owner"] == "node2"]
        self.second.freeze()
        told = eventually(lambda: self.status()["troubles"], "it is told", 10)
        self.assertTrue(any("node2" in text for text in told), told)
        eventually(lambda: all(each["owner"] == "node1" for each in self.shards().values()), "its shards are taken",
                   15)
        status = self.status()
        self.assertFalse(status["ok"])
        self.assertIn("node2 has been silent", " ".join(status["troubles"]))
        self.second.thaw()  # it learns that it has lost them
        for shard in lost:
            eventually(lambda shard=shard: any(line["shard"] == shard and line["owner"].startswith("node1")
                                               for line in self.logged(self.second, "shard_lost")),
                       "it says to whom", 15)


if __name__ == "__main__":
    unittest.main()
