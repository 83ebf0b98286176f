"""What the fault tests share: a server on a fixed address, a festival night played against it while it suffers, and the
checks afterwards.

What a night was answered is in its history; `hongbao-load check` holds the server to it. HONGBAO_SEED replays a run's
random moments as far as the machine allows: the seed decides what happens when, not what the server is doing then.
"""

import collections
import json
import pathlib
import random
import shutil
import socket
import subprocess
import time
import unittest

from powercut import Disk
from system import OPTIONS, Server, binary, clean_environment, eventually

# Fixed ports lie below those that the kernel gives to outgoing connections: a client that keeps trying a dead server's
# address would sooner or later connect to itself, and then hold the port.
PORTS = (20_000, 30_000)
CHECK_TIMEOUT_S = 150
# What the load adds to a night's length before it ends: unanswered requests, settlement, its own checks.
NIGHT_END_S_MAX = 150


def option(name, default):
    return int(OPTIONS.get(name, default))


def free_port(dice):
    for _ in range(100):
        port = dice.randrange(*PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no free port")


class Night:
    """hongbao-load under way. What it was answered is kept in `history`."""

    def __init__(self, server, seconds, rate, users=200, connections=16):
        self.server = server
        self.seconds = seconds
        self.history = server.scratch / f"night-{time.monotonic_ns()}.jsonl"
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [binary("hongbao-load"), "run", *self._target(), "--seconds", str(seconds), "--rate", str(rate),
             "--connections", str(connections), "--users", str(users), "--history", str(self.history), "--no-progress"],
            env=clean_environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def _target(self):
        return ["--url", f"http://{self.server.public}", "--admin-url", f"http://{self.server.admin}",
                "--jwt-secret-file", str(self.server.directory / "secrets" / "jwt.secret"),
                "--admin-token-file", str(self.server.directory / "secrets" / "admin.token")]

    def await_shares(self, count):
        """Until the night was answered so many shares; then it is well under way, after the users got their money."""
        def counted():
            assert self.process.poll() is None, self.process.communicate()
            return self.shares() >= count
        eventually(counted, f"{count} shares were answered", timeout_s=90)
        self.began = time.monotonic()

    def shares(self):
        return self.history.read_bytes().count(b'"seq":') if self.history.exists() else 0

    def time_left(self):
        return self.began + self.seconds - time.monotonic()

    def check_live(self):
        """Every share answered so far is there, and the audit holds. Returns the figures."""
        return self._check("--live")

    def finish(self):
        """Waits for the end, checks everything, and returns the figures."""
        output, _ = self.process.communicate(timeout=max(0, self.time_left()) + NIGHT_END_S_MAX)
        assert self.process.returncode == 0, output[-4000:]
        return self._check()

    def _check(self, *flags):
        result, figures = self.try_check(*flags)
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
        assert figures["audit_difference"] == 0, figures
        return figures

    def try_check(self, *flags):
        """A check that may find something: the finished process, and its figures."""
        file = self.history.with_suffix(".json")
        file.unlink(missing_ok=True)
        result = subprocess.run([binary("hongbao-load"), "check", *self._target(), "--history", str(self.history), *flags,
                                 "--json", str(file)], env=clean_environment({}), capture_output=True, text=True,
                                timeout=CHECK_TIMEOUT_S)
        return result, json.loads(file.read_text()) if file.exists() else None

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class FaultyDisk:
    """The disk of one server, whose data directory lies on it; see faulty_disk/options.h for what it can do."""

    def __init__(self, server, dice):
        self.root = server.directory / "disk"
        self.root.mkdir()
        self.journal = server.scratch / "disk.journal"
        self.disk = Disk(dice)
        self.dice = dice
        self.server = server
        server.environment.update(HONGBAO_DATA_DIR=str(self.root / "data"), LD_PRELOAD=OPTIONS["HONGBAO_FAULTY_DISK"],
                                  FAULTY_DISK_ROOT=str(self.root), FAULTY_DISK_JOURNAL=str(self.journal),
                                  # A library that comes before the sanitizer's.
                                  ASAN_OPTIONS="verify_asan_link_order=0")

    def set(self, **options):
        """How the disk behaves from the next start on."""
        kept = {key: value for key, value in self.server.environment.items()
                if not key.startswith("FAULTY_DISK_") or key in ("FAULTY_DISK_ROOT", "FAULTY_DISK_JOURNAL")}
        kept.update({f"FAULTY_DISK_{key}": str(value) for key, value in options.items()},
                    FAULTY_DISK_SEED=str(self.dice.randrange(1 << 32)))
        self.server.environment = kept

    def after_process(self):
        """Takes in what the process that has just ended did."""
        self.disk.play(self.journal)
        self.disk.catch_up(self.root)

    def cut(self, merciless=False):
        """The power goes while no process runs; what the cut left is the server's data directory now."""
        losses = self.disk.cut(merciless)
        shutil.rmtree(self.root)
        self.root.mkdir()
        self.disk.write_to(self.root)
        return losses


class FaultTest(unittest.TestCase):
    """A test with a seed, a server on a fixed address, and nights against it."""

    # Packets lapse soon, so that a night's end is reached; settlement and refunds are made often.
    settings = {"PACKETS_TTL_MS": 6_000, "REFUNDS_INTERVAL_MS": 200, "RECONCILIATION_INTERVAL_MS": 200,
                "RECONCILIATION_GRACE_MS": 1_000}

    def setUp(self):
        self.seed = option("HONGBAO_SEED", random.SystemRandom().randrange(1 << 32))
        self.dice = random.Random(self.seed)
        print(f"\n{self.id()}: HONGBAO_SEED={self.seed}", flush=True)

    def make_server(self, **overrides):
        server = Server(**{**self.settings, "SERVER_LISTEN": f"127.0.0.1:{free_port(self.dice)}",
                           "ADMIN_LISTEN": f"127.0.0.1:{free_port(self.dice)}", **overrides})
        self.addCleanup(server.remove)
        server.scratch = pathlib.Path(server.directory, "scratch")
        server.scratch.mkdir()
        return server

    def start_night(self, server, seconds, rate, **options):
        night = Night(server, seconds, rate, **options)
        self.addCleanup(night.stop)
        return night

    def play_nights(self, server, rounds, each_round, *, seconds, rate, round_s_max):
        """Nights in which `each_round(night)` is called `rounds` times in all, and the server's end. A round that would not
        end within a night comes in the next. Gives what was checked, summed over the nights."""
        checked = collections.Counter()
        done = 0
        while done < rounds:
            night = self.start_night(server, seconds, rate)
            night.await_shares(20)
            while done < rounds and night.time_left() > round_s_max:
                each_round(night)
                night.check_live()
                done += 1
            figures = night.finish()
            self.assert_audit_holds(server)
            checked.update(packets=figures["checked_packets"], shares=figures["checked_shares"])
        self.assertEqual(0, server.stop())
        return checked

    def assert_audit_holds(self, server):
        answer = server.audit(deep=True)
        self.assertEqual(200, answer.status, answer)
        self.assertTrue(answer.body["balanced"], answer)
        self.assertEqual(0, answer.body["difference"])
        self.assertEqual([], answer.body.get("violations", []))
        self.assertEqual(0, answer.body["ledger"]["sum_over_accounts"])

    def report(self, **figures):
        """One line for docs/RELIABILITY.md's table."""
        print(f"{self.id().split('.')[-1]}: " + ", ".join(f"{name} {value}" for name, value in figures.items()),
              flush=True)
