"""The stores of one deployment are held against each other at every start, and a data directory is what it was.

Each test lets an embedded server make some history, does to its files what operators do, and starts it again.
"""

import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import time
import unittest

from system import Server, binary, eventually

DATABASES = ("orders-s000.db", "orders-s001.db", "ledger.db", "inbox.db")


class DataDirectory(unittest.TestCase):
    def server(self, **overrides):
        server = Server(**overrides)
        self.addCleanup(server.remove)
        server.data = server.directory / "data"
        return server

    def played(self, **overrides):
        """A server that runs, with packets in both shards, all settled."""
        server = self.server(**overrides).start()
        for i in range(6):
            packet = server.paid_packet(f"sender-{i}", kind="lucky", total_amount=1000, count=5)
            with server.user("taker") as client:
                client.take(packet["id"])
        server.money()
        return server

    def copy(self, server, names=DATABASES):
        """What SQLite's own backup makes of each file, one after the other."""
        directory = server.directory / "copies"
        directory.mkdir(exist_ok=True)
        for name in names:
            source, target = sqlite3.connect(server.data / name), sqlite3.connect(directory / name)
            source.backup(target)
            source.close()
            target.close()
        return directory

    def put_back(self, server, copies, names):
        for name in names:
            for suffix in ("-wal", "-shm"):
                (server.data / (name + suffix)).unlink(missing_ok=True)
            shutil.copy(copies / name, server.data / name)

    def assert_refused(self, server, *words, arguments=()):
        result = subprocess.run([binary("hongbaod"), "--config", str(server.config), *arguments], env=server.environment,
                                cwd="/", capture_output=True, text=True, timeout=20)
        self.assertIn(result.returncode, (1, 2), result.stderr)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def assert_starts(self, server):
        server.start()
        answer = server.audit(deep=True)
        self.assertEqual((200, 0), (answer.status, answer.body["difference"]), answer)
        self.assertEqual(0, server.stop())

    # Copies of different moments.

    def test_no_file_holds_a_seed(self):
        server = self.server().start()
        packet = server.paid_packet("sender-of-it", kind="lucky", total_amount=1000, count=1)["id"]
        server.kill()  # with all of it in the log
        files = [path.read_bytes() for path in server.data.rglob("*") if path.is_file()]
        server.start()
        with server.user("taker") as client:
            client.take(packet)
            seed = bytes.fromhex(client.packet(packet).body["packet"]["seed"])
        self.assertTrue(any(b"sender-of-it" in content for content in files))
        self.assertFalse(any(seed in content for content in files))

    def test_a_ledger_older_than_the_orders_is_refused(self):
        server = self.played()
        copies = self.copy(server, ("ledger.db", "inbox.db"))
        for i in range(4):
            server.paid_packet(f"later-{i}", kind="equal", total_amount=300, count=3)
        self.copy(server)
        server.money()
        self.assertEqual(0, server.stop())
        self.put_back(server, copies, ("ledger.db",))
        self.assert_starts(server)  # the last copies are of one moment
        copies = self.copy(server, ("ledger.db", "inbox.db"))
        server.start()
        packet = server.paid_packet("last", kind="equal", total_amount=300, count=3)
        self.copy(server, DATABASES[:2])
        self.assertEqual(0, server.stop())
        self.put_back(server, copies, DATABASES)
        self.assert_refused(server, "the ledger is behind the orders of shard", "300 fen", "hongbaoctl restore")
        self.assertTrue(packet["id"])

    def test_orders_older_than_the_ledger_or_the_inbox_are_refused(self):
        server = self.played()
        older = self.copy(server, DATABASES[:2])
        for i in range(4):
            server.paid_packet(f"later-{i}", kind="equal", total_amount=300, count=3)
        server.money()
        self.assertEqual(0, server.stop())
        self.put_back(server, older, DATABASES[:2])
        self.assert_refused(server, "are behind the ledger", "hongbaoctl restore")

    def test_a_payment_that_goes_missing_stops_its_shard_and_is_told(self):
        server = self.played()
        server.ctl("switch", "set", "settlement", "off")
        packet = server.paid_packet("last", kind="equal", total_amount=300, count=3)
        with server.user("late-taker") as client:
            client.take(packet["id"])
        shell = sqlite3.connect(server.data / "ledger.db", timeout=10)
        with shell:
            self.assertEqual(1, shell.execute("DELETE FROM payment WHERE settled = 0").rowcount)
        shell.close()
        answer = server.audit()
        # The money is in the escrow in this case, so the equations hold.
        self.assertEqual((500, False, 0), (answer.status, answer.body["balanced"], answer.body["difference"]), answer)
        self.assertEqual(300, sum(shard["unpaid"] for shard in answer.body["shards"]))
        server.ctl("switch", "set", "settlement", "on")
        eventually(lambda: any("payment_missing" in line for line in server.log), "it is told")
        self.assertEqual(0, server.balance("late-taker"))
        self.assertEqual(1, sum("payment_missing" in line for line in server.log), server.log)
        began = time.monotonic()
        self.assertEqual(0, server.stop())
        self.assertLess(time.monotonic() - began, 10)
        self.assert_refused(server, "the ledger is behind the orders of shard", "300 fen")

    def test_a_file_that_is_missing_or_empty_is_refused_by_its_name(self):
        server = self.played()
        self.assertEqual(0, server.stop())
        for name in DATABASES:
            kept = (server.data / name).read_bytes()
            for damage in (lambda file: file.unlink(), lambda file: file.write_bytes(b"")):
                with self.subTest(name=name):
                    damage(server.data / name)
                    self.assert_refused(server, name, "hongbaoctl restore")
                    (server.data / name).write_bytes(kept)
        identity = server.data / "MASTER_KEY_ID"
        kept = identity.read_bytes()
        identity.unlink()
        self.assert_refused(server, "MASTER_KEY_ID", "hongbaoctl restore")
        identity.write_bytes(b"not an identity")
        self.assert_refused(server, "MASTER_KEY_ID")
        identity.write_bytes(kept)
        self.assert_starts(server)

    def test_files_that_were_copied_without_their_logs_are_refused(self):
        server = self.played()
        self.assertEqual(0, server.stop())
        server.start()
        server.deposit("alice", 1000)
        copy = server.directory / "copy"
        shutil.copytree(server.data, copy)
        server.kill()
        for name in DATABASES:
            with self.subTest(name=name):
                shutil.rmtree(server.data)
                shutil.copytree(copy, server.data)
                log = server.data / f"{name}-wal"
                for damage in (lambda log: log.write_bytes(b""), lambda log: log.unlink(missing_ok=True)):
                    damage(log)
                    for _ in range(2):  # looking does not mend it
                        self.assert_refused(server, f"{name}-wal", "hongbaoctl restore")
        shutil.rmtree(server.data)
        shutil.copytree(copy, server.data)
        server.start()
        self.assertEqual(1000, server.balance("alice"))
        self.assertEqual(0, server.stop())
        # A first start's files hold nothing without them.
        fresh = self.played()
        fresh.kill()
        (fresh.data / "ledger.db-wal").unlink()
        self.assert_refused(fresh, "ledger.db", "log")

    def test_a_file_of_another_deployment_is_refused(self):
        server, other = self.played(), self.played()
        self.assertEqual([0, 0], [server.stop(), other.stop()])
        for name in DATABASES:
            with self.subTest(name=name):
                kept = (server.data / name).read_bytes()
                shutil.copy(other.data / name, server.data / name)
                self.assert_refused(server, name, "another deployment")
                (server.data / name).write_bytes(kept)
        self.assert_starts(server)

    def test_a_crash_and_a_new_shard_need_nothing(self):
        server = self.played()
        server.kill()
        server.environment["HONGBAO_SHARDS_COUNT"] = "3"
        self.assert_starts(server)
        (server.data / "orders-s002.db").unlink()
        self.assert_refused(server, "orders-s002.db", "missing")

    # The directory itself.

    def test_a_directory_that_vanished_is_refused(self):
        server = self.played()
        self.assertEqual(0, server.stop())
        aside = server.directory / "aside"
        server.data.rename(aside)
        self.assert_refused(server, "data.dir", str(server.data), "--new")
        self.assertFalse(server.data.exists())
        server.data.mkdir()
        self.assert_refused(server, "data.dir", "--new")
        self.assert_refused(server, "data.dir", "--new", arguments=("--set", "data.dir=elsewhere"))
        server.data.rmdir()
        aside.rename(server.data)
        self.assert_starts(server)
        server.data.rename(aside)
        server.arguments = ["--new"]
        self.assert_starts(server)
        server.arguments = []
        self.assert_starts(server)  # the new one is the known one
        shutil.rmtree(server.data)
        aside.rename(server.data)
        self.assert_refused(server, "another deployment", "--new")

    def test_relative_paths_begin_at_the_file(self):
        server = self.server()
        text = server.config.read_text()
        self.assertIn('dir = "data"', text)
        server.start()  # in another working directory
        self.assertTrue((server.data / "ledger.db").exists())
        self.assertIn("alice", server.ctl("wallet", "show", "alice").stdout)
        self.assertEqual(0, server.stop())

    def test_a_path_is_what_the_file_says(self):
        for name in ("with space", " both ends ", "?a=b&c#d%41", 'quote"back\\slash', "data/", "a//b", "./~tilde", "ünï 红包",
                     "file?mode=memory", "link/../beside"):
            with self.subTest(name=name):
                server = self.server()
                base = server.directory / "conf"
                base.mkdir()
                (base / "elsewhere").mkdir()
                (server.directory / "target").mkdir()
                (base / "link").symlink_to(server.directory / "target")
                server.environment["HONGBAO_DATA_DIR"] = "conf/" + name if not name.startswith("./") else name
                self.assert_starts(server)
                expected = server.directory / server.environment["HONGBAO_DATA_DIR"]
                self.assertTrue(os.path.exists(f"{expected}/ledger.db"), os.listdir(server.directory))
        server = self.server()
        for name in ("~/data", "$HOME/data", "file:data", "a\nb", "x" * 500):
            with self.subTest(name=name):
                server.environment["HONGBAO_DATA_DIR"] = name
                self.assert_refused(server, "data.dir")

    def test_init_writes_a_file_that_works_wherever_it_lies(self):
        server = self.server()
        odd = server.directory / 'a "quoted\\ directory'
        subprocess.run([binary("hongbaoctl"), "init", str(odd)], check=True, capture_output=True, timeout=20)
        moved = server.directory / "moved"
        odd.rename(moved)
        moved.rename(odd)
        server.config = odd / "hongbao.toml"
        server.admin_token = (odd / "secrets" / "admin.token").read_text().strip()
        self.assert_starts(server)
        self.assertTrue((odd / "data" / "ledger.db").exists())

    def test_files_are_for_their_owner_alone(self):
        server = self.server()
        server.data.mkdir(mode=0o755)
        os.chmod(server.data, 0o755)
        old = os.umask(0)
        try:
            server.start()
        finally:
            os.umask(old)
        server.deposit("alice", 10)
        self.assert_private(server)
        self.assertTrue(any("data_was_open_to_others" in line for line in server.log), server.log)
        self.assertEqual(0, server.stop())
        for file in server.data.iterdir():
            os.chmod(file, 0o644)
        server.start()
        self.assert_private(server)
        self.assertEqual(0, server.stop())

    def test_a_directory_with_other_things_is_only_warned_of(self):
        server = self.server()
        server.data.mkdir()
        os.chmod(server.data, 0o755)
        (server.data / "other").write_text("x")
        os.chmod(server.data / "other", 0o644)
        server.start()
        self.assertTrue(any("data_is_open_to_others" in line for line in server.log), server.log)
        self.assertEqual(0, server.stop())
        self.assertEqual([0o755, 0o644, 0o600], [stat.S_IMODE(path.stat().st_mode) for path in
                                                (server.data, server.data / "other", server.data / "MASTER_KEY_ID")])

    def assert_private(self, server):
        modes = {str(path): stat.S_IMODE(path.stat().st_mode) for path in [server.data, *server.data.iterdir()]}
        self.assertEqual({path: 0o700 if path == str(server.data) else 0o600 for path in modes}, modes)

    @unittest.skipUnless(os.geteuid() == 0, "gives files to another user, which needs root")
    def test_a_file_that_cannot_be_written_stops_the_start(self):
        server = self.played()
        self.assertEqual(0, server.stop())
        nobody = 65534
        for path in [server.directory, *server.directory.rglob("*")]:
            os.chown(path, nobody, nobody)
        for name in DATABASES:
            with self.subTest(name=name):
                os.chown(server.data / name, 0, 0)
                os.chmod(server.data / name, 0o644)
                result = subprocess.run([binary("hongbaod"), "--config", str(server.config)], env=server.environment,
                                        cwd="/", capture_output=True, text=True, timeout=20, user=nobody, group=nobody)
                self.assertIn(result.returncode, (1, 2), result.stderr)
                last = result.stderr.splitlines()[-1]
                self.assertIn(name, last)
                self.assertIn("written", last)
                self.assertNotIn("listening", result.stderr)
                os.chown(server.data / name, nobody, nobody)


if __name__ == "__main__":
    unittest.main()
