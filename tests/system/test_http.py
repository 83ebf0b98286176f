"""HTTP as it comes over the wire, on raw sockets: pipelining, slow clients, odd requests."""

import json
import socket
import time
import unittest

from hongbao_client import validate
from system import SystemTest
from wire import Wire

REQUEST_TIMEOUT_MS = 1_000
IDLE_TIMEOUT_MS = 1_500


class Http(SystemTest):
    overrides = {"SERVER_REQUEST_TIMEOUT_MS": REQUEST_TIMEOUT_MS, "SERVER_IDLE_TIMEOUT_MS": IDLE_TIMEOUT_MS}

    def setUp(self):
        with self.server.user("alice") as client:
            self.authorization = f"Authorization: Bearer {client.token}\r\n"

    def wire(self):
        return Wire(self.server.public)

    def request(self, method, path, body=b"", headers="", version="HTTP/1.1"):
        length = f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n" if body else ""
        return f"{method} {path} {version}\r\nHost: x\r\n{self.authorization}{length}{headers}\r\n".encode() + body

    def wallet(self, **options):
        return self.request("GET", "/v1/users/me/wallet", **options)

    def assert_good(self, answer):
        self.assertEqual(200, answer.status, answer)
        validate("GET", "/v1/users/me/wallet", answer)

    def test_pipelined_requests_are_answered_in_order(self):
        packets = [self.server.paid_packet("piper", kind="equal", total_amount=2, count=2)["id"] for _ in range(6)]
        batch = b""
        expected = []
        for packet in packets:
            batch += self.request("POST", f"/v1/packets/{packet}:grab") + self.request("GET", f"/v1/packets/{packet}")
            batch += self.request("GET", "/v1/nothing")
            expected += ["ticket", packet, "urn:hongbao:problem:no_such_path"]
        with self.wire() as wire:
            wire.send(batch)
            got = []
            for _ in expected:
                body = wire.answer().body
                got.append(body.get("outcome") or body.get("type") or body["packet"]["id"])
        self.assertEqual(expected, got)

    def test_pipelined_opens_are_answered_in_order(self):
        packets = [self.server.paid_packet("piper", kind="equal", total_amount=10 + i, count=1)["id"] for i in range(8)]
        with self.server.user("alice") as client:
            tickets = [client.grab(packet).body["ticket"] for packet in packets]
        with self.wire() as wire:
            wire.send(b"".join(self.request("POST", f"/v1/packets/{packet}:open", json.dumps({"ticket": ticket}).encode())
                               for packet, ticket in zip(packets, tickets)))
            amounts = [wire.answer().body["share"]["amount"] for _ in packets]
        self.assertEqual([10 + i for i in range(8)], amounts)

    def test_a_connection_serves_many_requests(self):
        with self.wire() as wire:
            for _ in range(50):
                wire.send(self.wallet())
                self.assert_good(wire.answer())

    def test_connection_close_and_http_1_0_close_after_the_answer(self):
        for request in (self.wallet(headers="Connection: close\r\n"), self.wallet(version="HTTP/1.0")):
            with self.subTest(request=request[:40]), self.wire() as wire:
                wire.send(request)
                self.assert_good(wire.answer())
                self.assertTrue(wire.is_closed())

    def test_a_request_may_come_in_pieces(self):
        with self.wire() as wire:
            for byte in self.wallet():
                wire.send(bytes([byte]))
            self.assert_good(wire.answer())

    def test_a_chunked_body_is_read(self):
        with self.wire() as wire:
            body = b'{"kind":"lucky","total_amount":100,"count":5}'
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
            wire.send(self.request("POST", "/v1/packets", headers="Transfer-Encoding: chunked\r\nContent-Type: "
                                   f"application/json\r\nIdempotency-Key: {self.server.new_key()}\r\n") + chunks +
                      b"0\r\n\r\n")
            self.assertEqual(201, wire.answer().status)

    def test_a_half_closed_connection_still_gets_its_answers(self):
        with self.wire() as wire:
            wire.send(self.wallet() * 3)
            wire.socket.shutdown(socket.SHUT_WR)
            for _ in range(3):
                self.assert_good(wire.answer())
            self.assertTrue(wire.is_closed())

    def test_a_slow_request_is_cut_off(self):
        whole = self.wallet()
        body_missing = self.request("POST", "/v1/packets", headers="Content-Length: 50\r\n")
        for start in (b"G", whole[:30], whole[:-2], body_missing + b"{"):
            with self.subTest(start=start[:20]), self.wire() as wire:
                began = time.monotonic()
                wire.send(start)
                answer = wire.answer()
                self.assertLess(time.monotonic() - began, 5 * REQUEST_TIMEOUT_MS / 1000)
                if answer is not None:
                    self.assert_problem(answer, "request_timeout")
                self.assertTrue(wire.is_closed())

    def test_a_trickle_does_not_stretch_the_time_out(self):
        with self.wire() as wire:
            wire.send(b"GET /v1/users/me/wallet HTTP/1.1\r\nX-Slow: ")
            began = time.monotonic()
            try:
                while time.monotonic() - began < 6 * REQUEST_TIMEOUT_MS / 1000:
                    wire.send(b"x")
                    time.sleep(0.2)
                self.fail("the server kept reading")
            except OSError:
                pass

    def test_an_idle_connection_is_closed(self):
        with self.wire() as silent, self.wire() as used:
            used.send(self.wallet())
            self.assert_good(used.answer())
            began = time.monotonic()
            self.assertTrue(silent.is_closed())
            self.assertTrue(used.is_closed())
            self.assertLess(time.monotonic() - began, 4 * IDLE_TIMEOUT_MS / 1000)

    def test_oversized_headers(self):
        for headers in (f"X-Long: {'x' * 9_000}\r\n", "X-Many: 1\r\n" * 1_000):
            with self.subTest(headers=headers[:10]), self.wire() as wire:
                wire.send(self.wallet(headers=headers))
                self.assert_problem(wire.answer(), "header_too_large")
                self.assertTrue(wire.is_closed())
        with self.wire() as wire:
            wire.send(self.request("GET", "/v1/" + "x" * 9_000))
            self.assert_problem(wire.answer(), "target_too_long")

    def test_an_oversized_body_is_refused_before_it_is_sent(self):
        for length in ("16385", "1000000000", "18446744073709551615"):
            with self.subTest(length=length), self.wire() as wire:
                wire.send(self.request("POST", "/v1/packets", headers=f"Content-Length: {length}\r\n"))
                self.assert_problem(wire.answer(), "body_too_large")
                self.assertTrue(wire.is_closed())
        with self.wire() as wire:
            wire.send(self.request("POST", "/v1/packets", headers="Transfer-Encoding: chunked\r\n") +
                      b"1000\r\n" + b" " * 4096 + b"\r\n" + b"4000\r\n" + b" " * 16384)
            self.assert_problem(wire.answer(), "body_too_large")

    def test_what_is_not_http(self):
        for data in (b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"GET /\r\n\r\n",
                     b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
                     b"GET / HTTP/1.1\r\nBad header: x\r\n\r\n", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
                     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"):
            with self.subTest(data=data[:60]), self.wire() as wire:
                wire.send(data)
                answer = wire.answer()
                if answer is not None:
                    self.assert_problem(answer, "malformed_request")
                self.assertTrue(wire.is_closed())

    def test_garbage_after_a_good_request_spoils_only_itself(self):
        with self.wire() as wire:
            wire.send(self.wallet() + b"garbage\r\n\r\n")
            self.assert_good(wire.answer())
            self.assert_problem(wire.answer(), "malformed_request")
            self.assertTrue(wire.is_closed())

    def test_many_abandoned_connections_do_no_harm(self):
        wires = [self.wire() for _ in range(100)]
        for i, wire in enumerate(wires):
            wire.send(self.wallet()[:i])
        for wire in wires:
            wire.__exit__()
        with self.wire() as wire:
            wire.send(self.wallet())
            self.assert_good(wire.answer())


if __name__ == "__main__":
    unittest.main()
