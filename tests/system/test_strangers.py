"""Somebody who can write to NATS and Redis and has no secret of the nodes': forges vouchers, changes and repeats what they
wrote, sets switches, and puts entries into the cache. No wallet, no switch and no process changes for it. Who has no
password of an engine, or comes in plain text, is not let in at all."""

import itertools
import pathlib
import random
import re
import socket
import subprocess
import sys
import time
import unittest

from hongbao_client import Client, user_token
from nats_stranger import RefusedError, Stranger, voucher_batch
from system import eventually
from two_nodes import TwoNodesTest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from engines import find  # noqa: E402

STREAM = "HONGBAO_SOUTH_VOUCHERS"
BUCKET = "hongbao_control"
LOOKS_S = 3  # a node looks at the control bucket several times in it, and follows the stream


class StrangersTest(TwoNodesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.counter = itertools.count()

    def setUp(self):
        nats = self.region.nats
        self.stranger = Stranger(nats, nats.user, nats.password())
        self.addCleanup(self.stranger.close)

    def take(self, user, packet):
        with Client(self.front.public, user_token(user, self.front.jwt_secret)) as client:
            return client.take(packet)

    def packet(self):
        return self.front.paid_packet("sender", kind="equal", total_amount=1000, count=10)["id"]

    def next_voucher(self, shard):
        with self.front.operator() as operator:
            shards = {entry["shard"]: entry for entry in operator.get("/admin/v1/shards").body["shards"]}
        return shards[shard]["next_voucher"]

    def refused(self):
        """Messages that the nodes did not believe."""
        total = 0
        for node in self.region.nodes:
            with Client(node.admin, self.front.admin_token) as operator:
                found = re.search(rb"^hongbao_stream_refused_total (\d+)", operator.get("/metrics").raw, re.M)
                total += int(found[1])
        return total

    def messages(self):
        """All that the stream holds, by number."""
        return [self.stranger.stored(STREAM, number)
                for number in range(1, self.stranger.last_number(STREAM) + 1)]

    def say_to_all(self, payload, subjects=None):
        for shard in range(4):
            self.stranger.publish(f"hongbao.south.vouchers.s{shard:03}", payload(f"s{shard:03}"))
        self.stranger.flush()

    def test_a_forged_voucher_moves_no_money(self):
        packet = self.packet()
        shard = packet[:4]
        self.take("honest-0", packet)
        self.front.money()
        mallory = f"mallory-{next(self.counter)}"
        before = self.refused()
        said = 0
        for amount in (15_000, 0, -1, 1):
            for ahead in (0, 1):
                body = voucher_batch(shard, self.next_voucher(shard) + ahead, mallory, amount, 20_800, 7)
                for mac in (b"", bytes(32), random.randbytes(32)):
                    self.stranger.publish(f"hongbao.south.vouchers.{shard}", mac + body)
                    said += 1
        for garbage in (b"", b"x", random.randbytes(1_000), b"\xff" * 100_000):
            self.stranger.publish(f"hongbao.south.vouchers.{shard}", garbage)
            said += 1
        self.stranger.flush()
        # Two followers of the shard hear each.
        eventually(lambda: self.refused() >= before + 2 * said, "nodes have looked at all of it")
        share = self.take("honest-1", packet)["share"]
        self.front.money()
        self.assertEqual(0, self.front.balance(mallory))
        self.assertEqual(share["amount"], self.front.balance("honest-1"), "the honest taker of the number is credited")

    def test_what_nodes_wrote_can_be_repeated_and_changed_to_no_effect(self):
        packet = self.packet()
        takers = [f"taker-{next(self.counter)}" for _ in range(5)]
        shares = {taker: self.take(taker, packet)["share"]["amount"] for taker in takers}
        self.front.money()
        heard = [message for message in self.messages() if message and message[1]]
        self.assertNotEqual([], heard)
        dice = random.Random(7)
        for subject, payload in dice.choices(heard, k=200):
            self.stranger.publish(subject, payload)
            changed = bytearray(payload)
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            self.stranger.publish(subject, bytes(changed))
            elsewhere = f"hongbao.south.vouchers.s{dice.randrange(4):03}"
            self.stranger.publish(elsewhere, payload)
        self.stranger.flush()
        late = [f"late-{next(self.counter)}" for _ in range(5)]
        shares |= {taker: self.take(taker, packet)["share"]["amount"] for taker in late}
        self.front.money()
        for taker, amount in shares.items():
            self.assertEqual(amount, self.front.balance(taker), taker)

    def test_a_stranger_sets_no_switch(self):
        self.assertEqual(200, self.set_switch("deep_lists", False).status)
        for node in self.region.nodes:
            eventually(lambda node=node: self.is_off(node, "deep_lists"), "every node has heard of it")
        kept = {number: self.stranger.stored(f"KV_{BUCKET}", number)
                for number in range(1, self.stranger.last_number(f"KV_{BUCKET}") + 1)}
        self.assertEqual(200, self.set_switch("deep_lists", True).status)
        for node in self.region.nodes:
            eventually(lambda node=node: not self.is_off(node, "deep_lists"), "every node has heard of that too")
        for key in ("sends", "grabs", "opens", "settlement", "deep_lists"):
            for value in (b"off", b"", b"on", b"\xff" * 1_000, b"1 off", b"99999999999999999999 off 00"):
                self.stranger.publish(f"$KV.{BUCKET}.switch.{key}", value)
        for value in (b"north=100,south=0", b"south=0", b"x"):
            self.stranger.publish(f"$KV.{BUCKET}.traffic", value)
        for _, message in kept.items():  # what an operator once set, and took back
            if message:
                self.stranger.publish(*message)
        self.stranger.flush()
        end = time.monotonic() + LOOKS_S
        while time.monotonic() < end:
            for node in self.region.nodes:
                with Client(node.admin, self.front.admin_token) as operator:
                    switches = operator.get("/admin/v1/switches").body["switches"]
                    self.assertEqual({True}, set(switches.values()), switches)
                    self.assertEqual({"south": 100}, operator.get("/admin/v1/traffic").body["weights"])
            time.sleep(0.1)
        self.take(f"taker-{next(self.counter)}", self.packet())
        # What operators set still holds, also on a node that starts now.
        self.assertEqual(200, self.set_switch("deep_lists", False).status)
        node = self.region.nodes[1]
        node.stop()
        node.start()
        self.addCleanup(self.set_switch, "deep_lists", True)
        for each in self.region.nodes:
            eventually(lambda each=each: self.is_off(each, "deep_lists"), "the switch is off at every node")

    def redis_keys(self, pattern):
        return self.region.redis.cli("--scan", "--pattern", pattern).split()

    def test_garbage_in_the_cache_is_nothing(self):
        packet = self.packet()
        self.take("looker", packet)
        with self.front.user("looker") as looker:
            before = looker.packet(packet).body
            self.assertNotEqual([], self.redis_keys("*"))
            for key in self.redis_keys("*packet:*") + self.redis_keys("*view:*") + self.redis_keys("*inbox:*"):
                self.region.redis.cli("SET", key, "garbage", "EX", "60")
            self.assertEqual(before, looker.packet(packet).body)
            self.assertEqual(200, looker.get("/v1/users/me/shares").status)
        self.take("another", packet)

    def test_nobody_is_made_to_pay_for_a_strangers_packet(self):
        request = {"kind": "equal", "total_amount": 1000, "count": 10}
        with self.front.user("mallory") as mallory, self.front.user("alice") as alice:
            hers = alice.send("her-key", **request)
            theirs = mallory.send("their-key", **request)
            self.assertEqual((201, 201), (hers.status, theirs.status))
            (of_mallory,) = self.redis_keys("*send:mallory:their-key")
            (of_alice,) = self.redis_keys("*send:alice:her-key")
            for key in (of_alice, of_alice.replace("her-key", "next-key")):
                self.region.redis.cli("COPY", of_mallory, key, "REPLACE")
            for key in ("her-key", "next-key"):
                sent = alice.send(key, **request)
                self.assertEqual(201, sent.status, sent)
                self.assertEqual("alice", sent.body["packet"]["sender_id"])
                self.assertNotEqual(theirs.body["packet"]["id"], sent.body["packet"]["id"])

    def test_nats_lets_nobody_in_without_password_and_tls(self):
        nats = self.region.nats
        for user, password in ((None, None), (nats.user, "another"), (nats.user, None), ("another", nats.password())):
            with self.assertRaisesRegex(RefusedError, "Authorization Violation"):
                Stranger(nats, user, password)
        with self.assertRaises((RefusedError, ConnectionError)):
            Stranger(nats, nats.user, nats.password(), encrypted=False)

    def test_redis_lets_nobody_in_without_password_and_tls(self):
        redis = self.region.redis

        def ping(*how, password=""):
            return subprocess.run([find("redis-cli"), "-p", str(redis.port), *how, "PING"], check=False, timeout=20,
                                  capture_output=True, text=True, env={"REDISCLI_AUTH": password}).stdout

        encrypted = ("--tls", "--cacert", redis.authority.file)
        self.assertEqual("PONG\n", ping(*encrypted, "--user", redis.user, password=redis.password()))
        self.assertIn("NOAUTH", ping(*encrypted))
        self.assertNotIn("PONG", ping(*encrypted, "--user", redis.user, password="another"))
        self.assertNotIn("PONG", ping(*encrypted, password=redis.password()))
        with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as plain:
            plain.sendall(f"AUTH {redis.user} {redis.password()}\r\nPING\r\n".encode())
            try:
                self.assertNotIn(b"+", plain.recv(1000))
            except ConnectionError:
                pass

    def test_mariadb_lets_nobody_in_without_password_and_tls(self):
        mariadb = self.region.mariadb

        def ask(*how, password):
            return subprocess.run([find("mariadb"), "--no-defaults", "-h", "127.0.0.1", "-P", str(mariadb.port),
                                   "-u", mariadb.user, *how, "-Ne", "SELECT 1"], check=False, timeout=20,
                                  capture_output=True, text=True, env={"MYSQL_PWD": password})

        encrypted = (f"--ssl-ca={mariadb.authority.file}", "--ssl-verify-server-cert")
        self.assertEqual("1\n", ask(*encrypted, password=mariadb.password()).stdout)
        self.assertIn("Access denied", ask(*encrypted, password="another").stderr)
        self.assertIn("Access denied", ask("--skip-ssl", password=mariadb.password()).stderr)

    def set_switch(self, name, on):
        with Client(self.region.nodes[0].admin, self.front.admin_token) as operator:
            return operator.call("PUT", "/admin/v1/switches", {"switches": {name: on}})

    def is_off(self, node, name):
        with Client(node.admin, self.front.admin_token) as operator:
            return operator.get("/admin/v1/switches").body["switches"][name] is False


if __name__ == "__main__":
    unittest.main()
