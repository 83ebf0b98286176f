"""A region of three nodes on real engines, from outside and through HAProxy: any node takes any request, HAProxy learns
who owns what, and a node may stop or die without users' requests failing."""

import itertools
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time
import unittest

from hongbao_client import Client, user_token
from system import Server, binary, eventually

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from engines import EngineError  # noqa: E402
from region import Region  # noqa: E402

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

    def client_of(self, node, user="anyone"):
        client = Client(node.address, user_token(user, self.front.jwt_secret))
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

    def assert_balanced(self):
        self.front.money()
        audit = self.front.audit(deep=True).body
        self.assertEqual((0, True, []), (audit["difference"], audit["balanced"], audit.get("violations", [])))

    def test_any_node_gives_the_same_share(self):
        for packet in self.packets.values():
            shares = [self.client_of(node, "taker").take(packet)["share"] for node in self.nodes.values()]
            self.assertEqual([shares[0]] * len(shares), shares)
        self.assertGreater(len(set(self.owners().values())), 1)
        self.assert_balanced()

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
