"""RFC 9110 and RFC 9112, rule by rule, as docs/HTTP.md lists them, on raw sockets."""

import email.utils
import json
import time
import unittest

from hongbao_client import validate
from system import SystemTest
from wire import Wire

WALLET = "/v1/users/me/wallet"
REQUEST_TIMEOUT_MS = 1_000


class HttpRules(SystemTest):
    overrides = {"SERVER_REQUEST_TIMEOUT_MS": REQUEST_TIMEOUT_MS}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packet = cls.server.paid_packet("alice", kind="lucky", total_amount=100, count=10)["id"]

    def setUp(self):
        with self.server.user("alice") as client:
            self.token = client.token

    def request(self, method="GET", target=WALLET, headers="", body=b"", version="HTTP/1.1", host="Host: x\r\n"):
        return (f"{method} {target} {version}\r\n{host}Authorization: Bearer {self.token}\r\n{headers}\r\n".encode("latin-1")
                + body)

    def post(self, headers, body, target="/v1/packets", version="HTTP/1.1"):
        return self.request("POST", target, f"Idempotency-Key: {self.server.new_key()}\r\n" + headers, body, version)

    def order(self, headers="", **options):
        body = json.dumps({"kind": "lucky", "total_amount": 100, "count": 5}).encode()
        return self.post(f"Content-Length: {len(body)}\r\n" + headers, body, **options)

    def ask(self, request, method="GET", admin=False, at=None):
        with Wire(at or (self.server.admin if admin else self.server.public)) as wire:
            wire.send(request)
            return wire.answer(method)

    def assert_ok(self, request, status=200):
        answer = self.ask(request)
        self.assertIsNotNone(answer, request[:80])
        self.assertEqual(status, answer.status, (request[:80], answer))
        return answer

    def assert_refused(self, request, problem, field=None):
        """Answered with the problem, and the connection closed: what follows could be anything."""
        with self.subTest(request=request[:120]), Wire(self.server.public) as wire:
            wire.send(request + self.request())
            answer = wire.answer()
            self.assertIsNotNone(answer)
            self.assert_problem(answer, problem, field)
            validate("GET", "/", answer)
            self.assertEqual("close", answer.headers["Connection"])
            self.assertTrue(wire.is_closed())

    def assert_malformed(self, request, field=None):
        self.assert_refused(request, "malformed_request", field)

    # RFC 9112, section 2: messages.

    def test_lines_end_with_cr_lf(self):
        for request in (self.request().replace(b"\r\n", b"\n"), self.request().replace(b"\r\n", b"\r"),
                        self.request(headers="X: a\rb\r\n"), self.request(headers="X: a\nb\r\n"),
                        self.request(headers="X: a\r\r\n")):
            self.assert_malformed(request)

    def test_empty_lines_before_a_request_are_ignored(self):
        for lines in (b"\r\n", b"\r\n\r\n\r\n"):
            self.assert_ok(lines + self.request())
        with Wire(self.server.public) as wire:  # behind a body, as old clients send it
            wire.send(self.order() + b"\r\n" + self.request())
            self.assertEqual([201, 200], [wire.answer().status, wire.answer().status])

    def test_white_space_before_the_first_header_is_refused(self):
        for space in (" ", "\t"):
            self.assert_malformed(f"GET {WALLET} HTTP/1.1\r\n{space}Host: x\r\n\r\n".encode())

    def test_what_is_not_http_is_refused(self):
        for data in (b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"\0\r\n\r\n",
                     b"GET  / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1 \r\n\r\n", b"GET / http/1.1\r\n\r\n",
                     b"GET / HTTP/1\r\n\r\n", b"GET / HTTP/1.10\r\n\r\n", b"GET\t/\tHTTP/1.1\r\n\r\n",
                     b" GET / HTTP/1.1\r\n\r\n", b"G@T / HTTP/1.1\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n"):
            self.assert_malformed(data)

    def test_versions(self):
        for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/3.0"):
            self.assert_refused(self.request(version=version), "version_not_supported")
        self.assert_refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version_not_supported")
        for version in ("HTTP/1.2", "HTTP/1.9"):
            with Wire(self.server.public) as wire:
                wire.send(self.request(version=version) * 2)
                self.assertEqual([200, 200], [wire.answer().status, wire.answer().status])

    # Section 3: the request line.

    def test_targets_of_eight_thousand_bytes_are_taken_and_longer_ones_told_so(self):
        self.assertEqual(404, self.ask(self.request(target="/" + "x" * 8_000)).status)
        self.assert_refused(self.request(target="/" + "x" * 9_000), "target_too_long")
        self.assert_refused(self.request(target="/?" + "x" * 100_000), "target_too_long")

    def test_a_host_is_named_once(self):
        self.assert_malformed(self.request(host=""), "Host")
        for version in ("HTTP/1.0", "HTTP/1.1"):
            self.assert_malformed(self.request(host="Host: a\r\nHost: a\r\n", version=version), "Host")
            self.assert_malformed(self.request(host="Host: a\r\nhost: b\r\n", version=version), "Host")
            for host in ("a b", "a, b", "user@a", "a/b", "http://a", "a:x", "[::1", "a?b", "a#b", "a\\b", "<a>"):
                self.assert_malformed(self.request(host=f"Host: {host}\r\n", version=version), "Host")
        for host in ("", "a", "a:", "a:80", "127.0.0.1:8080", "[::1]:80", "a_b.example.com"):
            self.assert_ok(self.request(host=f"Host: {host}\r\n"))
        self.assert_ok(self.request(host="", version="HTTP/1.0"))

    def test_the_absolute_form_is_taken(self):
        for before in ("http://elsewhere.example", "https://x", "HTTP://x:80", "http://[::1]:8080", "http://127.0.0.1"):
            validate("GET", WALLET, self.assert_ok(self.request(target=before + WALLET)))
        self.assert_problem(self.ask(self.request(target="http://x")), "no_such_path")
        self.assert_problem(self.ask(self.request(target="http://x/v1/nothing")), "no_such_path")
        self.assertEqual(422, self.ask(self.request(target=f"http://x{WALLET}?a=b")).status)
        self.assert_malformed(self.request(target="http://x" + WALLET, host=""), "Host")

    def test_absolute_targets_that_are_none_are_refused(self):
        for target in ("http://" + WALLET, "http:" + WALLET, "ftp://x" + WALLET, "http://user@x" + WALLET,
                       "http://u:p@x" + WALLET, "http://x" + WALLET + "#f", "x:80", "x", "v1/users/me/wallet", "?", "*"):
            with self.subTest(target=target):
                self.assert_problem(self.ask(self.request(target=target)), "malformed_request")

    def test_the_asterisk_is_for_options(self):
        for admin in (False, True):
            token = self.server.admin_token if admin else ""
            answer = self.ask(f"OPTIONS * HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode(), admin=admin)
            self.assertEqual(204, answer.status)
            self.assertLessEqual({"GET", "HEAD", "POST", "OPTIONS"}, set(answer.headers["Allow"].split(", ")))

    def test_an_escaped_delimiter_is_none(self):
        for path in ("/v1%2Fusers/me/wallet", "/v1/users%2fme/wallet", "%2Fv1/users/me/wallet", "/v1/users/me%2Fwallet"):
            with self.subTest(path=path):
                self.assertIn(self.ask(self.request(target=path)).status, (400, 404))
                self.assertIn(self.ask(self.request(target="http://x" + path)).status, (400, 404))
        for path in (f"/v1/packets/{self.packet}%3Agrab", f"/v1/packets/{self.packet}%3agrab"):
            self.assertEqual(405, self.ask(self.post("Content-Length: 0\r\n", b"", target=path)).status)
            self.assert_problem(self.ask(self.request(target=path)), "not_found")
        for path in ("/admin%2Fv1/shards", "/admin/v1/wallets/alice%3Adeposit", "/admin/v1/wallets%2Falice"):
            answer = self.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.admin_token}\r\n\r\n"
                              .encode(), admin=True)
            self.assertIn(answer.status, (404, 422))

    def test_other_escapes_are_what_they_stand_for(self):
        self.assert_ok(self.request(target="/v1/us%65rs/me/w%61llet"))
        self.assert_ok(self.request(target=f"/v1/packets/{self.packet.replace('-', '%2D')}"))
        for path in ("/%", "/%2", "/%zz", "/v1/%ff", "/v1?a=%", "/v1/\\x", "/v1/<x>", "/v1/{x}", "/v1/^"):
            self.assert_problem(self.ask(self.request(target=path)), "malformed_request")
        self.assertEqual(404, self.ask(self.request(target="/v1/%00")).status)

    def test_paths_are_not_normalised(self):
        for path in ("/v1/../v1/users/me/wallet", "/v1/./users/me/wallet", "/v1/%2e%2e/v1/users/me/wallet",
                     "/v1/%2E/users/me/wallet", "//v1/users/me/wallet", "/v1//users/me/wallet", "/v1/users/me/wallet/",
                     "/v1/users/me/wallet;x=y", "/v1/users/me/wallet;", "/V1/users/me/wallet", "/v1/users/me/wallet%20",
                     "/v1/users/me/wallet%00", "/v1/users/me/wallet?/../x"):
            with self.subTest(path=path):
                self.assertIn(self.ask(self.request(target=path)).status, (404, 422))

    # Section 5: header fields.

    def test_header_lines_are_strict(self):
        for line in ("Name : x", "Name\t: x", "Na me: x", ": x", "No colon", "X\x00: y", "X: a\x00b", "X: \x01", "X: \x7f",
                     "X@: y", "\xe4: y"):
            self.assert_malformed(self.request(headers=line + "\r\n"))
        self.assert_ok(self.request(headers="Accept:\t \tx/y \t \r\nX: \xe4\r\nEmpty:\r\n"))

    def test_folded_lines_are_unfolded(self):
        for line in ("X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X:\r\n a\r\n", "Content-Length:\r\n 0\r\n"):
            self.assert_ok(self.request(headers=line))

    def test_header_names_are_not_case_sensitive(self):
        self.assert_ok(self.request().replace(b"Authorization", b"AUTHORIZATION").replace(b"Host", b"hOsT"))

    def test_headers_that_are_too_long_are_told_so(self):
        self.assert_refused(self.request(headers=f"X: {'x' * 9_000}\r\n"), "header_too_large")
        self.assert_refused(self.request(headers="X: y\r\n" * 3_000), "header_too_large")

    def test_what_can_be_meant_once_is_not_there_twice(self):
        body = json.dumps({"kind": "lucky", "total_amount": 100, "count": 5}).encode()
        length = f"Content-Length: {len(body)}\r\n"
        for name, value in (("Idempotency-Key", "another"), ("idempotency-key", "another"), ("Content-Type", "a/b"),
                            ("Authorization", "Bearer x"), ("Hongbao-Signature", "t=1,v1=a"), ("Content-Length", len(body))):
            headers = length + (f"{name}: {value}\r\n" * (2 if name in ("Content-Type", "Hongbao-Signature") else 1))
            self.assert_malformed(self.post(headers, body))
        answer = self.ask(self.request("POST", "/v1/packets", length + "Idempotency-Key: a, b\r\n", body))
        self.assert_problem(answer, "missing_header", "Idempotency-Key")
        wallet = self.server.balance("bob")
        deposit = (f"POST /admin/v1/wallets/bob:deposit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                   f"{self.server.admin_token}\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 13\r\n\r\n"
                   '{"amount": 5}').encode()
        self.assert_problem(self.ask(deposit, admin=True), "malformed_request", "Idempotency-Key")
        self.assertEqual(wallet, self.server.balance("bob"))

    def test_lists_may_have_empty_elements_and_several_lines(self):
        with Wire(self.server.public) as wire:
            wire.send(self.request(headers="Connection: , x,,\r\nConnection: ,Close ,\r\n"))
            self.assertEqual("close", wire.answer().headers["Connection"])
            self.assertTrue(wire.is_closed())

    # Section 6 and 7: bodies.

    def test_a_length_is_one_decimal_number(self):
        for length in ("", "-1", "+1", "1x", "0x1", "1 1", "5, 5", "1,1", "1.0", "1e1"):
            self.assert_malformed(self.post(f"Content-Length: {length}\r\n", b""), "Content-Length")
        for lengths in ("5\r\nContent-Length: 5", "5\r\nContent-Length: 6"):
            self.assert_malformed(self.post(f"Content-Length: {lengths}\r\n", b""), "Content-Length")
        for length in ("18446744073709551617", "9" * 100):
            self.assert_malformed(self.post(f"Content-Length: {length}\r\n", b""), "Content-Length")
        for length in ("16385", "18446744073709551615"):
            self.assert_refused(self.post(f"Content-Length: {length}\r\n", b""), "body_too_large")

    def test_a_length_and_a_coding_are_refused(self):
        for headers in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"):
            self.assert_malformed(self.post(headers, b"0\r\n\r\n"))

    def test_a_coding_ends_with_chunked_once(self):
        for coding in ("gzip", "identity", "", "chunked, chunked", "chunked, gzip", "chunked;x=y", "xchunked", "chunked\x0b",
                       "chunked\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: x"):
            self.assert_malformed(self.post(f"Transfer-Encoding: {coding}\r\n", b"0\r\n\r\n"))
        self.assert_malformed(self.post("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", version="HTTP/1.0"))

    def test_a_coding_that_is_not_known_is_not_implemented(self):
        for coding in ("gzip, chunked", "x-mine,chunked", "gzip\r\nTransfer-Encoding: chunked"):
            self.assert_refused(self.post(f"Transfer-Encoding: {coding}\r\n", b"0\r\n\r\n"), "not_implemented")

    def test_chunked_bodies_are_read_and_extensions_and_trailers_ignored(self):
        body = b'{"kind":"lucky","total_amount":100,"count":5}'
        first, second = body[:10], body[10:]
        for end in (b"0\r\n\r\n", b"000;a=b\r\nTrailer: x\r\nHost: other\r\n\r\n"):
            chunks = (b"%x;ext=\"a;b\";flag\r\n%s\r\n" % (len(first), first) + b"%04X\r\n%s\r\n" % (len(second), second) + end)
            with Wire(self.server.public) as wire:
                wire.send(self.post("Transfer-Encoding: Chunked\r\nTE: trailers\r\nTrailer: Trailer\r\n", chunks) +
                          self.request())
                self.assertEqual([201, 200], [wire.answer().status, wire.answer().status])

    def test_chunks_are_strict(self):
        for body in (b"zz\r\n", b"-1\r\na\r\n", b"0x1\r\na\r\n", b"1\na\n0\n\n", b"1\r\nab\r\n0\r\n\r\n", b"1 \r\na\r\n0\r\n\r\n",
                     b"1\r\na0\r\n\r\n", b"0\r\nTrailer\r\n\r\n", b"\r\n", b"0\r\nContent-Length: 1\r\n\r\n",
                     b"10000000000000001\r\n"):
            self.assert_malformed(self.post("Transfer-Encoding: chunked\r\n", body + b"0\r\n\r\n"))
        for size in (b"4001", b"ffffffffffffffff"):
            self.assert_refused(self.post("Transfer-Encoding: chunked\r\n", size + b"\r\n"), "body_too_large")

    def test_chunk_extensions_and_trailers_are_bounded_in_all(self):
        for body in (b"1;" + b"x" * 20_000, b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n{\r\n" * 1_000, b"0\r\n" + b"X: y\r\n" * 3_000):
            self.assert_refused(self.post("Transfer-Encoding: chunked\r\n", body), "header_too_large")

    def test_a_request_without_length_has_no_body(self):
        with Wire(self.server.public) as wire:
            wire.send(self.request("POST", f"/v1/packets/{self.packet}:grab") + self.request())
            self.assertEqual([200, 200], [wire.answer().status, wire.answer().status])

    def test_a_body_that_ends_early_is_no_request(self):
        with Wire(self.server.public) as wire:
            wire.send(self.order()[:-5])
            answer = wire.answer()
            self.assert_problem(answer, "request_timeout")
            self.assertEqual("close", answer.headers["Connection"])
            self.assertTrue(wire.is_closed())

    # Section 9: connections.

    def test_connections_persist(self):
        with Wire(self.server.public) as wire:
            for headers in ("", "Connection: keep-alive\r\n", "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"):
                wire.send(self.request(headers=headers))
                answer = wire.answer()
                self.assertEqual((200, None), (answer.status, answer.headers["Connection"]))

    def test_close_is_honoured_and_said(self):
        for request in (self.request(headers="Connection: close\r\n"), self.request(version="HTTP/1.0"),
                        self.request(headers="Connection: keep-alive, close\r\n", version="HTTP/1.0")):
            with Wire(self.server.public) as wire:
                wire.send(request + self.request())
                self.assertEqual("close", wire.answer().headers["Connection"])
                self.assertTrue(wire.is_closed())

    def test_http_1_0_may_ask_for_persistence(self):
        with Wire(self.server.public) as wire:
            for _ in range(2):
                wire.send(self.request(headers="Connection: Keep-Alive\r\n", version="HTTP/1.0"))
                self.assertEqual("keep-alive", wire.answer().headers["Connection"])

    def test_answers_come_in_the_order_of_the_requests(self):
        targets = [WALLET, "/v1/nothing", f"/v1/packets/{self.packet}", WALLET]
        with Wire(self.server.public) as wire:
            wire.send(b"".join(self.request(target=target) for target in targets))
            self.assertEqual([200, 404, 200, 200], [wire.answer().status for _ in targets])

    # RFC 9110: methods.

    def test_methods(self):
        for method in ("FOO", "get", "Get", "M-SEARCH2", "CONNECT"):
            self.assert_refused(self.request(method), "not_implemented")
        self.assert_refused(f"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "not_implemented")
        for method in ("DELETE", "PUT", "PATCH", "POST", "TRACE", "PROPFIND"):
            answer = self.ask(self.request(method, headers="Content-Length: 0\r\n"))
            self.assertEqual((405, "GET, HEAD, OPTIONS"), (answer.status, answer.headers["Allow"]), method)
        self.assertEqual("POST, OPTIONS", self.ask(self.request(target="/v1/packets")).headers["Allow"])

    def test_head_is_get_without_the_body(self):
        targets = [WALLET, f"/v1/packets/{self.packet}", f"/v1/packets/{self.packet}/shares", "/v1/users/me/packets",
                   "/v1/users/me/shares", "/v1/users/me/summary", "/v1/users/me/wallet/transfers", "/v1/nothing",
                   "/v1/packets/x", WALLET + "?a=b", "/v1/packets"]
        for target in targets:
            with self.subTest(target=target), Wire(self.server.public) as wire:
                wire.send(self.request("HEAD", target) + self.request(target=target))
                head, get = wire.answer("HEAD"), wire.answer()
                self.assertEqual(get.status, head.status)
                for name in ("Content-Type", "Content-Length", "Allow", "Connection"):
                    self.assertEqual(get.headers[name], head.headers[name])
        for path in ("/healthz", "/readyz"):
            head = self.ask(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "HEAD", at=self.server.health)
            self.assertEqual(200, head.status)
        with Wire(self.server.public) as wire:
            wire.send(f"HEAD {WALLET} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + self.request())
            self.assertEqual([401, 200], [wire.answer("HEAD").status, wire.answer().status])
            wire.send(self.request("HEAD", host=""))
            self.assertEqual(400, wire.answer("HEAD").status)
            self.assertTrue(wire.is_closed())

    def test_options_tell_the_methods(self):
        for path, methods in ((WALLET, "GET, HEAD, OPTIONS"), ("/v1/packets", "POST, OPTIONS")):
            answer = self.ask(f"OPTIONS {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertEqual((204, methods, None), (answer.status, answer.headers["Allow"], answer.headers["Content-Length"]))
        self.assert_problem(self.ask(self.request("OPTIONS", "/v1/nothing")), "no_such_path")

    def test_a_get_with_a_body_is_a_get(self):
        with Wire(self.server.public) as wire:
            wire.send(self.request(headers="Content-Length: 5\r\n", body=b"hello") + self.request())
            self.assertEqual([200, 200], [wire.answer().status, wire.answer().status])

    def test_what_is_created_has_a_location(self):
        answer = self.ask(self.order())
        self.assertEqual((201, "/v1/packets/" + answer.body["packet"]["id"]), (answer.status, answer.headers["Location"]))
        self.assert_ok(self.request(target=answer.headers["Location"]))

    # RFC 9110: request context, content, preconditions.

    def test_expectations(self):
        with Wire(self.server.public) as wire:
            request = self.order("Expect: 100-Continue\r\n")
            head, body = request.split(b"\r\n\r\n")
            wire.send(head + b"\r\n\r\n")
            self.assertEqual(100, wire.answer().status)
            wire.send(body)
            self.assertEqual(201, wire.answer().status)
            wire.send(self.request(headers="Expect: 100-continue\r\n"))  # nothing to wait for
            self.assertEqual(200, wire.answer().status)
        for expected in ("200-ok", "100-continue, 200-ok", "100"):
            self.assert_refused(self.order(f"Expect: {expected}\r\n"), "expectation_failed", "Expect")
        self.assert_refused(self.post("Expect: 100-continue\r\nContent-Length: 99999\r\n", b""), "body_too_large")

    def test_http_1_0_never_gets_a_100(self):
        request = self.order("Expect: 100-continue\r\n", version="HTTP/1.0")
        with Wire(self.server.public) as wire:
            wire.send(request[:-5])
            time.sleep(0.1)
            wire.send(request[-5:])
            self.assertEqual(201, wire.answer().status)

    def test_a_body_is_taken_as_json_whatever_it_is_called_and_never_compressed(self):
        for media_type in ("application/json", "application/json; charset=utf-8", "text/plain",
                           "application/x-www-form-urlencoded", "", "?"):
            self.assert_ok(self.order(f"Content-Type: {media_type}\r\n"), 201)
        self.assert_ok(self.order(), 201)
        self.assert_ok(self.order("Content-Encoding: identity\r\nAccept: text/html;q=0.1\r\nAccept-Encoding: gzip\r\n"), 201)
        for coding in ("gzip", "deflate", "br", "x", "identity, gzip"):
            self.assert_refused(self.order(f"Content-Encoding: {coding}\r\n"), "unsupported_media_type", "Content-Encoding")
        self.assertEqual("identity", self.ask(self.order("Content-Encoding: gzip\r\n")).headers["Accept-Encoding"])

    def test_headers_that_change_nothing_here(self):
        answer = self.assert_ok(self.request(headers="Range: bytes=0-1\r\nIf-None-Match: \"x\"\r\nIf-Modified-Since: "
                                             "Thu, 01 Jan 1970 00:00:00 GMT\r\nMax-Forwards: 0\r\nFrom: x\r\nVia: 1.1 x\r\n"
                                             "X-Unknown: y\r\nIf-Match: *\r\nTE: gzip\r\nUpgrade: h2c\r\nAccept: image/png\r\n"))
        validate("GET", WALLET, answer)

    def test_preconditions_on_tags_that_nothing_has_fail(self):
        for tag in ('"x"', 'W/"x"', '"x", "y"', '*, "x"'):
            self.assert_problem(self.ask(self.request(headers=f"If-Match: {tag}\r\n")), "precondition_failed", "If-Match")
        self.assert_problem(self.ask(self.request(target="/v1/nothing", headers='If-Match: "x"\r\n')), "no_such_path")
        self.assertEqual(401, self.ask(b"GET /v1/users/me/wallet HTTP/1.1\r\nHost: x\r\nIf-Match: \"x\"\r\n\r\n").status)

    def test_what_is_there_is_not_put_as_new(self):
        put = (f"PUT /admin/v1/switches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.admin_token}\r\n"
               "If-None-Match: *\r\nContent-Length: 2\r\n\r\n{}").encode()
        self.assert_problem(self.ask(put, admin=True), "precondition_failed", "If-None-Match")

    def test_a_part_is_not_put(self):
        put = (f"PUT /admin/v1/switches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.admin_token}\r\n"
               "Content-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\n{}").encode()
        self.assert_problem(self.ask(put, admin=True), "malformed_request", "Content-Range")

    # RFC 9110: answers.

    def test_every_answer_has_its_date_type_and_length(self):
        for request in (self.request(), self.request(target="/v1/nothing"), self.request("FOO"), b"garbage\r\n\r\n",
                        self.order(), self.request(version="HTTP/1.0")):
            answer = self.ask(request)
            self.assertRegex(answer.headers["Date"], r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
            self.assertLess(abs(email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()), 10)
            self.assertEqual(len(answer.raw), int(answer.headers["Content-Length"]))
            self.assertTrue(answer.headers["Content-Type"])

    def test_a_204_has_neither_length_nor_type(self):
        answer = self.ask(self.request("OPTIONS"))
        self.assertEqual((204, None, None), (answer.status, answer.headers["Content-Length"], answer.headers["Content-Type"]))

    def test_unauthorized_answers_carry_a_challenge(self):
        bare = f"GET {WALLET} HTTP/1.1\r\nHost: x\r\n{{}}\r\n"
        for header, challenge in (("", 'Bearer realm="hongbao"'), ("Authorization: Basic eDp5\r\n", 'Bearer realm="hongbao"'),
                                  ("Authorization: Bearer x\r\n", 'Bearer realm="hongbao", error="invalid_token"')):
            answer = self.ask(bare.format(header).encode())
            self.assertEqual((401, challenge), (answer.status, answer.headers["WWW-Authenticate"]))
        for name in ("bearer", "BEARER", "Bearer  "):
            self.assert_ok(self.request().replace(b"Bearer", name.encode()))
        admin = self.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", admin=True)
        self.assertEqual((401, 'Bearer realm="hongbao"'), (admin.status, admin.headers["WWW-Authenticate"]))
        body = b'{"channel":"demo","payment_id":"x","amount":1,"pay_token":"x"}'
        unsigned = self.ask(self.post(f"Content-Length: {len(body)}\r\n", body, target="/v1/payments:notify"))
        self.assertEqual((401, "Hongbao-Signature"), (unsigned.status, unsigned.headers["WWW-Authenticate"]))


if __name__ == "__main__":
    unittest.main()
