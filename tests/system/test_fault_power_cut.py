"""The power goes at random moments under load, and the disk holds what it was made to hold. HONGBAO_CUTS sets how many
(12). powercut.py says what a cut may lose.

A cut is the death of the process at a random moment, or in the middle of a checkpoint, and a data directory that is made
anew from what was synced and a random part of what was not. The first test proves that a loss is found: on a disk that
lies about syncing, answered shares must be missing.
"""

import collections
import subprocess
import time
import unittest

from faults import FaultTest, FaultyDisk, option
from system import binary

CUTS = option("HONGBAO_CUTS", 12)
NIGHT_S = 20
BETWEEN_CUTS_S = (0.3, 2.0)
SYNC_US_MAX = 6_000  # so that there is something unsynced most of the time
CHECKPOINT_CUTS = 4
PAGES_TO_DEATH = (1, 150)  # a checkpoint has some 200
START_S = (0.005, 0.2)


class PowerCut(FaultTest):
    def make_disk(self):
        server = self.make_server()
        return server, FaultyDisk(server, self.dice)

    def test_a_disk_that_lies_is_found_out(self):
        server, disk = self.make_disk()
        disk.set()
        server.start()
        server.kill()
        disk.after_process()
        disk.set(LIES=1)
        server.start()
        night = self.start_night(server, 6, rate=60)
        night.await_shares(100)
        server.kill()
        night.stop()
        disk.after_process()
        losses = disk.cut()
        disk.set()
        server.spawn()
        if not server.came_up():  # the lie lost what a start holds against the rest
            self.assertRegex(server.log[-1], "malformed|behind|holds nothing|belongs to no")
            return
        result, figures = night.try_check("--live")
        self.assertEqual(1, result.returncode, result.stdout + result.stderr)
        self.assertRegex(result.stdout, "share_lost|packet_lost")
        self.report(shares_answered=night.shares(), checks_failed=figures["checks_failed"], writes_lost=losses.lost)

    def test_a_new_directory_is_durable_before_the_first_answer(self):
        server, disk = self.make_disk()
        disk.set()
        server.start()
        packet = server.paid_packet("sender", kind="lucky", total_amount=100, count=2)
        with server.user("taker") as client:
            taken = client.take(packet["id"])
        server.kill()
        disk.after_process()
        disk.cut(merciless=True)
        self.assert_refuses_another_key(server)
        disk.set()
        server.start()
        with server.user("taker") as client:
            self.assertEqual(taken, client.take(packet["id"]))
        self.assert_audit_holds(server)

    def assert_refuses_another_key(self, server):
        key = server.directory / "secrets" / "master.keys"
        original = key.read_text()
        key.write_text("1 live 20000101 " + "01ab" * 16 + "\n")
        result = subprocess.run([binary("hongbaod"), "--config", str(server.config)], env=server.environment, timeout=20,
                                cwd=server.directory, capture_output=True, text=True)
        key.write_text(original)
        self.assertEqual(2, result.returncode, result.stderr)
        self.assertIn("auth.master_keys_file", result.stderr)

    def test_a_power_cut_loses_nothing_that_was_answered(self):
        server, disk = self.make_disk()
        self.totals = collections.Counter()
        disk.set()
        server.start()
        server.kill()
        # So many users' first money is the quickest way to a log long enough for a checkpoint.
        self.cut_and_start(server, disk, DIE_AT_PAGE=self.dice.randint(*PAGES_TO_DEATH))
        night = self.start_night(server, NIGHT_S, rate=60, users=5_000)
        for left in reversed(range(CHECKPOINT_CUTS)):
            server.process.wait(60)
            self.totals["cuts_in_checkpoints"] += 1
            self.cut_and_start(server, disk, **({"DIE_AT_PAGE": self.dice.randint(*PAGES_TO_DEATH)} if left else {}))
        night.await_shares(20)
        while True:
            while self.totals["cuts"] < CUTS and night.time_left() > 2:
                time.sleep(self.dice.uniform(*BETWEEN_CUTS_S))
                server.kill()
                if self.dice.random() < 0.4:
                    self.start_without_a_cut(server, disk)
                self.cut_and_start(server, disk)
                night.check_live()
            figures = night.finish()
            self.assert_audit_holds(server)
            self.totals.update(packets=figures["checked_packets"], shares=figures["checked_shares"])
            if self.totals["cuts"] >= CUTS:
                break
            night = self.start_night(server, NIGHT_S, rate=60)
            night.await_shares(20)
        self.assertEqual(0, server.stop())
        self.report(**self.totals, syncs=disk.disk.syncs)
        self.assertGreater(self.totals["writes_lost"], 0, "no cut met an unsynced write")

    def start_without_a_cut(self, server, disk):
        """The next process reads what the last one wrote but did not sync, and may not build on it as it is."""
        disk.after_process()
        server.start()
        self.totals["restarts_before_a_cut"] += 1
        time.sleep(self.dice.uniform(*BETWEEN_CUTS_S))
        server.kill()

    def cut_and_start(self, server, disk, **options):
        """The process is gone; the power goes, too. Now and then it goes once more while the server starts."""
        while True:
            disk.after_process()
            losses = disk.cut()
            self.totals.update(cuts=1, writes_lost=losses.lost, writes_torn=losses.torn,
                               unsynced_writes_kept=losses.kept, entries_lost=losses.entries_lost)
            disk.set(SYNC_US_MAX=SYNC_US_MAX, **options)
            if self.dice.random() < 0.7:
                break
            server.spawn()
            time.sleep(self.dice.uniform(*START_S))
            server.kill()
        server.spawn()
        if not options:  # else it may die before it listens
            server.await_listening()


if __name__ == "__main__":
    unittest.main()
