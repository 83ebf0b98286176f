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
NIGHT_S = 25
BETWEEN_CUTS_S = (0.3, 2.0)
SYNC_US_MAX = 6_000  # so that there is something unsynced most of the time
PAGES_TO_DEATH = (1, 1_500)
CHECKPOINT_WAIT_S = 6


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
        server.start()
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
        key = server.directory / "secrets" / "master.key"
        original = key.read_text()
        key.write_text("0" * 64)
        result = subprocess.run([binary("hongbaod"), "--config", str(server.config)], env=server.environment, timeout=20,
                                cwd=server.directory, capture_output=True, text=True)
        key.write_text(original)
        self.assertEqual(2, result.returncode, result.stderr)
        self.assertIn("auth.master_key_file", result.stderr)

    def test_a_power_cut_loses_nothing_that_was_answered(self):
        server, disk = self.make_disk()
        disk.set(SYNC_US_MAX=SYNC_US_MAX)
        server.start()
        totals = collections.Counter()
        while totals["cuts"] < CUTS:
            night = self.start_night(server, NIGHT_S, rate=60)
            night.await_shares(20)
            while totals["cuts"] < CUTS and night.time_left() > 2:
                self.await_death(server, totals)
                disk.after_process()
                losses = disk.cut()
                totals.update(cuts=1, writes_lost=losses.lost, writes_torn=losses.torn, unsynced_writes_kept=losses.kept,
                              entries_lost=losses.entries_lost)
                self.start_on(server, disk, totals)
                night.check_live()
            figures = night.finish()
            self.assert_audit_holds(server)
            totals.update(packets=figures["checked_packets"], shares=figures["checked_shares"])
        self.assertEqual(0, server.stop())
        self.report(**totals, syncs=disk.disk.syncs)
        self.assertGreater(totals["writes_lost"], 0, "no cut met an unsynced write")

    def await_death(self, server, totals):
        """At a random moment; or, when the disk was told so, in a checkpoint."""
        if "FAULTY_DISK_DIE_AT_PAGE" not in server.environment:
            time.sleep(self.dice.uniform(*BETWEEN_CUTS_S))
        else:
            end = time.monotonic() + CHECKPOINT_WAIT_S
            while server.process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            totals["cuts_in_checkpoints"] += server.process.poll() is not None
        server.kill()

    def start_on(self, server, disk, totals):
        """Starts on what a cut left. Every other time the disk kills the process in a checkpoint: perhaps the one that
        the start itself makes, and then the power goes at the start."""
        checkpoint = {"DIE_AT_PAGE": self.dice.randint(*PAGES_TO_DEATH)} if self.dice.random() < 0.5 else {}
        disk.set(SYNC_US_MAX=SYNC_US_MAX, **checkpoint)
        server.spawn()
        if server.came_up():
            return
        totals["cuts_of_starting_servers"] += 1
        disk.after_process()
        disk.cut()
        disk.set(SYNC_US_MAX=SYNC_US_MAX)
        server.start()


if __name__ == "__main__":
    unittest.main()
