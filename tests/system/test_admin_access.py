"""Who may do what at the admin listener, and what is kept of it: tokens with names and roles, the journal, limits."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest

from hongbao_client import Client
from system import Server, SystemTest, binary, eventually, in_parallel

VIEWED = ("/metrics", "/admin/v1/shards", "/admin/v1/region", "/admin/v1/reconciliation", "/admin/v1/archive",
          "/admin/v1/switches", "/admin/v1/traffic", "/admin/v1/backup")
AUDITED = ("/admin/v1/journal", "/admin/v1/audit", "/admin/v1/audit?deep=true", "/admin/v1/wallets/alice")
CHANGES = (("POST", "/admin/v1/wallets/alice:deposit", {"amount": 5}), ("POST", "/admin/v1/wallets/alice:freeze", {}),
           ("POST", "/admin/v1/wallets/alice:unfreeze", {}), ("PUT", "/admin/v1/switches", {"switches": {"sends": True}}),
           ("PUT", "/admin/v1/traffic", {"weights": {"south": 100}}), ("POST", "/admin/v1/reconciliation:run", {}),
           ("POST", "/admin/v1/archive:run", {}), ("POST", "/admin/v1/backup", {"directory": "relative"}))


class Access:
    """What these tests do with hongbaoctl."""

    def tokens_file(self, server=None):
        return (server or self.server).directory / "secrets" / "admin.tokens"

    def made(self, name, role):
        return self.server.ctl("admin-token", "add", "--name", name, "--role", role).stdout.strip()

    def revoke(self, name):
        self.server.ctl("admin-token", "revoke", "--name", name)

    def status(self, token, path="/admin/v1/switches"):
        with Client(self.server.admin, token) as client:
            return client.get(path).status

    def await_status(self, token, status):
        eventually(lambda: self.status(token) == status, f"a token is answered {status}")

    def events(self, event):
        return [json.loads(line) for line in list(self.server.log) if f'"event":"{event}"' in line]

    def awaited(self, event, is_meant, count=None):
        """The lines that are meant, which come a moment after the answers: so many, or any."""
        def found():
            lines = [line for line in self.events(event) if is_meant(line)]
            return lines if lines and count in (None, len(lines)) else None

        return eventually(found, f"{event} is in the log")


class Roles(Access, SystemTest):
    def test_each_role_may_do_its_part(self):
        tokens = {role: self.made(f"of-{role}", role) for role in ("viewer", "auditor", "operator")}
        self.await_status(tokens["operator"], 200)
        for role, token in tokens.items():
            with Client(self.server.admin, token) as client:
                for path in VIEWED:
                    self.assertEqual(200, client.get(path).status, (role, path))
                for path in AUDITED:
                    answer = client.get(path)
                    if role == "viewer":
                        self.assert_problem(answer, "role_needed")
                        self.assertIn("needs the role auditor, and this token's is viewer", answer.body["detail"])
                    else:
                        self.assertEqual(200, answer.status, (role, path))
                for method, path, body in CHANGES:
                    answer = client.call(method, path, body)
                    if role != "operator":
                        self.assert_problem(answer, "role_needed")
                        self.assertIn("needs the role operator", answer.body["detail"])
                    else:
                        self.assertIn(answer.status, (200, 202, 422), (path, answer))
        for name in ("of-viewer", "of-auditor"):
            self.awaited("admin_role_refused", lambda line, name=name: line["token"] == name)

    def test_what_is_changed_is_logged_with_its_name(self):
        token = self.made("payer@example", "operator")
        self.await_status(token, 200)
        with Client(self.server.admin, token) as client:
            answer = client.post("/admin/v1/wallets/paid:deposit", {"amount": 12}, {"Idempotency-Key": "salary-1"})
            self.assertEqual(200, answer.status)
        line = self.awaited("admin_change", lambda line: line["token"] == "payer@example", 1)[0]
        self.assertEqual(("operator", "127.0.0.1", "POST /admin/v1/wallets/paid:deposit", "200"),
                         (line["role"], line["from"], line["call"], line["outcome"]))
        self.assertIn('{"amount":12}', line["content"])
        self.assertIn("salary-1", line["content"])
        self.assertNotIn(token, "\n".join(self.server.log))

    def test_a_token_is_revoked_without_a_stop(self):
        token = self.made("leaver", "operator")
        self.await_status(token, 200)
        self.revoke("leaver")
        self.await_status(token, 401)
        with self.server.operator() as operator:
            self.assertEqual(200, operator.get("/admin/v1/switches").status)

    def test_the_file_holds_no_token_and_is_the_owners_alone(self):
        token = self.made("held", "viewer")
        text = self.tokens_file().read_text()
        self.assertIn("held viewer", text)
        self.assertNotIn(token, text)
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.assertEqual(0o600, self.tokens_file().stat().st_mode & 0o777)
        listed = json.loads(self.server.ctl("--json", "admin-token", "list").stdout)["tokens"]
        self.assertIn(("held", "viewer"), [(each["name"], each["role"]) for each in listed])
        self.assertIn(("first-operator", "operator"), [(each["name"], each["role"]) for each in listed])
        self.revoke("held")

    def test_a_file_that_can_not_be_used_keeps_the_old_tokens(self):
        good = self.tokens_file().read_text()
        self.addCleanup(self.tokens_file().chmod, 0o600)
        self.addCleanup(self.tokens_file().write_text, good)
        for spoil in (lambda: self.tokens_file().write_text(""), lambda: self.tokens_file().write_text(good[:-5]),
                      lambda: (self.tokens_file().write_text(good), self.tokens_file().chmod(0o604))):
            spoil()
            eventually(lambda: self.metric() == 1, "the metric tells")
            self.assertEqual(200, self.status(self.server.admin_token))
            self.tokens_file().chmod(0o600)
            self.tokens_file().write_text(good)
            eventually(lambda: self.metric() == 0, "it is well again")
        self.awaited("admin_tokens_unreadable", lambda line: True)

    def metric(self):
        with self.server.operator() as operator:
            return int(re.search(rb"^hongbao_admin_tokens_unreadable (\d)", operator.get("/metrics").raw, re.M)[1])


class Journal(Access, SystemTest):
    def entries(self, server=None, path="/admin/v1/journal"):
        with (server or self.server).operator() as operator:
            answer = operator.get(path)
            self.assertEqual(200, answer.status, answer)
            return answer.body["entries"]

    def test_every_change_is_an_entry_with_its_end(self):
        token = self.made("payer", "operator")
        self.await_status(token, 200)
        with Client(self.server.admin, token) as client:
            client.post("/admin/v1/wallets/ann:deposit", {"amount": 30}, {"Idempotency-Key": "k1"})
            client.post("/admin/v1/wallets/ann:freeze", {})
            self.assert_problem(client.post("/admin/v1/wallets/ann:deposit", {"amount": 30}), "account_frozen")
            client.post("/admin/v1/wallets/ann:unfreeze", {})
            client.call("PUT", "/admin/v1/switches", {"switches": {"sends": True}})
        mine = [entry for entry in self.entries() if entry["token"] == "payer"]
        self.assertEqual([("PUT /admin/v1/switches", "200"), ("POST /admin/v1/wallets/ann:unfreeze", "200"),
                          ("POST /admin/v1/wallets/ann:deposit", "403 account_frozen"),
                          ("POST /admin/v1/wallets/ann:freeze", "200"), ("POST /admin/v1/wallets/ann:deposit", "200")],
                         [(entry["call"], entry["outcome"]) for entry in mine])
        self.assertEqual(("operator", "127.0.0.1", 'key k1 {"amount":30}'),
                         (mine[-1]["role"], mine[-1]["from"], mine[-1]["content"]))
        self.assertEqual(sorted((entry["number"] for entry in mine), reverse=True), [entry["number"] for entry in mine])
        older = self.entries(path=f"/admin/v1/journal?before={mine[-2]['number']}")
        self.assertEqual(mine[-1], older[0])
        listed = json.loads(self.server.ctl("--json", "journal").stdout)["entries"]
        self.assertIn(mine[0], listed)
        self.assertRegex(self.server.ctl("journal").stdout,
                         r'(?m)^\d+ \S+ payer \(operator\) from 127\.0\.0\.1: POST /admin/v1/wallets/ann:deposit '
                         r'{"amount":30} → 403 account_frozen$')
        with self.server.operator() as operator:
            self.assert_problem(operator.get("/admin/v1/journal?before=x"), "invalid_field", "before")

    def test_entries_outlive_a_kill_and_one_without_an_end_is_told(self):
        self.server.deposit("bob", 7)
        before = self.entries()
        self.server.kill()
        journal = self.server.directory / "admin-journal.db"
        self.assertEqual(0o600, journal.stat().st_mode & 0o777)
        with contextlib.closing(sqlite3.connect(journal)) as database, database:
            database.execute("INSERT INTO begun(at, token, role, peer, call, content) VALUES (1, 'cut', '', '', 'POST /x', '')")
            for statement in ("DELETE FROM begun", "UPDATE begun SET token = 'eve'", "DELETE FROM ended",
                              "UPDATE ended SET outcome = '500'"):
                with self.assertRaises(sqlite3.DatabaseError):
                    database.execute(statement)
        self.server.start()
        after = self.entries()
        self.assertEqual(before, after[1:])
        self.assertEqual(("cut", "begun", False), (after[0]["token"], after[0]["outcome"], "ended_at" in after[0]))

    def test_a_killed_change_is_told_truly(self):
        """However a deposit is cut off, money that is there has its line."""
        for kill in range(5):
            with self.server.operator() as operator, concurrent.futures.ThreadPoolExecutor(1) as pool:
                cut = pool.submit(self.quietly, operator.post, "/admin/v1/wallets/cut:deposit", {"amount": 1},
                                  {"Idempotency-Key": f"cut-{kill}"})
                time.sleep(0.002 * kill)
                self.server.kill()
                cut.result()
            self.server.start()
        entries = [entry for entry in self.entries() if entry["call"].endswith("cut:deposit")]
        self.assertGreaterEqual(len(entries), self.server.balance("cut"))

    @staticmethod
    def quietly(call, *arguments):
        with contextlib.suppress(OSError, http.client.HTTPException):
            call(*arguments)

    def test_a_full_journal_refuses_changes_and_shows_itself(self):
        server = Server(ADMIN_JOURNAL_MIB_MAX=1)
        self.addCleanup(server.remove)
        server.start()
        with server.operator() as operator:
            body = {"directory": "x" * 10_000}  # refused, and kept in short

            def fill(_):
                with server.operator() as client:
                    while client.post("/admin/v1/backup", body).problem != "journal_unavailable":
                        pass

            in_parallel(fill, range(16), threads=16)
            self.assert_problem(operator.post("/admin/v1/wallets/ann:deposit", {"amount": 1}), "journal_unavailable")
            self.assertEqual(0, operator.get("/admin/v1/wallets/ann").body["wallet"]["balance"])
            self.assertEqual(100, len(self.entries(server)))
            self.assertRegex(operator.get("/metrics").raw.decode(), r"hongbao_admin_journal_refused_total [1-9]")
        self.assertEqual(0, server.stop())
        server.environment["HONGBAO_ADMIN_JOURNAL_MIB_MAX"] = "2"
        server.start()
        self.assertEqual(1, server.deposit("ann", 1))
        self.assertEqual(0, server.stop())

    def test_one_process_has_a_journal(self):
        other = Server()
        self.addCleanup(other.remove)
        other.environment["HONGBAO_ADMIN_JOURNAL_FILE"] = str(self.server.directory / "admin-journal.db")
        result = subprocess.run([binary("hongbaod"), "--config", str(other.config)], env=other.environment,
                                capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(2, result.returncode, result.stderr)
        self.assertIn("admin.journal_file", result.stderr)
        self.assertIn("another process uses", result.stderr)


class Deposits(Access, SystemTest):
    overrides = {"ADMIN_DEPOSIT_MAX_FEN": 600, "ADMIN_DEPOSIT_DAILY_MAX_FEN": 1000}

    def test_a_days_deposits_are_limited_and_repeats_count_once(self):
        with self.server.operator() as operator:
            def pay(user, amount, key):
                return operator.post(f"/admin/v1/wallets/{user}:deposit", {"amount": amount}, {"Idempotency-Key": key})

            self.assert_problem(pay("ann", 601, "k0"), "invalid_field", "amount")
            self.assertEqual(200, pay("ann", 600, "k1").status)
            self.assert_problem(pay("bob", 401, "k2"), "deposit_limit_reached")
            self.assertEqual(200, pay("ann", 600, "k1").status)
            self.assertEqual(200, pay("bob", 400, "k2").status)
            for _ in range(2):
                self.assert_problem(pay("bob", 1, "k3"), "deposit_limit_reached")
            self.assertEqual(0, self.server.stop())
            self.server.start()
        with self.server.operator() as operator:
            answer = operator.post("/admin/v1/wallets/ann:deposit", {"amount": 1})
            self.assert_problem(answer, "deposit_limit_reached")
        self.assertEqual([600, 400], [self.server.balance(user) for user in ("ann", "bob")])
        refused = self.awaited("admin_change", lambda line: line["outcome"].startswith("409"), 4)
        self.assertIn('{"amount":401}', refused[0]["content"])


class Tokens(Access, unittest.TestCase):
    """hongbaoctl and starts; no server runs."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.remove)

    def refused(self, *arguments):
        result = self.server.ctl(*arguments, check=False)
        self.assertIn(result.returncode, (1, 2))
        self.assertEqual((1, ""), (len(result.stderr.splitlines()), result.stdout), result)
        return result.stderr

    def test_names_are_given_once_and_roles_are_known(self):
        self.made("ann", "viewer")
        self.assertIn("has a token already", self.refused("admin-token", "add", "--name", "ann", "--role", "operator"))
        self.assertIn("--role", self.refused("admin-token", "add", "--name", "bob", "--role", "root"))
        self.assertIn("--name", self.refused("admin-token", "add", "--name", "b b", "--role", "viewer"))
        self.assertIn("has no token", self.refused("admin-token", "revoke", "--name", "bob"))
        self.revoke("ann")
        self.made("ann", "auditor")

    def test_two_changes_do_not_meet(self):
        next_file = self.tokens_file().with_name("admin.tokens.new")
        next_file.touch()
        self.assertIn(str(next_file), self.refused("admin-token", "add", "--name", "ann", "--role", "viewer"))
        self.assertTrue(next_file.exists())
        next_file.unlink()
        self.made("ann", "viewer")
        self.assertFalse(next_file.exists())

    def test_the_file_keeps_its_mode(self):
        os.chmod(self.tokens_file(), 0o640)
        self.made("ann", "viewer")
        self.assertEqual(0o640, self.tokens_file().stat().st_mode & 0o777)

    def test_a_file_that_is_lost_is_made_anew(self):
        self.tokens_file().unlink()
        self.assertIn("admin.tokens_file", self.refused_start())
        token = self.made("ann", "operator")
        self.server.start()
        self.assertEqual([200, 401], [self.status(token), self.status(self.server.admin_token)])

    def test_a_start_wants_a_file_that_can_be_used(self):
        self.tokens_file().chmod(0o604)
        self.assertIn("admin.tokens_file", self.refused_start())
        self.tokens_file().chmod(0o600)
        self.tokens_file().write_text("ann operator\n")
        self.assertIn("admin.tokens_file", self.refused_start())

    def refused_start(self):
        result = subprocess.run([binary("hongbaod"), "--config", str(self.server.config)], env=self.server.environment,
                                capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(2, result.returncode, result.stderr)
        return result.stderr


if __name__ == "__main__":
    unittest.main()
