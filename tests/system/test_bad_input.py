"""Everything a caller can get wrong: each is refused by name, and changes nothing."""

import json
import time
import unittest

from hongbao_client import Client, base64url, sign_jwt
from system import SystemTest, eventually

GOOD = {"kind": "lucky", "total_amount": 100, "count": 5}


class BadInput(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.deposit("alice", 1_000_000)
        cls.packet = cls.server.paid_packet("alice", kind="lucky", total_amount=1_000, count=10)
        cls.other = cls.server.paid_packet("alice", kind="lucky", total_amount=1_000, count=10)

    def setUp(self):
        self.alice = self.server.user("alice")
        self.addCleanup(self.alice.close)

    def assert_refused(self, call, problem, field=None, **about):
        """The problem, its field, and that neither the wallet nor a figure of the audit moved."""
        with self.subTest(problem=problem, field=field, **about):
            wallet, money = self.alice.wallet(), self.server.money()
            self.assert_problem(call(), problem, field)
            self.assertEqual(wallet, self.alice.wallet())
            self.assertEqual(money, self.server.money())

    def send(self, body, headers=None):
        return self.alice.post("/v1/packets", body, {"Idempotency-Key": self.server.new_key(), **(headers or {})})

    def test_a_body_that_is_not_one_json_object(self):
        self.assert_refused(lambda: self.send(b""), "invalid_field", "kind")  # no body reads as an empty object
        for body in [b" ", b"{", b"}", b"null", b"true", b"42", b'"kind"', b"[]", b"[{}]", b"{}{}", b"{} x",
                     b"{'kind':'lucky'}", b'{"kind":}', b'{"kind":"lucky",}', b'{kind:"lucky"}', b"\x00",
                     b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b"[" * 10_000, b'{"count":01}', b'{"count":+1}',
                     b'{"count":NaN}', b'{"count":0x10}', b'{"greeting":"\n"}', b'{"greeting":"\\x"}',
                     b'{"greeting":"\\ud800"}', b'{"kind":"lucky"', b"\xef\xbb\xbf{}"]:
            self.assert_refused(lambda: self.send(body), "malformed_json", body=body[:40])

    def test_broken_utf8(self):
        for bad in [b"\xff", b"\x80", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\xa7"]:
            body = json.dumps({**GOOD, "greeting": "@"}).encode().replace(b"@", bad)
            self.assert_refused(lambda: self.send(body), "malformed_json", bad=bad)

    def test_a_body_over_the_limit(self):
        small = json.dumps(GOOD).encode()
        self.assertEqual(201, self.send(small + b" " * (16_384 - len(small))).status)
        self.assert_refused(lambda: self.send(small + b" " * (16_385 - len(small))), "body_too_large")
        self.assert_refused(lambda: self.send(json.dumps({**GOOD, "greeting": "x" * 40_000})), "body_too_large")

    def test_bodies_are_json_whatever_they_are_declared_as(self):
        for media_type in ("text/plain", "application/x-www-form-urlencoded"):  # the latter is what curl -d declares
            self.assertEqual(201, self.send(GOOD, {"Content-Type": media_type}).status)

    def test_missing_fields(self):
        for field in GOOD:
            body = {key: value for key, value in GOOD.items() if key != field}
            self.assert_refused(lambda: self.send(body), "invalid_field", field)

    def test_unknown_fields(self):
        for field in ("note", "Kind", "seed", "id", "sender_id", "état"):
            self.assert_refused(lambda: self.send({**GOOD, field: "x"}), "unknown_field", field)

    def test_fields_of_another_type(self):
        others = [None, True, [], {}, [1], {"a": 1}, 1.5, "5"]
        for field, wrong in {"kind": others + [1], "total_amount": others, "count": others, "greeting": [1, True, [], {}],
                             "allocation": [1, True, [], {}]}.items():
            for value in wrong:
                self.assert_refused(lambda: self.send({**GOOD, field: value}), "invalid_field", field, value=value)

    def test_numbers_out_of_range(self):
        for field in ("total_amount", "count"):
            for number in ["0", "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775808",
                           "18446744073709551616", "99999999999999999999999999", "1e3", "1.0e2", "4294967301"]:
                body = json.dumps({**GOOD, field: "@"}).replace('"@"', number).encode()
                self.assert_refused(lambda: self.send(body), "invalid_field", field, number=number)

    def test_totals_and_counts_at_their_limits(self):
        for total, count, field in [(4, 5, "total_amount"), (100_001, 5, "total_amount"), (99_999, 100_000,
                                                                                          "total_amount"),
                                    (2_000_000_001, 100_000, "total_amount"), (100_001, 100_001, "count"),
                                    (2_000_000_000, 1_000_000, "count")]:
            self.assert_refused(lambda: self.send({**GOOD, "total_amount": total, "count": count}), "invalid_field",
                                field, total=total, count=count)
        for total, count in [(5, 5), (100_000, 5), (100_000, 100_000), (2_000_000_000, 100_000), (20_000, 1)]:
            self.assertEqual(201, self.send({**GOOD, "total_amount": total, "count": count}).status)

    def test_unknown_kinds_and_allocations(self):
        for kind in ("", "Lucky", "random", "lucky ", "exclusive\u0000"):
            self.assert_refused(lambda: self.send({**GOOD, "kind": kind}), "invalid_field", "kind", kind=kind)
        for allocation in ("", "equal", "Classic", "random"):
            self.assert_refused(lambda: self.send({**GOOD, "allocation": allocation}), "invalid_field", "allocation",
                                allocation=allocation)
        self.assert_refused(lambda: self.send({**GOOD, "kind": "equal", "allocation": "fair"}), "invalid_field",
                            "allocation")

    def test_recipients(self):
        one = {"kind": "exclusive", "total_amount": 100, "count": 1}
        self.assert_refused(lambda: self.send(one), "invalid_field", "recipient_id")
        self.assert_refused(lambda: self.send({**GOOD, "recipient_id": "bob"}), "invalid_field", "recipient_id")
        self.assert_refused(lambda: self.send({**one, "recipient_id": "bob", "count": 2}), "invalid_field", "count")
        for recipient in ("", "a b", "a/b", "包", "x" * 65, 5, ["bob"]):
            self.assert_refused(lambda: self.send({**one, "recipient_id": recipient}), "invalid_field", "recipient_id",
                                recipient=recipient)

    def test_greetings(self):
        for greeting in ("a\u0000b", "a\nb", "\u001b[31m", "\u007f", "a\u009bb", "a\u202eb", "\u2066hi", "\u200bhi",
                         "\ufeffhi", "hi\U000e0041", "   ", "\u3164", "\u2800", "\u200d"):
            self.assert_refused(lambda: self.send({**GOOD, "greeting": greeting}), "invalid_field", "greeting",
                                greeting=greeting[:5])
        for greeting in ("x" * 61, "红" * 61, "🧧" * 61, "🧧" * 1_000):
            refused = self.send({**GOOD, "greeting": greeting})
            self.assert_problem(refused, "invalid_field", "greeting")
            self.assertIn("at most 60 characters", refused.body["detail"])
        for greeting in ("", "x" * 60, "红" * 60, "🧧" * 60, '"\\</script>', "می\u200cخواهم", "שלום", "👩\u200d👩\u200d👧❤\ufe0f",
                         "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "ශ්\u200dරී"):
            answer = self.send({**GOOD, "greeting": greeting})
            self.assertEqual((201, greeting), (answer.status, answer.body["packet"]["greeting"]))

    def test_idempotency_keys(self):
        self.assert_refused(lambda: self.alice.post("/v1/packets", GOOD), "missing_header", "Idempotency-Key")
        for key in ("", "x" * 65, "a b", "a\tb", "ä"):
            with self.subTest(key=key):
                answer = self.alice.post("/v1/packets", GOOD, {"Idempotency-Key": key})
                self.assertIn(answer.problem, ("missing_header", "invalid_field"), answer)
                self.assertEqual("Idempotency-Key", answer.body.get("field"))
        self.assertEqual(201, self.alice.post("/v1/packets", GOOD, {"Idempotency-Key": "!~" * 32}).status)

    def test_tokens(self):
        secret = self.server.jwt_secret
        now = int(time.time())
        good = {"sub": "alice", "exp": now + 60}
        head, claims, signature = sign_jwt(good, secret).split(".")
        none = base64url(b'{"alg":"none","typ":"JWT"}') + "." + claims + "."
        tokens = {
            "no token": None, "empty": "", "garbage": "garbage", "two parts": f"{head}.{claims}",
            "no signature": f"{head}.{claims}.", "alg none": none, "alg none, signed": none + signature,
            "alg NONE": sign_jwt(good, secret, {"alg": "NONE"}), "crit": sign_jwt(good, secret, {"alg": "HS256", "crit": ["x"]}),
            "b64": sign_jwt(good, secret, {"alg": "HS256", "crit": ["b64"], "b64": False}),
            "another typ": sign_jwt(good, secret, {"alg": "HS256", "typ": "secevent+jwt"}), "no alg": sign_jwt(good, secret, {"typ": "JWT"}),
            "HS512": sign_jwt(good, secret, {"alg": "HS512"}, "sha512"),
            "HS256 that says HS512": sign_jwt(good, secret, {"alg": "HS512"}),
            "another secret": sign_jwt(good, b"x" * 32), "empty secret": sign_jwt(good, b""),
            "other claims": f"{head}.{base64url(json.dumps({**good, 'sub': 'bob'}).encode())}.{signature}",
            "changed signature": f"{head}.{claims}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}",
            "no sub": sign_jwt({"exp": now + 60}, secret), "empty sub": sign_jwt({**good, "sub": ""}, secret),
            "sub with a space": sign_jwt({**good, "sub": "a b"}, secret),
            "long sub": sign_jwt({**good, "sub": "a" * 65}, secret), "sub a number": sign_jwt({**good, "sub": 5}, secret),
            "no exp": sign_jwt({"sub": "alice"}, secret),
        }
        for name, token in tokens.items():
            with self.server.anyone(token) as client:
                self.assert_refused(lambda: client.get("/v1/users/me/wallet"), "unauthenticated", name=name)
                self.assert_refused(lambda: client.send(self.server.new_key(), **GOOD), "unauthenticated", name=name)
        self.assert_alarmed("token_refused")
        for exp, problem in ((now - 60, "token_expired"), (0, "token_expired"), ("x", "unauthenticated")):
            with self.server.anyone(sign_jwt({"sub": "alice", "exp": exp}, secret)) as client:
                self.assert_refused(lambda: client.get("/v1/users/me/wallet"), problem, exp=exp)
        for typ in ("at+jwt", "application/at+jwt", "jwt"):
            with self.server.anyone(sign_jwt(good, secret, {"alg": "HS256", "typ": typ})) as client:
                self.assertEqual(200, client.get("/v1/users/me/wallet").status)
        with self.server.anyone() as client:
            for header in (f"Basic {head}.{claims}.{signature}", f"{head}.{claims}.{signature}", "Bearer",
                           self.server.admin_token, f"Bearer {self.server.admin_token}"):
                answer = client.call("GET", "/v1/users/me/wallet", headers={"Authorization": header})
                self.assert_problem(answer, "unauthenticated")

    def test_what_is_wrong_with_a_token_is_told(self):
        secret = self.server.jwt_secret
        good = {"sub": "alice", "exp": time.time() + 60}
        for token, words in ((sign_jwt(good, b"x" * 32), "not a token signed"),
                             (sign_jwt(good, secret, {"alg": "HS512"}), "HS256"), ("a.b", "three parts"),
                             (sign_jwt(good, secret, {"alg": "HS256", "crit": ["x"]}), "`crit`"),
                             (sign_jwt({"sub": "alice"}, secret), "`exp`"), (sign_jwt({"exp": good["exp"]}, secret), "`sub`"),
                             (sign_jwt({**good, "sub": "a" * 65}, secret), "at most 64 characters, not 65"),
                             (sign_jwt({**good, "nbf": good["exp"]}, secret), "not valid yet"),
                             (sign_jwt({**good, "exp": good["exp"] * 1000}, secret), "in seconds")):
            with self.server.anyone(token) as client:
                answer = client.get("/v1/users/me/wallet")
                self.assert_problem(answer, "unauthenticated", "Authorization")
                self.assertIn(words, answer.body["rule"])
                self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        with self.server.anyone() as client:
            self.assertEqual('Bearer realm="hongbao"', client.get("/v1/users/me/wallet").headers["WWW-Authenticate"])

    def test_clocks_may_differ_by_the_leeway(self):
        now = time.time()
        for claims, status in (({"exp": now - 1}, 200), ({"exp": now - 60}, 401), ({"exp": now + 60, "nbf": now + 3}, 200),
                               ({"exp": now + 60, "nbf": now + 60}, 401)):
            with self.server.anyone(sign_jwt({"sub": "alice", **claims}, self.server.jwt_secret)) as client:
                self.assertEqual(status, client.get("/v1/users/me/wallet").status, claims)

    def test_packet_ids_that_nobody_was_given(self):
        good = self.packet["id"]
        forged = [good[:at] + ("7" if good[at] != "7" else "8") + good[at + 1:] for at in range(len(good))]
        forged += [good.upper(), good[:-1], good + "0", "s000", "x", "%00", good.replace("s", "n", 1), good[::-1],
                   good + "%20", "%2e%2e", "1", "me"]
        for packet_id in forged:
            self.assert_refused(lambda: self.alice.packet(packet_id), "not_found", packet_id=packet_id)
            self.assert_refused(lambda: self.alice.grab(packet_id), "not_found", packet_id=packet_id)
        for packet_id in forged[::7]:
            self.assert_refused(lambda: self.alice.get(f"/v1/packets/{packet_id}/shares"), "not_found")
            self.assert_refused(lambda: self.alice.open(packet_id, "ticket"), "not_found")
            self.assert_refused(lambda: self.alice.pay(packet_id, "token"), "not_found")
        self.assert_alarmed("packet_id_refused")
        with self.server.operator() as operator:
            self.assertRegex(operator.call("GET", "/metrics").raw.decode(), r"hongbao_packet_ids_refused_total [1-9]")

    def assert_alarmed(self, event):
        """The log says so, in a few lines, however often it was tried."""
        lines = eventually(lambda: [line for line in self.server.log if f'"{event}"' in line], event)
        self.assertLess(len(lines), 20)

    def test_tickets(self):
        ticket = self.alice.grab(self.packet["id"]).body["ticket"]
        with self.server.user("bob") as bob:
            self.assert_refused(lambda: bob.open(self.packet["id"], ticket), "ticket_invalid", "ticket")
        self.assert_refused(lambda: self.alice.open(self.other["id"], ticket), "ticket_invalid", "ticket")
        for at in range(len(ticket)):
            forged = ticket[:at] + ("A" if ticket[at] != "A" else "B") + ticket[at + 1:]
            self.assert_refused(lambda: self.alice.open(self.packet["id"], forged), "ticket_invalid", "ticket", at=at)
        for forged in ("", "x", ticket[:-1], ticket + "A", ticket + "=", " " + ticket, ticket[:-1] + "é"):
            self.assert_refused(lambda: self.alice.open(self.packet["id"], forged), "ticket_invalid", "ticket")
        for wrong in (None, 5, [], {}, True):
            self.assert_refused(lambda: self.alice.open(self.packet["id"], wrong), "invalid_field", "ticket")
        path = f"/v1/packets/{self.packet['id']}:open"
        self.assert_refused(lambda: self.alice.post(path, {}), "invalid_field", "ticket")
        self.assert_refused(lambda: self.alice.post(path, {"ticket": ticket, "amount": 5}), "unknown_field", "amount")

    def test_page_tokens(self):
        for i in range(3):
            with self.server.user(f"pager-{i}") as client:
                client.take(self.other["id"])
        transfers = "/v1/users/me/wallet/transfers"
        shares = f"/v1/packets/{self.other['id']}/shares"
        token = self.alice.get(transfers + "?page_size=1").body["next_page_token"]
        share_token = self.alice.get(shares + "?page_size=1").body["next_page_token"]
        self.assertEqual(200, self.alice.get(f"{transfers}?page_token={token}").status)
        bad = [token[:at] + ("1" if token[at] != "1" else "2") + token[at + 1:] for at in range(len(token))]
        bad += ["x", token[:-1], token + "0", token.upper() if token.upper() != token else "X", share_token, "%00", "-1"]
        for forged in bad:
            self.assert_refused(lambda: self.alice.get(f"{transfers}?page_token={forged}"), "page_token_invalid",
                                forged=forged)
        self.assert_refused(lambda: self.alice.get(f"/v1/users/me/packets?page_token={token}"), "page_token_invalid")
        self.assert_refused(lambda: self.alice.get(f"/v1/packets/{self.packet['id']}/shares?page_token={share_token}"),
                            "page_token_invalid")
        with self.server.user("bob") as bob:
            self.assert_problem(bob.get(f"{transfers}?page_token={token}"), "page_token_invalid")

    def test_parameters_that_a_call_does_not_have(self):
        good = self.packet["id"]
        for path in ("/v1/users/me/wallet", "/v1/users/me/packets", "/v1/users/me/shares", "/v1/users/me/summary",
                     "/v1/users/me/wallet/transfers", f"/v1/packets/{good}", f"/v1/packets/{good}/shares"):
            self.assert_refused(lambda: self.alice.get(path + "?colour=red"), "unknown_field", "colour", path=path)
            self.assertEqual(422, self.alice.call("HEAD", path + "?colour=red").status)
            self.assert_refused(lambda: self.alice.get(path + "?year=2026&year=2026"), "malformed_request", path=path)
            self.assertEqual(200, self.alice.get(path + "?").status)
        for path in ("/v1/packets", f"/v1/packets/{good}:open", f"/v1/packets/{good}:grab", f"/v1/packets/{good}:pay",
                     "/v1/payments:notify"):
            self.assert_refused(lambda: self.alice.post(path + "?colour=red", {}), "unknown_field", "colour", path=path)
        self.assert_refused(lambda: self.alice.get("/v1/users/me/wallet?page_size=1"), "unknown_field", "page_size")
        self.assert_refused(lambda: self.alice.get("/v1/nothing?colour=red"), "no_such_path")
        with self.server.operator() as operator:
            for path in ("/metrics", "/admin/v1/shards", "/admin/v1/audit", "/admin/v1/switches", "/admin/v1/archive", "/admin/v1/archive/days", "/admin/v1/traffic", "/admin/v1/wallets/alice",
                         "/admin/v1/reconciliation"):
                self.assert_problem(operator.get(path + "?colour=red"), "unknown_field", "colour")
            with self.server.health_client() as client:
                for path in ("/healthz", "/readyz"):
                    self.assert_problem(client.get(path + "?colour=red"), "unknown_field", "colour")
            for path in ("/admin/v1/wallets/alice:deposit", "/admin/v1/wallets/alice:freeze", "/admin/v1/archive:run",
                         "/admin/v1/reconciliation:run"):
                self.assert_refused(lambda: operator.post(path + "?colour=red", {}), "unknown_field", "colour", path=path)
            for path in ("/admin/v1/traffic", "/admin/v1/switches"):
                self.assert_problem(operator.call("PUT", path + "?colour=red", {}), "unknown_field", "colour")

    def test_an_empty_page_token_is_the_first_page(self):
        for path in ("/v1/users/me/packets", "/v1/users/me/shares", "/v1/users/me/wallet/transfers",
                     f"/v1/packets/{self.other['id']}/shares"):
            self.assertEqual(self.alice.get(path + "?page_size=1").body,
                             self.alice.get(path + "?page_size=1&page_token=").body)

    def test_page_sizes_and_years(self):
        for size in ("0", "-1", "1001", "abc", "1.5", "", "99999999999999999999", "+1", "0x10"):
            self.assert_refused(lambda: self.alice.get(f"/v1/users/me/packets?page_size={size}"), "invalid_field",
                                "page_size", size=size)
        for size in ("1", "1000"):
            self.assertEqual(200, self.alice.get(f"/v1/users/me/packets?page_size={size}").status)
        for year in ("", "abc", "-1", "99999999999", "2026.5"):
            self.assert_refused(lambda: self.alice.get(f"/v1/users/me/summary?year={year}"), "invalid_field", "year",
                                year=year)

    def test_paths_that_are_not_there(self):
        good = self.packet["id"]
        for path in ("/", "/v1", "/v1/", "/v2/packets", "/v1/packet", f"/v1/packets/{good}/", f"/v1/packets/{good}/x",
                     "/v1/users/alice/wallet", "/v1/users/me", "//v1/packets", "/v1/../v1/packets",
                     "/admin/v1/audit", "/metrics", "/v1/payments"):
            self.assert_refused(lambda: self.alice.get(path), "no_such_path", path=path)
        for path in (f"/v1/packets/{good}:steal", f"/v1/packets/{good}:", "/v1/payments:refund"):
            self.assert_refused(lambda: self.alice.post(path, {}), "no_such_path", path=path)

    def test_methods_that_a_path_does_not_take(self):
        good = self.packet["id"]
        for method, path in [("GET", "/v1/packets"), ("PUT", "/v1/packets"), ("DELETE", f"/v1/packets/{good}"),
                             ("POST", f"/v1/packets/{good}"), ("GET", f"/v1/packets/{good}:open"),
                             ("GET", f"/v1/packets/{good}:grab"), ("PATCH", f"/v1/packets/{good}:pay"),
                             ("POST", "/v1/users/me/wallet"), ("GET", "/v1/payments:notify")]:
            self.assert_refused(lambda: self.alice.call(method, path), "method_not_allowed", method=method, path=path)

    def test_the_admin_api_wants_its_token(self):
        paths = ["/metrics", "/admin/v1/traffic", "/admin/v1/switches", "/admin/v1/shards", "/admin/v1/region",
                 "/admin/v1/audit", "/admin/v1/reconciliation"]
        for token in (None, "", "x", self.server.admin_token[:-1], self.server.admin_token + "0", self.alice.token):
            with Client(self.server.admin, token) as client:
                for path in paths:
                    with self.subTest(path=path, token=token):
                        self.assert_problem(client.get(path), "unauthenticated")
                self.assert_refused(lambda: client.post("/admin/v1/wallets/alice:deposit", {"amount": 5}),
                                    "unauthenticated")
        self.assert_alarmed("admin_token_refused")
        with self.server.operator() as operator:
            for path in ("/healthz", "/readyz"):
                self.assert_problem(operator.get(path), "no_such_path")

    def test_the_health_listener_has_nothing_else(self):
        with Client(self.server.health) as client:
            self.assertEqual({"status": "ok"}, client.get("/healthz").body)
            self.assertEqual({"status": "ready"}, client.get("/readyz").body)
        for token in (None, self.server.admin_token, self.alice.token):
            with Client(self.server.health, token) as client:
                for path in ("/metrics", "/", "/admin/v1/shards", "/admin/v1/wallets/alice", "/v1/users/me/wallet"):
                    self.assert_problem(client.get(path), "no_such_path")
                self.assert_problem(client.post("/admin/v1/wallets/alice:deposit", {"amount": 5}), "no_such_path")
                self.assert_problem(client.post("/readyz", {}), "method_not_allowed")

    def test_admin_bodies(self):
        with self.server.operator() as operator:
            for weights in ({}, {"south": 0}, {"south": 101}, {"south": -1}, {"south": "100"}, {"east": 1}, None, 5):
                with self.subTest(weights=weights):
                    answer = operator.call("PUT", "/admin/v1/traffic", {"weights": weights})
                    self.assertEqual(422, answer.status, answer)
            for switches in ({"sends": "off"}, {"sends": None}, {"flux": True}, [], None):
                with self.subTest(switches=switches):
                    answer = operator.call("PUT", "/admin/v1/switches", {"switches": switches})
                    self.assertEqual(422, answer.status, answer)
            for path in ("/admin/v1/reconciliation:run", "/admin/v1/archive:run", "/admin/v1/wallets/alice:freeze"):
                self.assert_refused(lambda: operator.post(path, {"now": True}), "unknown_field", "now", path=path)
            self.assertEqual({"sends", "grabs", "opens", "deep_lists", "settlement"},
                             {name for name, on in operator.get("/admin/v1/switches").body["switches"].items() if on})


if __name__ == "__main__":
    unittest.main()
