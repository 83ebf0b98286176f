"""deploy/haproxy.cfg before dummy nodes: where requests go, what is learned of owners, and what a lost node does."""

import http.client
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy"))
from engines import Engine, Haproxy, answers, free_port  # noqa: E402

SHARDS = [f"s{number:03}" for number in range(40)]
# Longer than two checks that fail: 500 ms apart, each with a limit of 1 s.
NOTICED_S = 4
COMMAND_TIMEOUT_S = 5  # shards.command_timeout_ms, which haproxy.cfg counts on


def packet(shard, verb=""):
    return f"/v1/packets/{shard}-261122-01000003k-4qz8mn2r{verb}"


class DummyNode(Engine):
    def __init__(self, name, directory, owners):
        super().__init__(name, directory)
        self.admin_port = free_port()
        self.owners = owners

    def command(self):
        return [sys.executable, HERE / "dummy_node.py", self.name, self.port, self.admin_port, self.owners]

    def is_ready(self):
        return answers(self.port) and answers(self.admin_port)

    def unready(self):
        self.process.send_signal(signal.SIGUSR1)

    def requests(self, path):
        return sum(path in line for line in self.log.read_text().splitlines())


class HaproxyTest(unittest.TestCase):
    def setUp(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-haproxy-")))
        self.owners = directory / "owners.json"
        self.own({})
        self.nodes = {name: DummyNode(name, directory / name, self.owners) for name in "abc"}
        self.haproxy = Haproxy(directory / "haproxy", [(node.name, node.address, node.admin_port)
                                                       for node in self.nodes.values()])
        for engine in [*self.nodes.values(), self.haproxy]:
            self.addCleanup(engine.kill)
            engine.start()
        self.client = http.client.HTTPConnection("127.0.0.1", self.haproxy.port, timeout=30)
        self.addCleanup(self.client.close)

    def own(self, owners):
        new = self.owners.with_suffix(".new")
        new.write_text(json.dumps(owners))
        new.rename(self.owners)

    def ask(self, path, method="GET", body=None):
        self.client.request(method, path, body)
        answer = self.client.getresponse()
        answer.read()
        return answer

    def served_by(self, path, method="GET", body=None):
        answer = self.ask(path, method, body)
        self.assertEqual(200, answer.status)
        return answer.headers["Served-By"]

    def learn(self, owners):
        self.own(owners)
        for shard in owners:
            self.served_by(packet(shard))

    def requests(self, path):
        return sum(node.requests(path) for node in self.nodes.values())

    def is_up(self, node):
        """HAProxy's view."""
        for line in self.haproxy.ask("show stat").splitlines():
            fields = line.split(",")
            if fields[:2] == ["nodes", node]:
                return fields[17].startswith("UP")
        self.fail(f"HAProxy does not know {node}")

    def await_view(self, node, up):
        end = time.monotonic() + NOTICED_S
        while self.is_up(node) != up:
            self.assertLess(time.monotonic(), end, f"{node} is not taken to be {'up' if up else 'down'}")
            time.sleep(0.05)

    # Where requests go.

    def test_packets_of_a_shard_go_to_one_node_and_shards_to_all_nodes(self):
        first = {shard: self.served_by(packet(shard)) for shard in SHARDS}
        self.assertEqual(set(self.nodes), set(first.values()))
        for verb in (":grab", ":open", "/shares"):
            self.assertEqual(first, {shard: self.served_by(packet(shard, verb), "POST") for shard in SHARDS})

    def test_calls_without_a_shard_go_round(self):
        for path in ("/v1/packets", "/v1/payments:notify", "/v1/users/me/wallet", "/v1/packets/nonsense"):
            self.assertEqual(set(self.nodes), {self.served_by(path, "POST", "{}") for _ in range(6)}, path)

    def test_connections_to_nodes_are_kept_whatever_clients_do(self):
        connections = set()
        for shard in SHARDS:
            self.client.close()
            connections.add(self.ask(packet(shard)).headers["Served-On"])
        # Each of its threads may have its own.
        self.assertLessEqual(len(connections), len(self.nodes) * min(os.cpu_count(), len(SHARDS) // 10))

    # What is learned.

    def test_an_owner_that_was_named_gets_the_next_request(self):
        for owner in self.nodes:
            owners = {shard: owner for shard in SHARDS}
            self.learn(owners)
            self.assertEqual(owners, {shard: self.served_by(packet(shard)) for shard in SHARDS})

    def test_the_owner_is_not_told_to_clients(self):
        self.own({shard: "a" for shard in SHARDS})
        for shard in SHARDS:
            self.assertNotIn("Hongbao-Owner", self.ask(packet(shard)).headers)
        self.assertGreater(len(self.haproxy.learned()), 0)

    def test_only_answers_about_a_packet_teach(self):
        self.own({"mine": "a", "s00-": "a", "0001": "a"})
        for path in ("/v1/lists/mine", "/v1/packets/s00-261122", "/v1/packets/00012345"):
            for _ in range(3):
                self.served_by(path)
        self.assertEqual({}, self.haproxy.learned())

    def test_an_owner_that_is_no_server_is_passed_over(self):
        before = {shard: self.served_by(packet(shard)) for shard in SHARDS}
        self.learn({shard: "stranger" for shard in SHARDS})
        self.assertEqual({shard: "stranger" for shard in SHARDS}, self.haproxy.learned())
        self.assertEqual(before, {shard: self.served_by(packet(shard)) for shard in SHARDS})

    # Without a node.

    def test_a_learned_owner_that_is_down_holds_up_no_request(self):
        self.learn({shard: "a" for shard in SHARDS})
        self.nodes["a"].kill()
        began = time.monotonic()
        for shard in SHARDS:  # the first before any check could tell
            self.assertIn(self.served_by(packet(shard)), "bc")
        self.assertLess(time.monotonic() - began, 2)
        self.await_view("a", up=False)
        self.nodes["a"].start()
        self.await_view("a", up=True)
        self.assertEqual({"a"}, {self.served_by(packet(shard)) for shard in SHARDS})

    def test_a_request_whose_node_dies_is_asked_again_with_its_body(self):
        path = packet("s001", ":open?die=a")
        body = '{"ticket":"t"}'
        self.learn({"s001": "a"})
        self.client.putrequest("POST", path)
        self.client.putheader("Content-Length", len(body))
        self.client.endheaders()
        time.sleep(0.1)  # long enough for the body to come in a packet of its own
        self.client.send(body.encode())
        answer = self.client.getresponse()
        self.assertEqual((200, body), (answer.status, answer.headers["Served-Body"]))
        self.assertEqual(1, self.nodes["a"].requests(f"{path} {body}"))
        self.assertEqual(2, self.requests(f"{path} {body}"))

    def test_a_request_whose_node_is_frozen_is_told_so_in_time_and_others_go_elsewhere(self):
        self.learn({shard: "a" for shard in SHARDS})
        self.nodes["a"].freeze()
        began = time.monotonic()
        self.assertEqual(504, self.ask(packet("s001", ":open"), "POST", "{}").status)
        self.assertLess(time.monotonic() - began, COMMAND_TIMEOUT_S + 1)
        began = time.monotonic()
        for shard in SHARDS:
            self.assertIn(self.served_by(packet(shard)), "bc")
        self.assertLess(time.monotonic() - began, 2)
        self.nodes["a"].thaw()
        self.await_view("a", up=True)

    def test_a_refusal_is_not_asked_again(self):
        answer = self.ask(packet("s001", ":open") + "?busy", "POST", "{}")
        self.assertEqual((503, True), (answer.status, "Served-By" in answer.headers), "the node's own words")
        self.assertEqual(1, self.requests("?busy"))

    def test_a_refusal_of_a_request_that_was_asked_before_is_no_word_on_what_became_of_it(self):
        self.learn({"s001": "a", "s002": "b"})
        for method, shard, owner, status_type in (("POST", "s001", "a", "outcome_unknown"), ("GET", "s002", "b", None)):
            path = packet(shard, ":open") + f"?die={owner}&busy"
            self.client.request(method, path, "{}")
            answer = self.client.getresponse()
            body = answer.read()
            self.assertEqual((503, 2), (answer.status, self.requests(path)))
            self.assertEqual(status_type, json.loads(body)["type"].rpartition(":")[2] if body else None)
            if status_type:
                self.assertEqual(("application/problem+json", "1"),
                                 (answer.headers["Content-Type"], answer.headers["Retry-After"]))

    def test_a_node_that_is_not_ready_gets_nothing(self):
        self.learn({shard: "a" for shard in SHARDS})
        self.own({shard: "b" for shard in SHARDS})
        self.nodes["a"].unready()
        self.await_view("a", up=False)
        self.assertNotIn("a", {self.served_by(packet(shard)) for shard in SHARDS})


if __name__ == "__main__":
    unittest.main()
