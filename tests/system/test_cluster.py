"""deploy/cluster.py: up, status and down, and what they do when something is in the way. With its engines alone; nights
against nodes are played by other tests."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from system import eventually

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "cluster.py"
sys.path.insert(0, str(SCRIPT.parent))
from processes import stat  # noqa: E402

ENGINES = ["mariadb", "redis", "nats"]
COMMAND_TIMEOUT_S = 60


def exists(pid):
    found = stat(pid)
    return found is not None and found[0] != "Z"


def bound(listener, port):
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.scratch = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-cluster-")))
        self.directory = self.scratch / "cluster"
        self.addCleanup(self.run_script, "down")

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, "--dir", self.directory, *arguments], capture_output=True,
                              text=True, timeout=COMMAND_TIMEOUT_S, check=False)

    def succeed(self, *arguments):
        done = self.run_script(*arguments)
        self.assertEqual((0, ""), (done.returncode, done.stderr), done)
        return done.stdout

    def refuse(self, *arguments):
        """The one line that says why."""
        done = self.run_script(*arguments)
        self.assertEqual(1, done.returncode, done)
        self.assertEqual(1, done.stderr.count("\n"), done)
        return done.stderr

    def up(self):
        return self.succeed("up", "--engines-only")

    def processes(self):
        return {each["name"]: each for each in json.loads((self.directory / "state.json").read_text())["processes"]}

    def test_up_starts_what_down_removes(self):
        output = self.up()
        for name in ENGINES:
            self.assertIn(f"{name} at 127.0.0.1:", output)
        pids = [each["pid"] for each in self.processes().values()]
        self.assertEqual([True] * len(ENGINES), [exists(pid) for pid in pids])
        self.assertEqual(len(ENGINES), self.succeed("status").count(" ready "))
        self.assertIn("up already", self.up())
        self.assertEqual(pids, [each["pid"] for each in self.processes().values()])
        self.succeed("down")
        self.assertEqual([False] * len(ENGINES), [exists(pid) for pid in pids])
        self.assertFalse(self.directory.exists())
        self.assertEqual(1, self.run_script("status").returncode)
        self.assertIn("is down", self.succeed("down"))

    def test_a_process_that_ended_is_told_and_stands_in_the_way(self):
        self.up()
        os.kill(self.processes()["redis"]["pid"], signal.SIGKILL)
        eventually(lambda: not exists(self.processes()["redis"]["pid"]), "it is gone")
        status = self.run_script("status")
        self.assertEqual(1, status.returncode)
        self.assertRegex(status.stdout, "redis +ended")
        self.assertIn("down first", self.refuse("up", "--engines-only"))
        self.assertIn("redis: had ended", self.succeed("down"))

    def test_a_frozen_process_is_told_and_stopped(self):
        self.up()
        os.kill(self.processes()["nats"]["pid"], signal.SIGSTOP)
        status = self.run_script("status")
        self.assertEqual(1, status.returncode)
        self.assertRegex(status.stdout, "nats +frozen")
        self.assertIn("nats: stopped", self.succeed("down"))

    def test_a_pid_that_is_anothers_by_now_is_left_alone(self):
        self.up()
        bystander = subprocess.Popen(["sleep", "60"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        file = self.directory / "state.json"
        state = json.loads(file.read_text())
        state["processes"].append({**state["processes"][0], "name": "bystander", "pid": bystander.pid,
                                   "address": "127.0.0.1:1"})
        file.write_text(json.dumps(state))
        self.assertIn("bystander: had ended", self.succeed("down"))
        self.assertIsNone(bystander.poll())

    def test_what_failed_is_cleaned_up_but_for_logs(self):
        programs = self.scratch / "bin"
        programs.mkdir()
        (programs / "hongbaoctl").write_text("#!/bin/sh\necho no such luck\nexit 1\n")
        (programs / "hongbaoctl").chmod(0o755)
        message = self.refuse("up", "--bin", str(programs))
        log = self.directory / "hongbaoctl.log"
        self.assertIn("no such luck", message)
        self.assertIn(str(log), message)
        self.assertEqual("no such luck\n", log.read_text())
        self.assertEqual({}, self.processes())
        left = {file.name for file in self.directory.rglob("*") if file.is_file()}
        self.assertEqual({"state.json", "hongbaoctl.log", "server.log"}, left)
        self.assertEqual([], self.under_directory())
        self.up()

    def test_an_up_that_is_interrupted_leaves_nothing_running(self):
        for signal_number, again in ((signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGKILL, False)):
            starting = subprocess.Popen([sys.executable, SCRIPT, "--dir", self.directory, "up", "--engines-only"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            eventually(lambda: (self.directory / "state.json").exists() and self.processes(), "one was started", 30)
            starting.send_signal(signal_number)
            self.assertNotEqual(0, starting.wait(COMMAND_TIMEOUT_S))
            if again:
                self.assertEqual([], self.under_directory())
            else:  # not even it could clean up
                self.assertIn("down first", self.refuse("up", "--engines-only"))
                self.succeed("down")
                self.assertEqual([], self.under_directory())

    def test_one_is_stopped_and_started_again(self):
        self.up()
        old = self.processes()["redis"]
        self.assertIn("redis: stopped", self.succeed("stop", "redis"))
        self.assertFalse(exists(old["pid"]))
        status = self.run_script("status")
        self.assertEqual(1, status.returncode)
        self.assertRegex(status.stdout, "redis +ended")
        self.assertIn("had ended", self.succeed("stop", "redis"))
        self.assertIn("redis: started", self.succeed("start", "redis"))
        new = self.processes()["redis"]
        self.assertEqual((old["address"], True), (new["address"], exists(new["pid"])))
        self.assertEqual(len(ENGINES), self.succeed("status").count(" ready "))
        self.assertIn("runs already", self.refuse("start", "redis"))
        self.assertIn("there are mariadb, redis, nats", self.refuse("start", "node7"))
        self.assertIn("up already", self.up())
        self.succeed("down")
        self.assertFalse(exists(new["pid"]))
        self.assertIn("is down", self.refuse("stop", "redis"))

    def test_what_was_killed_is_started_or_what_is_wrong_is_told(self):
        self.up()
        nats = self.processes()["nats"]
        os.kill(nats["pid"], signal.SIGKILL)
        eventually(lambda: not exists(nats["pid"]), "it is gone")
        with socket.socket() as stranger:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = int(nats["address"].rpartition(":")[2])
            # A killed process is gone a moment before the last of its threads, and its sockets go with that.
            eventually(lambda: bound(stranger, port), "its port is free")
            stranger.listen()
            self.assertIn(f"taken by pid {os.getpid()}", self.run_script("status").stdout)
            self.assertIn("another program listens", self.refuse("start", "nats"))
            self.assertIn("nats: had ended", self.succeed("stop", "nats"))
        self.succeed("start", "nats")
        self.succeed("status")

    def test_status_sees_what_was_started_by_hand(self):
        self.up()
        redis = self.processes()["redis"]
        self.succeed("stop", "redis")
        by_hand = subprocess.Popen(redis["command"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(by_hand.wait)
        self.addCleanup(by_hand.kill)
        eventually(lambda: " (started by hand)" in self.run_script("status").stdout, "it is seen")
        self.assertRegex(self.succeed("status"), f"redis +ready +pid {by_hand.pid} ")
        self.assertIn(f"runs already, as pid {by_hand.pid}", self.refuse("start", "redis"))
        os.kill(by_hand.pid, signal.SIGSTOP)
        eventually(lambda: stat(by_hand.pid)[0] == "T", "it is frozen")
        self.assertRegex(self.run_script("status").stdout, "redis +frozen")
        self.assertIn("redis: stopped", self.succeed("down"))
        self.assertEqual(0, by_hand.wait(10))

    def test_a_directory_of_another_is_not_touched(self):
        self.directory.mkdir()
        (self.directory / "precious").touch()
        self.assertIn("no cluster's", self.refuse("up", "--engines-only"))
        self.succeed("down")
        self.assertTrue((self.directory / "precious").exists())
        shutil.rmtree(self.directory)

    def under_directory(self):
        """Processes that were told of a file in the directory."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = entry.read_bytes()
            except OSError:
                continue  # it has ended
            if str(self.directory).encode() in command and str(SCRIPT).encode() not in command:
                found.append(command)
        return found


if __name__ == "__main__":
    unittest.main()
