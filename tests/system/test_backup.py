"""`hongbaoctl backup` of a running server, and `hongbaoctl restore`: nothing that was answered before the cut is missing,
nothing is there twice, and what is not whole is refused."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import threading
import time
import unittest

from system import Server, binary, clean_environment, eventually


class Backups(unittest.TestCase):
    def server(self, **overrides):
        server = Server(**overrides)
        self.addCleanup(server.remove)
        server.data = server.directory / "data"
        return server

    def ctl(self, server, *arguments):
        return subprocess.run([binary("hongbaoctl"), "--config", str(server.config), "--admin-url",
                               f"http://{server.admin or '127.0.0.1:1'}", "--json", *arguments], env=server.environment,
                              cwd=server.directory, capture_output=True, text=True, timeout=60)

    def done(self, server, *arguments):
        result = self.ctl(server, *arguments)
        self.assertEqual((0, ""), (result.returncode, result.stderr), result.stdout)
        return json.loads(result.stdout)

    def refused(self, server, *arguments):
        result = self.ctl(server, *arguments)
        self.assertNotEqual(0, result.returncode, result.stdout)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        return result.stderr

    def twin(self, server):
        """Another directory with the same configuration and secrets, and no data yet."""
        twin = self.server()
        shutil.rmtree(twin.directory / "secrets")
        shutil.copytree(server.directory / "secrets", twin.directory / "secrets")
        twin.jwt_secret, twin.admin_token = server.jwt_secret, server.admin_token
        return twin

    def assert_balanced(self, server):
        body = server.money()
        self.assertTrue(body["balanced"], body)
        self.assertEqual(0, body["difference"])
        answer = server.audit(deep=True)
        self.assertEqual((200, []), (answer.status, answer.body["violations"]), answer)

    def load(self, server):
        return subprocess.Popen([binary("hongbao-load"), "run", "--url", f"http://{server.public}", "--admin-url",
                                 f"http://{server.admin}", "--jwt-secret-file",
                                 str(server.directory / "secrets" / "jwt.secret"), "--admin-token-file",
                                 str(server.directory / "secrets" / "admin.token"), "--seconds", "8", "--rate", "200",
                                 "--connections", "16", "--users", "300", "--no-progress"],
                                env=clean_environment({}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_backups_under_load_are_one_moment_with_all_that_was_answered_before(self):
        server = self.server().start()
        load = self.load(server)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        packet = server.paid_packet("sender", kind="lucky", total_amount=900_000, count=30_000)
        shares, stop = {}, threading.Event()

        def take(thread):
            number = 0
            while not stop.is_set():
                user, number = f"user-{thread}-{number}", number + 1
                with server.user(user) as client:
                    shares[user] = client.take(packet["id"])["share"]

        threads = [threading.Thread(target=take, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        cuts = []
        for i in range(4):
            eventually(lambda: len(shares) > 20 * (i + 1), "shares were opened")
            before = dict(shares)
            made = self.done(server, "backup", f"cut-{i}")
            self.assertEqual(("done", str(server.directory / f"cut-{i}")), (made["state"], made["directory"]))
            self.assertIn("master key", made["note"])
            cuts.append((server.directory / f"cut-{i}", before))
        stop.set()
        for thread in threads:
            thread.join(20)
        load.kill()
        server.kill()
        for directory, before in cuts:
            twin = self.twin(server)
            self.assertEqual("restored", self.done(twin, "restore", str(directory))["state"])
            twin.start()
            self.assert_balanced(twin)
            with twin.user("sender") as client:
                kept = {share["user_id"]: share
                        for share in client.pages(f"/v1/packets/{packet['id']}/shares", "shares", page_size=1000)}
            for user, share in before.items():
                self.assertEqual(share, {key: kept[user][key] for key in share}, user)
                self.assertEqual(share["amount"], twin.balance(user))
            self.assertEqual(0, twin.stop())

    def test_a_backup_is_restored_over_what_is_there_which_is_kept(self):
        server = self.server().start()
        server.deposit("alice", 1000)
        self.done(server, "backup", "first")
        server.deposit("alice", 500)
        self.assertIn("another hongbaod", self.refused(server, "restore", "first", "--replace"))
        self.assertEqual(0, server.stop())
        self.assertIn("--replace", self.refused(server, "restore", "first"))
        restored = self.done(server, "restore", "first", "--replace")
        server.start()
        self.assertEqual(1000, server.balance("alice"))
        self.assert_balanced(server)
        self.assertEqual(0, server.stop())
        aside = pathlib.Path(restored["replaced_data"])
        self.assertTrue((aside / "ledger.db").exists())
        # Files of before and after don't mix.
        shutil.copy(server.data / "ledger.db", server.directory / "kept.db")
        shutil.copy(aside / "ledger.db", server.data / "ledger.db")
        server.spawn()
        self.assertFalse(server.came_up())
        self.assertIn("another deployment", server.log[-1])
        shutil.copy(server.directory / "kept.db", server.data / "ledger.db")
        server.start()
        self.assertEqual(0, server.stop())

    def test_a_stopped_server_is_backed_up_too(self):
        server = self.server()
        self.assertIn("holds no data", self.refused(server, "backup", "none"))
        self.assertFalse(server.data.exists())
        server.start()
        server.deposit("alice", 1000)
        server.kill()
        self.done(server, "backup", "stopped")
        server.start()
        self.assertEqual(1000, server.balance("alice"))
        self.assertEqual(0, server.stop())
        twin = self.twin(server)
        self.done(twin, "restore", str(server.directory / "stopped"))
        twin.start()
        self.assertEqual(1000, twin.balance("alice"))
        self.assertEqual(0, twin.stop())

    def test_cold_days_are_in_it(self):
        server = self.server(PACKETS_TTL_MS=400, REFUNDS_INTERVAL_MS=100, ARCHIVE_HOT_DAYS=0,
                             ARCHIVE_INTERVAL_MS=86_400_000).start()
        packet = server.paid_packet("sender", kind="lucky", total_amount=300, count=3)["id"]

        def shown(of):
            with of.user("sender") as client:
                return client.packet(packet).body["packet"]

        def moved():
            with server.operator() as operator:
                operator.post("/admin/v1/archive:run")
                return any(shard["cold_days"] for shard in operator.get("/admin/v1/archive").body["shards"])

        eventually(moved, "the day is cold")
        before = shown(server)
        self.done(server, "backup", "cold")
        self.assertTrue(list((server.directory / "cold" / "cold").glob("*.db")))
        self.assertEqual(0, server.stop())
        twin = self.twin(server)
        self.done(twin, "restore", str(server.directory / "cold"))
        twin.start()
        self.assertEqual(before, shown(twin))
        self.assert_balanced(twin)
        self.assertEqual(0, twin.stop())

    def test_a_backup_is_for_its_owner_alone_and_plain(self):
        server = self.server().start()
        server.paid_packet("sender", kind="lucky", total_amount=900, count=3)
        self.done(server, "backup", "made")
        made = server.directory / "made"
        self.assertEqual(0o700, stat.S_IMODE(made.stat().st_mode))
        names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.iterdir()}
        self.assertEqual({name: 0o600 for name in ("MANIFEST.json", "inbox.db", "ledger.db", "orders-s000.db",
                                                    "orders-s001.db")}, names)
        for path in made.glob("*.db"):
            self.assertIn("ok", subprocess.run(["sqlite3", str(path), "PRAGMA integrity_check; PRAGMA journal_mode"],
                                               capture_output=True, text=True, timeout=20).stdout)
        self.assertFalse(any(server.admin_token in path.read_bytes().decode(errors="replace") for path in made.iterdir()))
        self.assertEqual(0, server.stop())

    def test_where_a_backup_cannot_be_made_it_says_so(self):
        server = self.server().start()
        full = server.directory / "full"
        full.mkdir()
        (full / "file").write_text("x")
        for directory, words in ((full, "is not empty"), (full / "file", "Not a directory"), (server.data / "b", "data directory"),
                                 (server.directory / "no" / "parent", "No such file")):
            with self.subTest(directory=directory):
                self.assertIn(words, self.refused(server, "backup", str(directory)))
        with server.operator() as operator:
            self.assertEqual("failed", operator.get("/admin/v1/backup").body["state"])
            self.assertEqual("invalid_field", operator.post("/admin/v1/backup", {"directory": "relative"}).problem)
        self.done(server, "backup", "good")
        self.assertEqual(0, server.stop())

    def test_what_is_no_whole_backup_is_refused_and_the_data_stays(self):
        server = self.server().start()
        server.deposit("alice", 1000)
        self.done(server, "backup", "good")
        self.assertEqual(0, server.stop())
        good = server.directory / "good"

        def damaged(name, damage):
            bad = server.directory / name
            shutil.copytree(good, bad)
            damage(bad)
            return self.refused(server, "restore", str(bad), "--replace")

        self.assertIn("unfinished", damaged("a", lambda bad: (bad / "MANIFEST.json").unlink()))
        self.assertIn("damaged", damaged("b", lambda bad: (bad / "MANIFEST.json").write_text("{}")))
        self.assertIn("ledger.db", damaged("c", lambda bad: (bad / "ledger.db").unlink()))
        self.assertIn("ledger.db", damaged("d", lambda bad: (bad / "ledger.db").write_bytes(
            (good / "ledger.db").read_bytes()[:-1] + b"x")))

        def leave_out(bad):
            manifest = json.loads((bad / "MANIFEST.json").read_text())
            manifest["files"]["../x.db"] = manifest["files"].pop("ledger.db")
            (bad / "MANIFEST.json").write_text(json.dumps(manifest))

        self.assertIn("damaged", damaged("e", leave_out))
        self.assertIn("no-such", self.refused(server, "restore", "no-such", "--replace"))
        twin = self.server()
        self.assertIn("auth.master_keys_file", self.refused(twin, "restore", str(good)))
        server.start()
        self.assertEqual(1000, server.balance("alice"))
        self.assertEqual(0, server.stop())

    def test_a_restore_that_dies_leaves_what_a_server_refuses_or_what_was_there(self):
        server = self.server().start()
        server.deposit("alice", 1000)
        self.done(server, "backup", "good")
        self.assertEqual(0, server.stop())
        # As it lies when the files of before are aside and not all of the new ones are in their place.
        staging = server.data / "restoring"
        staging.mkdir()
        for name in ("MASTER_KEY_ID", "ledger.db"):
            (server.data / name).rename(staging / name)
        server.spawn()
        self.assertFalse(server.came_up())
        self.assertIn("restore", server.log[-1])
        self.done(server, "restore", "good", "--replace")
        server.start()
        self.assertEqual(1000, server.balance("alice"))
        self.assertEqual(0, server.stop())


if __name__ == "__main__":
    unittest.main()
