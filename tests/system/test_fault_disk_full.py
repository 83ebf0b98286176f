"""The disk runs full under load, and has space again. The data directory is on a tmpfs of its own, which needs root.

HONGBAO_FILLS sets how often (3). While it is full nothing may be answered that is not so; afterwards the server goes on
by itself. It may also be killed, or started, while there is no space.
"""

import collections
import errno
import subprocess
import time
import unittest

from faults import FaultTest, option
from system import eventually

FILLS = option("HONGBAO_FILLS", 3)
NIGHT_S = 15
FILL_S_LEAST = 4  # of the night, so that something is written while it is full
DISK_MIB = 192  # four logs of some 16 MiB, their databases, and room
FULL_S = (0.5, 2.0)
REFUSALS = {"unavailable", "storage", "outcome_unknown", "overloaded", "deadline_exceeded"}


class DiskFull(FaultTest):
    def make_full_disk_server(self):
        server = self.make_server()
        disk = server.directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "hongbao-test", str(disk)], check=True,
                       timeout=20)
        self.addCleanup(self.unmount, server, disk)
        server.environment["HONGBAO_DATA_DIR"] = str(disk / "data")
        self.filler = disk / "filler"
        return server

    @staticmethod
    def unmount(server, disk):
        if server.process and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", str(disk)], check=True, timeout=20)

    def fill(self):
        """Takes all the space that is left."""
        for size in (1 << 20, 4096):
            with open(self.filler, "ab", buffering=0) as file:
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    self.assertEqual(errno.ENOSPC, error.errno)

    def free(self):
        self.filler.unlink()

    def fill_until_commits_fail(self, server):
        self.fill()
        eventually(lambda: "recovering" in self.states(server), "a commit failed", timeout_s=30)

    @staticmethod
    def events(server, name):
        return sum(f'"{name}"' in line for line in list(server.log))

    def states(self, server):
        with server.operator() as operator:
            return {shard["state"] for shard in operator.get("/admin/v1/shards").body["shards"]}

    def test_a_full_disk_stops_nothing_but_writes(self):
        server = self.make_full_disk_server()
        server.start()
        shown = server.paid_packet("reader", kind="equal", total_amount=10, count=2)["id"]
        answers = collections.Counter()

        def fill_and_free(_):
            self.fill_until_commits_fail(server)
            answers.update(self.ask_while_full(server, shown))
            self.free()
            eventually(lambda: self.states(server) == {"serving"}, "all shards serve", timeout_s=30)
            self.write_something(server)

        self.play(server, fill_and_free, answers)
        self.assertEqual(1, self.events(server, "listening"), "it went on by itself")

    def play(self, server, each_time, totals):
        """Nights in which the disk is filled FILLS times in all."""
        checked = self.play_nights(server, FILLS, each_time, seconds=NIGHT_S, rate=60, round_s_max=FILL_S_LEAST)
        self.report(**totals, fills=FILLS, **checked, commits_failed=self.events(server, "commit_unknown"))

    def ask_while_full(self, server, shown):
        """How calls are answered, by call and name. A shard that recovers has nothing in memory, so it may refuse a read;
        the audit asks the stores themselves."""
        answers = collections.Counter()
        end = time.monotonic() + self.dice.uniform(*FULL_S)
        with server.user("reader") as reader, server.operator() as operator:
            while time.monotonic() < end:
                for call, answer in (("view", reader.packet(shown)),
                                     ("deposit", operator.post("/admin/v1/wallets/full:deposit", {"amount": 1}))):
                    self.assertIn(answer.problem or answer.status, REFUSALS | {200}, answer)
                    answers[f"{call}_{answer.problem or answer.status}"] += 1
                self.assert_audit_holds(server)
        return answers

    def write_something(self, server):
        packet = server.paid_packet("after", kind="lucky", total_amount=100, count=2)
        with server.user("taker") as client:
            self.assertEqual("opened", client.take(packet["id"])["outcome"])

    def test_a_server_killed_on_a_full_disk_starts_when_there_is_space(self):
        server = self.make_full_disk_server()
        server.start()
        totals = collections.Counter()

        def kill_and_start(_):
            self.fill_until_commits_fail(server)
            server.kill()
            # It starts if its first small commit still finds room in the log, or says why not.
            server.spawn()
            if server.came_up():
                server.kill()
            else:
                self.assert_says_that_the_disk_is_full(server)
                totals["starts_refused"] += 1
            self.free()
            server.start()

        self.play(server, kill_and_start, totals)

    def test_a_new_server_on_a_full_disk_says_so(self):
        server = self.make_full_disk_server()
        self.fill()
        server.spawn()
        self.assertFalse(server.came_up())
        self.assert_says_that_the_disk_is_full(server)
        self.free()
        server.start()
        self.write_something(server)
        self.assert_audit_holds(server)
        self.assertEqual(0, server.stop())

    def assert_says_that_the_disk_is_full(self, server):
        self.assertIn(server.process.returncode, (1, 2), server.log[-10:])
        self.assertRegex(server.log[-1], r"^hongbaod: .*/disk/data.*(disk is full|No space left on device)")


if __name__ == "__main__":
    unittest.main()
