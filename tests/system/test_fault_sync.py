"""fsync fails. The kernel then drops what it could not write but calls the pages clean: the next fsync succeeds without
them, and programs still read them. HONGBAO_SYNC_ROUNDS sets how often (5).

Each round ends with a power cut, since only then it shows whether the server built on something that is not on the disk.
"""

import collections
import signal
import time
import unittest

from faults import FaultTest, FaultyDisk, option

ROUNDS = option("HONGBAO_SYNC_ROUNDS", 5)
NIGHT_S = 20
SYNC_US_MAX = 3_000
FAIL_ONE_IN = 60
GOES_ON_S = (0.5, 1.5)


class FailedSync(FaultTest):
    def play(self, each_round):
        """Nights against a server on a faulty disk, with `each_round` and a power cut ROUNDS times."""
        server = self.make_server()
        disk = FaultyDisk(server, self.dice)
        disk.set(SYNC_US_MAX=SYNC_US_MAX)
        server.start()
        totals = collections.Counter()

        def round_and_cut(night):
            each_round(server, disk, night, totals)
            server.kill()
            disk.after_process()
            disk.cut()
            disk.set(SYNC_US_MAX=SYNC_US_MAX)
            server.start()

        checked = self.play_nights(server, ROUNDS, round_and_cut, seconds=NIGHT_S, rate=60, round_s_max=5)
        self.report(rounds=ROUNDS, **totals, **checked, syncs_failed=disk.disk.failed_syncs)
        self.assertGreaterEqual(disk.disk.failed_syncs, ROUNDS)

    def test_a_server_that_goes_on_after_failed_syncs_keeps_all_it_answered(self):
        def fail_now_and_then(server, disk, night, totals):
            self.restart(server, disk, FAIL_ONE_IN=FAIL_ONE_IN)
            end = time.monotonic() + self.dice.uniform(1.5, 3)
            while time.monotonic() < end:
                time.sleep(0.02)
                if server.process.poll() is not None:  # as a supervisor does
                    totals["ended_by_itself"] += 1
                    self.assertIn("checkpoint_sync_failed", "\n".join(server.log[-20:]))
                    self.restart(server, disk, FAIL_ONE_IN=FAIL_ONE_IN)
            night.check_live()

        self.play(fail_now_and_then)

    def restart(self, server, disk, **options):
        """Without a cut: what the page cache shows is what the next process reads. A start that meets a failed sync
        ends with a line that says so, and is tried again; or the disk kills it, as it was told."""
        server.kill()
        while True:
            disk.after_process()
            disk.set(SYNC_US_MAX=SYNC_US_MAX, **options)
            server.spawn()
            if server.came_up() or server.process.returncode == -signal.SIGKILL:
                return
            self.assertRegex("\n".join(server.log[-5:]), "I/O error|Input/output error|checkpoint_sync_failed")

    def test_a_checkpoint_whose_sync_fails_ends_the_process(self):
        server = self.make_server()
        disk = FaultyDisk(server, self.dice)
        disk.set()
        server.start()
        self.restart(server, disk, FAIL_ONE_IN=1, FAIL_DATABASES=1)
        # So many deposits are the quickest way to a log long enough for a checkpoint.
        night = self.start_night(server, 6, rate=60, users=4_000)
        server.process.wait(60)
        self.assertIn("checkpoint_sync_failed", "\n".join(server.log[-20:]))
        self.restart(server, disk)
        night.await_shares(20)
        self.restart(server, disk)
        night.check_live()
        night.finish()
        self.assert_audit_holds(server)
        self.assertEqual(0, server.stop())

    def test_a_process_that_dies_of_a_failed_sync_is_not_believed_by_the_next(self):
        def die_of_one(server, disk, night, totals):
            self.restart(server, disk, FAIL_ONE_IN=FAIL_ONE_IN, DIE_OF_FAILURE=1)
            server.process.wait(60)
            self.restart(server, disk)
            time.sleep(self.dice.uniform(*GOES_ON_S))

        self.play(die_of_one)


if __name__ == "__main__":
    unittest.main()
