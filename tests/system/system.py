"""Starts and stops the built binaries, and what every system test shares.

HONGBAO_BIN_DIR names the directory that holds hongbaod, hongbaoctl and hongbao-load. (Several directories may be given,
separated by colons.)
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import draws
from hongbao_client import Client, sign_notification, user_token

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 20
EVENTUALLY_S = 8
# The tests' own variables are taken out of the environment: a program that inherited one would refuse to start.
OPTIONS = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("HONGBAO_")}


def binary(name):
    for directory in OPTIONS["HONGBAO_BIN_DIR"].split(":"):
        path = pathlib.Path(directory, name)
        if path.exists():
            return str(path)
    raise FileNotFoundError(f"{name} is in none of HONGBAO_BIN_DIR={OPTIONS['HONGBAO_BIN_DIR']}")


def clean_environment(overrides):
    environment = dict(os.environ)
    environment.update(HONGBAO_SERVER_LISTEN="127.0.0.1:0", HONGBAO_ADMIN_LISTEN="127.0.0.1:0",
                       HONGBAO_HEALTH_LISTEN="127.0.0.1:0", HONGBAO_ADMIN_DEPOSIT_DAILY_MAX_FEN=str(10**16),
                       HONGBAO_SHARDS_COUNT="2")
    environment.update({f"HONGBAO_{key}": str(value) for key, value in overrides.items()})
    return environment


def eventually(condition, what, timeout_s=EVENTUALLY_S):
    """What `condition` returns once it is true."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)


def in_parallel(function, arguments, threads):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, arguments))


class Server:
    """One hongbaod on a data directory of its own, which outlives a stop or a kill."""

    def __init__(self, **overrides):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hongbao-system-"))
        self.config = self.directory / "hongbao.toml"
        subprocess.run([binary("hongbaoctl"), "init", str(self.directory)], check=True, capture_output=True, timeout=20)
        self.jwt_secret = self.secret("jwt.secret")
        self.admin_token = self.secret("admin.token").decode()
        self.channel_secret = self.secret("channel-demo.secret")
        self.environment = clean_environment(overrides)
        self.arguments = []  # more of them, for the next starts
        self.log = []
        self.process = None
        self.public = None
        self.admin = None
        self.health = None
        self._keys = itertools.count()

    def secret(self, name):
        return (self.directory / "secrets" / name).read_bytes().strip()

    def start(self):
        self.spawn()
        self.await_listening()
        return self

    def spawn(self):
        self.process = subprocess.Popen([binary("hongbaod"), "--config", str(self.config), *self.arguments],
                                        env=self.environment, cwd="/", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read_log, args=(self.process.stderr, self._listening), daemon=True)
        self._reader.start()

    def await_listening(self):
        if not self.came_up():
            raise AssertionError(f"hongbaod did not start: {self.log[-20:]}")

    def came_up(self):
        """Whether the spawned process listens; False when it ended, or did not in time, and is gone."""
        end = time.monotonic() + START_TIMEOUT_S
        while not self._listening.wait(0.02):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                return False
        return True

    def _read_log(self, stream, listening):
        for line in stream:
            text = line.decode(errors="replace").rstrip("\n")
            self.log.append(text)
            if '"listening"' in text:
                event = json.loads(text)
                self.public, self.admin, self.health = event["public"], event["admin"], event["health"]
                listening.set()
        stream.close()

    def stop(self):
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self):
        self.process.kill()
        return self._wait()

    def _wait(self):
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("hongbaod did not stop") from None
        self._reader.join(5)
        return code

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Clients.

    def user(self, name, /, **claims):
        return Client(self.public, user_token(name, self.jwt_secret, **claims))

    def anyone(self, token=None):
        return Client(self.public, token)

    def operator(self):
        return Client(self.admin, self.admin_token)

    def health_client(self):
        return Client(self.health)

    def ctl(self, *arguments, check=True):
        result = subprocess.run([binary("hongbaoctl"), "--config", str(self.config), "--url", f"http://{self.public}",
                                 "--admin-url", f"http://{self.admin}", *arguments], env=self.environment,
                                cwd=self.directory, capture_output=True, text=True, timeout=30)
        if check and result.returncode != 0:
            raise AssertionError(f"hongbaoctl {arguments}: {result.returncode} {result.stderr} {result.stdout}")
        return result

    # Steps that most tests begin with.

    def new_key(self):
        return f"key-{next(self._keys)}"

    def deposit(self, user, amount):
        with self.operator() as operator:
            answer = operator.post(f"/admin/v1/wallets/{user}:deposit", {"amount": amount})
            assert answer.status == 200, answer
            return answer.body["wallet"]["balance"]

    def send(self, sender, **request):
        with self.user(sender) as client:
            answer = client.send(self.new_key(), **request)
            assert answer.status == 201, answer
            return answer.body["packet"], answer.body["pay_token"]

    def paid_packet(self, sender, **request):
        """A packet paid from the sender's wallet, which is filled for it."""
        self.deposit(sender, request["total_amount"])
        packet, pay_token = self.send(sender, **request)
        with self.user(sender) as client:
            answer = client.pay(packet["id"], pay_token)
            assert answer.status == 200, answer
            return answer.body["packet"]

    def notify(self, notification, secret=None, at_s=None, headers=None):
        body = notification if isinstance(notification, bytes) else json.dumps(notification).encode()
        signature = sign_notification(body, secret or self.channel_secret, at_s)
        with self.anyone() as client:
            return client.post("/v1/payments:notify", body, {"Hongbao-Signature": signature, **(headers or {})})

    def balance(self, user):
        with self.user(user) as client:
            return client.wallet()["balance"]

    def audit(self, deep=False):
        with self.operator() as operator:
            return operator.get("/admin/v1/audit" + ("?deep=true" if deep else ""))

    def money(self):
        """Every figure of the audit but for the time, once all is settled: whatever is refused must leave it as it is."""
        def settled():
            body = self.audit().body
            return body if all(shard["lag"] == 0 for shard in body["shards"]) else None

        return {key: value for key, value in eventually(settled, "all is settled").items() if key != "at"}


class SystemTest(unittest.TestCase):
    """Tests that share one server, whose books must balance at the end."""

    overrides = {}
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.server = Server(**cls.overrides)
        cls.addClassCleanup(cls.server.remove)
        cls.server.start()

    def tearDown(self):
        code = self.server.process.poll()
        self.assertIsNone(code, f"hongbaod died with {code}: {self.server.log[-10:]}")
        self.assert_balanced()

    def assert_balanced(self):
        answer = self.server.audit(deep=True)
        self.assertEqual(200, answer.status, answer)
        self.assertTrue(answer.body["balanced"], answer)
        self.assertEqual(0, answer.body["difference"])
        self.assertEqual([], answer.body.get("violations", []))
        self.assertEqual(0, answer.body["ledger"]["sum_over_accounts"])

    def assert_problem(self, answer, problem, field=None):
        self.assertEqual(problem, answer.problem, answer)
        if field is not None:
            self.assertEqual(field, answer.body.get("field"), answer)

    def assert_newest_first(self, entries, time_of):
        times = [entry[time_of] for entry in entries]
        self.assertEqual(sorted(times, reverse=True), times)

    def wait_for_balance(self, user, balance):
        eventually(lambda: self.server.balance(user) == balance, f"{user} has {balance}")

    def shares(self, packet_id, asked_by="auditor", **options):
        """Of a packet that is finished; otherwise they are for its sender and its takers."""
        with self.server.user(asked_by) as client:
            return client.pages(f"/v1/packets/{packet_id}/shares", "shares", **options)

    def assert_verifiable(self, packet):
        """A finished packet's commitment and shares follow from its seed."""
        seed = bytes.fromhex(packet["seed"])
        self.assertEqual(packet["commitment"], draws.commitment(seed, packet["id"]))
        shares = self.shares(packet["id"])
        expected = draws.shares(seed, packet["total_amount"], packet["count"], packet["allocation"])
        self.assertEqual(expected[:len(shares)], [share["amount"] for share in shares])
        self.assertEqual(list(range(1, len(shares) + 1)), [share["seq"] for share in shares])
        self.assertEqual(packet["opened_count"], len(shares))
        self.assertEqual(packet["opened_amount"], sum(share["amount"] for share in shares))
        if packet["state"] == "exhausted":
            self.assertEqual(packet["count"], len(shares))
            self.assertEqual(packet["total_amount"], packet["opened_amount"])
        else:
            self.assertEqual(packet["total_amount"], packet["opened_amount"] + packet["refunded_amount"])
        return shares
