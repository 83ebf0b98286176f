"""deploy/haproxy.cfg before dummy nodes: where requests go, what is learned of owners, and what a lost node does."""

import functools
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import sys
import tempfile
import time
import unittest
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "deploy"))
from certificates import Authority  # noqa: E402
from engines import Engine, Haproxy, answers, free_port  # noqa: E402

ROOT = HERE.parents[1]

SHARDS = [f"s{number:03}" for number in range(40)]
# Longer than two checks that fail: 500 ms apart, each with a limit of 1 s.
NOTICED_S = 4
COMMAND_TIMEOUT_S = 5  # shards.command_timeout_ms, which haproxy.cfg counts on


def packet(shard, verb=""):
    return f"/v1/packets/{shard}-261122-01000003k-4qz8mn2r{verb}"


class DummyNode(Engine):
    def __init__(self, name, directory, owners):
        super().__init__(name, directory)
        self.health_port = free_port()
        self.owners = owners

    def command(self):
        return [sys.executable, HERE / "dummy_node.py", self.name, self.port, self.health_port, self.owners]

    def is_ready(self):
        return answers(self.port) and answers(self.health_port)

    def unready(self):
        self.process.send_signal(signal.SIGUSR1)

    def requests(self, path):
        return sum(path in line for line in self.log.read_text().splitlines())


class HastyHaproxy(Haproxy):
    """Waits for nothing for long."""

    def prepare(self):
        super().prepare()
        text = self.config.read_text()
        for patient, hasty in (("timeout server 5800ms", "timeout server 200"),
                               ("timeout http-request 10s", "timeout http-request 300")):
            assert patient in text
            text = text.replace(patient, hasty)
        self.config.write_text(text)


class NarrowHaproxy(Haproxy):
    """Lets an address have little."""

    CONNECTIONS_MAX = 3
    REQUESTS_PER_S_MAX = 20

    def environment(self):
        return {**super().environment(), "HONGBAO_HAPROXY_ADDRESS_CONNECTIONS_MAX": str(self.CONNECTIONS_MAX),
                "HONGBAO_HAPROXY_ADDRESS_REQUESTS_PER_S_MAX": str(self.REQUESTS_PER_S_MAX)}


class HaproxyCase(unittest.TestCase):
    haproxy_class = Haproxy

    def setUp(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-haproxy-")))
        self.owners = directory / "owners.json"
        self.own({})
        self.nodes = {name: DummyNode(name, directory / name, self.owners) for name in "abc"}
        self.haproxy = self.haproxy_class(directory / "haproxy", [(node.name, node.address, node.health_port)
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


class HaproxyTest(HaproxyCase):
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


class OwnAnswersTest(HaproxyCase):
    """What HAProxy says itself has the shape of what nodes say, and never that nothing was done when something may."""

    haproxy_class = HastyHaproxy

    def exchange(self, request):
        """Status, headers and body of the answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.haproxy.port), timeout=10) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.headers, answer.read()

    def assert_own(self, status, problem, request):
        got, headers, body = self.exchange(request)
        self.assertEqual((status, "application/problem+json"), (got, headers["Content-Type"]), body)
        told = json.loads(body)
        self.assertEqual((f"urn:hongbao:problem:{problem}", status), (told["type"], told["status"]))
        self.assertGreater(len(told["title"]), 5)
        self.assertGreater(len(told["detail"]), 5)
        self.assertEqual("1" if status >= 502 or status == 429 else None, headers["Retry-After"])

    def test_what_is_no_request(self):
        # Where HAProxy 2.6 can't be told what to say.
        too_long = b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n"
        for status, request in ((400, b"nonsense\r\n\r\n"), (400, too_long), (408, b"GET / HTTP/1.1\r\nHo")):
            self.assertEqual(status, self.exchange(request)[0])
        self.assert_own(408, "request_timeout", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")

    def test_a_node_that_does_not_answer_leaves_it_open_what_was_done(self):
        for status, query in ((502, "garbage"), (504, "hang")):
            for method, problem in (("GET", "unavailable"), ("POST", "outcome_unknown")):
                self.assert_own(status, problem, f"{method} {packet('s001')}?{query} HTTP/1.1\r\nHost: a\r\n"
                                f"Content-Length: 0\r\n\r\n".encode())

    def test_without_nodes(self):
        for node in self.nodes.values():
            node.kill()
        for seen_down in (False, True):
            if seen_down:
                for name in self.nodes:
                    self.await_view(name, up=False)
            for method, problem in (("GET", "unavailable"), ("POST", "outcome_unknown")):
                self.assert_own(503, problem,
                                f"{method} /v1/packets HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())

    def test_every_code_of_haproxy_has_a_problem_of_the_servers_table(self):
        table = dict(re.findall(r'"([a-z_]+)",\s+"([^"]+)"\},', (ROOT / "src/api/problem.cc").read_text()))
        config = (ROOT / "deploy/haproxy.cfg").read_text()
        codes = set()
        for line in re.findall(r"^  http-error .*$", config, re.M):
            codes.add(int(re.search(r"status (\d+)", line)[1]))
            problem = json.loads(re.search(r"string '(.*?)'", line)[1])
            name = problem["type"].rpartition(":")[2]
            if not name.startswith("%"):
                self.assertEqual(table[name], problem["title"])
        self.assertLessEqual({400, 403, 408, 413, 429, 500, 501, 502, 503, 504}, codes)
        for name in ("outcome_unknown", "unavailable"):
            self.assertIn(f"set-var(txn.problem) str({name})", config)
            self.assertIn(table[name], config)


class TlsTest(HaproxyCase):
    def setUp(self):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-haproxy-tls-")))
        self.authority = Authority(directory)
        certificate, key = self.authority.certificate("haproxy")
        both = directory / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        self.haproxy_class = functools.partial(Haproxy, certificate_file=both)
        super().setUp()

    def client_by_tls(self, **options):
        context = ssl.create_default_context(cafile=self.authority.file)
        for name, value in options.items():
            setattr(context, name, value)
        client = http.client.HTTPSConnection("127.0.0.1", self.haproxy.tls_port, timeout=10, context=context)
        self.addCleanup(client.close)
        return client

    def test_clients_come_by_tls(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.client_by_tls(maximum_version=version)
            client.request("GET", packet("s001"))
            self.assertEqual(200, client.getresponse().status)
        self.assertEqual(200, self.ask(packet("s001")).status, "the other listener stays for checks on this machine")

    def test_nothing_older_and_nothing_in_plain_text(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.1, which is what is tried here
            old = self.client_by_tls(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
        with self.assertRaises(ssl.SSLError):
            old.request("GET", packet("s001"))
        plain = http.client.HTTPConnection("127.0.0.1", self.haproxy.tls_port, timeout=10)
        self.addCleanup(plain.close)
        with self.assertRaises((ConnectionError, http.client.HTTPException)):
            plain.request("GET", packet("s001"))
            plain.getresponse()


class OneAddressTest(HaproxyCase):
    haproxy_class = NarrowHaproxy

    def test_an_address_has_so_many_connections(self):
        end = time.monotonic() + NOTICED_S
        taken = []
        while len(taken) < NarrowHaproxy.CONNECTIONS_MAX:  # that of the look for the port may still be counted
            connection = self.served_connection()
            if connection:
                taken.append(connection)
            self.assertLess(time.monotonic(), end)
        self.assertIsNone(self.served_connection())
        taken.pop().close()
        while self.served_connection() is None:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def served_connection(self):
        """None: refused."""
        try:  # it is reset, and may be so before it is seen to be there
            connection = self.enterContext(socket.create_connection(("127.0.0.1", self.haproxy.port), timeout=10))
            connection.sendall(f"GET {packet('s001')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            if b" 200 " in connection.recv(20):
                return connection
        except ConnectionError:
            return None
        connection.close()
        return None

    def test_an_address_may_ask_so_often(self):
        codes = [self.ask(packet("s001")).status for _ in range(5 * NarrowHaproxy.REQUESTS_PER_S_MAX)]
        self.assertEqual({200, 429}, set(codes))
        self.assertEqual(200, codes[0])
        time.sleep(2.5)  # the second before counts in part
        self.assertEqual(200, self.ask(packet("s001")).status)


if __name__ == "__main__":
    unittest.main()
