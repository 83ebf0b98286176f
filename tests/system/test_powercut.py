"""The power cut itself: what powercut.py makes of a journal, and that faulty_disk writes one that agrees with the files."""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import powercut
from powercut import Disk, File, Losses

WRITER = """
import os
os.mkdir("{root}/data")
with open("{root}/data/log", "wb", buffering=0) as log:
    log.write(b"a" * 1000)
    os.fsync(log.fileno())
    log.write(b"b" * 1000)
    os.pwrite(log.fileno(), b"c", 500)
"""


class Cut(unittest.TestCase):
    def setUp(self):
        self.dice = random.Random(1)

    def file(self, *steps):
        """Plays steps on a file: bytes are written at its end, "sync" syncs, a number truncates."""
        file = File()
        for step in steps:
            if step == "sync":
                file.sync()
            elif isinstance(step, int):
                file.truncate(step)
            else:
                file.write(len(file.seen), step)
        return file

    def test_what_was_synced_stays(self):
        file = self.file(b"abc", 2, "sync")
        file.lose(powercut.Merciless(), Losses())
        self.assertEqual(b"ab", file.durable)

    def test_what_was_not_synced_is_lost_kept_or_torn_in_sectors_each_write_on_its_own(self):
        found = set()
        for _ in range(200):
            file = self.file(b"a" * 1024, "sync", b"b" * 1024, b"c" * 512)
            file.lose(self.dice, Losses())
            self.assertEqual(b"a" * 1024, file.durable[:1024])
            found.add(bytes(file.durable[1024::512]))
        self.assertIn(b"", found)
        self.assertIn(b"bbc", found)
        self.assertIn(b"\0\0c", found, "a later write survives an earlier one")
        self.assertIn(b"\0b", found, "a write is torn between its sectors")

    def test_a_failed_sync_decides_at_once_and_a_later_one_brings_nothing_back(self):
        file = self.file(b"a" * 512)
        file.lose(powercut.Merciless(), Losses())  # as the journal's record of the failure does
        file.write(512, b"b" * 512)
        file.sync()
        self.assertEqual(b"a" * 512 + b"b" * 512, file.seen)
        self.assertEqual(bytes(512) + b"b" * 512, file.durable)

    def test_a_name_needs_its_directory_synced(self):
        disk = Disk(self.dice)
        disk.root.change("kept", self.file(b"1", "sync"))
        disk.root.sync()
        disk.root.change("made", self.file(b"2", "sync"))
        disk.root.change("kept", None)
        disk.cut(merciless=True)
        self.assertEqual(["kept"], list(disk.root.seen))


class Journal(unittest.TestCase):
    """A small program on the faulty disk."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hongbao-disk-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = self.directory / "root"
        self.root.mkdir()
        self.disk = Disk(random.Random(1))

    def run_writer(self, **options):
        environment = {**os.environ, "LD_PRELOAD": os.environ["HONGBAO_FAULTY_DISK"],
                       "FAULTY_DISK_ROOT": str(self.root), "FAULTY_DISK_JOURNAL": str(self.directory / "journal"),
                       **{f"FAULTY_DISK_{key}": str(value) for key, value in options.items()}}
        return subprocess.run([sys.executable, "-c", WRITER.format(root=self.root)], env=environment, timeout=20,
                              capture_output=True, text=True)

    def test_it_agrees_with_the_files_and_knows_what_was_synced(self):
        self.assertEqual(0, self.run_writer().returncode)
        self.disk.play(self.directory / "journal")
        self.disk.catch_up(self.root)
        log = self.disk.root.seen["data"].seen["log"]
        self.assertEqual((self.root / "data" / "log").read_bytes(), log.seen)
        self.assertEqual(b"a" * 1000, log.durable)
        self.assertEqual({}, self.disk.root.durable, "no directory was synced")

    def test_what_was_written_past_it_is_found(self):
        self.run_writer()
        self.disk.play(self.directory / "journal")
        (self.root / "data" / "log").write_bytes(b"x" * 9_000)
        with self.assertRaisesRegex(AssertionError, "past the journal"):
            self.disk.catch_up(self.root)

    def test_a_sync_that_lies_and_one_that_fails(self):
        self.assertEqual(0, self.run_writer(LIES=1).returncode)
        self.disk.play(self.directory / "journal")
        self.assertEqual((0, b""), (self.disk.syncs, self.disk.root.seen["data"].seen["log"].durable))
        shutil.rmtree(self.root / "data")
        self.assertIn("Input/output error", self.run_writer(FAIL_ONE_IN=1).stderr)


if __name__ == "__main__":
    unittest.main()
