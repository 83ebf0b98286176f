"""Running it: the tools, the logs, bad configuration, stopping, crashing."""

import datetime
import http.client
import json
import re
import subprocess
import threading
import time
import unittest

from hongbao_client import Client, sign_notification, user_token
from system import Server, SystemTest, binary, clean_environment, eventually


class Operations(SystemTest):
    def json(self, *arguments):
        return json.loads(self.server.ctl(*arguments, "--json").stdout)

    def finished_packet(self, sender, allocation="classic"):
        packet = self.server.paid_packet(sender, kind="lucky", total_amount=777, count=3, allocation=allocation)
        for i in range(3):
            with self.server.user(f"{sender}-taker-{i}") as client:
                client.take(packet["id"])
        with self.server.user(sender) as client:
            return client.packet(packet["id"]).body["packet"]

    def test_metrics_are_there(self):
        self.finished_packet("measured")
        with self.server.operator() as operator:
            text = operator.get("/metrics").raw.decode()
        names = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
        for name in ("hongbao_http_requests_total", "hongbao_http_request_seconds", "hongbao_opens_total",
                     "hongbao_grabs_total", "hongbao_shard_commit_batch_vouchers", "hongbao_shard_commit_seconds",
                     "hongbao_shard_mailbox_depth", "hongbao_settlement_lag_vouchers",
                     "hongbao_conservation_difference_fen"):
            self.assertIn(name, names)
        self.assertRegex(text, r'hongbao_opens_total\{outcome="opened"\} [1-9]')
        self.assertEqual({"opened", "exhausted", "expired"}, set(re.findall(r'hongbao_opens_total\{outcome="(\w+)"', text)))
        self.assertIn('le="2.5e-05"', text)  # sub-millisecond work shows
        self.assertTrue(all(name.startswith("hongbao_") for name in names), names)
        for line in text.splitlines():
            self.assertRegex(line, r'^(#.*|[a-z_:][a-z0-9_:]*(\{.*\})? [-+0-9.eEinfNa]+)$')

    def test_the_log_is_json_and_holds_no_secret(self):
        packet = self.finished_packet("logged")
        with self.server.user("logged") as client:
            ticket_packet = self.server.paid_packet("logged", kind="lucky", total_amount=10, count=2)
            ticket = client.grab(ticket_packet["id"]).body["ticket"]
            client.open(ticket_packet["id"], ticket[:-1])
            _, pay_token = self.server.send("logged", kind="lucky", total_amount=10, count=2)
            client.pay(packet["id"], pay_token)
            secrets = [packet["seed"], ticket, pay_token, client.token, self.server.admin_token,
                       self.server.jwt_secret.decode(), self.server.channel_secret.decode()]
        text = "\n".join(self.server.log)
        for secret in secrets:
            self.assertNotIn(secret, text)
        for line in self.server.log:
            event = json.loads(line)
            self.assertTrue({"at", "level", "event"} <= event.keys(), line)

    def test_the_tools_agree_with_the_api(self):
        packet = self.finished_packet("tooled")
        self.assertIn(packet["id"], json.dumps(self.json("packet", "show", packet["id"])))
        self.assertTrue(self.json("shard", "list"))
        self.assertTrue(self.json("traffic", "show"))
        self.assertTrue(self.json("switch", "list"))
        self.assertTrue(self.json("audit")["balanced"])
        self.assertTrue(self.json("audit", "--deep")["balanced"])
        self.server.ctl("reconcile", "run", "--json")
        self.server.ctl("reconcile", "show", "--json")
        for arguments in (["packet", "show", packet["id"]], ["shard", "list"], ["traffic", "show"], ["switch", "list"],
                          ["audit"], ["reconcile", "show"]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.server.ctl(*arguments).stdout.strip())

    def test_the_token_tool_makes_tokens_that_work(self):
        token = re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", self.server.ctl("token", "--user", "tokened").stdout).group()
        with Client(self.server.public, token) as client:
            self.assertEqual("tokened", client.wallet()["user_id"])

    def test_verify_accepts_what_is_right_and_refuses_the_rest(self):
        for allocation in ("classic", "fair"):
            packet = self.finished_packet(f"verified-{allocation}", allocation)
            self.server.ctl("verify", "--packet", packet["id"])
            good = {"--id": packet["id"], "--seed": packet["seed"], "--commitment": packet["commitment"],
                    "--total": "777", "--count": "3", "--allocation": allocation}

            def verify(changes):
                arguments = [part for pair in {**good, **changes}.items() for part in pair]
                return self.server.ctl("verify", *arguments, check=False).returncode

            self.assertEqual(0, verify({}))
            other = ("0" if packet["seed"][0] != "0" else "1") + packet["seed"][1:]
            self.assertNotEqual(0, verify({"--seed": other}))
            self.assertNotEqual(0, verify({"--commitment": other}))
            self.assertNotEqual(0, verify({"--id": packet["id"][:-1] + ("0" if packet["id"][-1] != "0" else "1")}))

    def test_switches_take_a_function_away_and_give_it_back(self):
        packet = self.server.paid_packet("switched", kind="lucky", total_amount=100, count=3)
        with self.server.user("switched") as client, self.server.operator() as operator:
            ticket = client.grab(packet["id"]).body["ticket"]
            calls = {"sends": lambda: client.send(self.server.new_key(), kind="lucky", total_amount=10, count=1),
                     "grabs": lambda: client.grab(packet["id"]), "opens": lambda: client.open(packet["id"], ticket)}
            for name, call in calls.items():
                with self.subTest(switch=name):
                    answer = operator.call("PUT", "/admin/v1/switches", {"switches": {name: False}})
                    self.assertFalse(answer.body["switches"][name])
                    self.assert_problem(call(), "switched_off")
                    self.server.ctl("switch", "set", name, "on")
                    self.assertIn(call().status, (200, 201))

    def test_vouchers_wait_while_settlement_is_off(self):
        self.server.ctl("switch", "set", "settlement", "off")
        try:
            packet = self.server.paid_packet("unsettled", kind="equal", total_amount=10, count=2)
            with self.server.user("waiter") as client:
                self.assertEqual("opened", client.take(packet["id"])["outcome"])
            time.sleep(0.5)
            self.assertEqual(0, self.server.balance("waiter"))
            self.assert_balanced()
        finally:
            self.server.ctl("switch", "set", "settlement", "on")
        self.wait_for_balance("waiter", 5)

    def test_a_second_process_on_the_same_data_is_refused(self):
        result = subprocess.run([binary("hongbaod"), "--config", str(self.server.config)], timeout=20,
                                env=self.server.environment, cwd=self.server.directory, capture_output=True, text=True)
        self.assertEqual(2, result.returncode)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        self.assertIn("data.dir", result.stderr)
        self.assertIn(f"pid {self.server.process.pid}", result.stderr)
        self.assert_balanced()

    def test_bad_configuration_is_one_line_that_names_the_key(self):
        idle = Server()
        self.addCleanup(idle.remove)
        for key, value in [("SERVER_LISTEN", "nonsense"), ("SERVER_LISTEN", "127.0.0.1:99999"),
                           ("SHARDS_COUNT", "0"), ("SHARDS_COUNT", "many"), ("SHARDS_COUNT", "1.5"),
                           ("PACKETS_TTL_MS", "-1"), ("PACKETS_TICKET_TTL_MS", "99999999999999999999"),
                           ("SERVER_BODY_BYTES_MAX", "x"), ("REFUNDS_INTERVAL_MS", "")]:
            with self.subTest(key=key, value=value):
                environment = {**idle.environment, f"HONGBAO_{key}": value}
                self.assert_refused_at_start(environment, idle.config, key.lower().replace("_", ".", 1))

    def test_settings_that_do_not_fit_the_data_are_refused(self):
        made = Server()
        self.addCleanup(made.remove)
        made.start()
        while made.paid_packet("sender", kind="equal", total_amount=100, count=1)["id"].startswith("s000"):
            pass
        self.assertEqual(0, made.stop())
        self.assert_refused_at_start({**made.environment, "HONGBAO_SHARDS_COUNT": "1"}, made.config, "shards.count")
        self.assert_refused_at_start({**made.environment, "HONGBAO_REGION_NAME": "north"}, made.config, "region.name")
        key = made.directory / "secrets" / "master.keys"
        original = key.read_text()
        key.write_text("1 live 20000101 " + "01ab" * 16 + "\n")
        self.assert_refused_at_start(made.environment, made.config, "auth.master_keys_file")
        key.write_text(original)
        made.start()
        self.assertEqual(0, made.stop())

    def test_shards_that_never_had_an_order_may_be_left_out_again(self):
        made = Server()
        self.addCleanup(made.remove)
        made.start()
        shards = {made.paid_packet("sender", kind="equal", total_amount=100, count=1)["id"][:4] for _ in range(12)}
        self.assertEqual({"s000", "s001"}, shards)
        self.assertEqual(0, made.stop())
        for count in ("8", "2"):
            made.environment["HONGBAO_SHARDS_COUNT"] = count
            made.start()
            self.assertEqual(0, made.stop())

    def test_an_address_that_is_taken_stops_the_start(self):
        other = Server()
        self.addCleanup(other.remove)
        environment = {**other.environment, "HONGBAO_SERVER_LISTEN": self.server.public}
        self.assert_refused_at_start(environment, other.config, "server.listen")

    def assert_refused_at_start(self, environment, config, names):
        result = subprocess.run([binary("hongbaod"), "--config", str(config)], env=environment, timeout=20,
                                cwd=self.server.directory, capture_output=True, text=True)
        self.assertEqual(2, result.returncode)
        self.assertEqual(1, len(result.stderr.splitlines()), result.stderr)
        self.assertIn(names, result.stderr)

    def test_a_mistake_in_the_file_is_named(self):
        text = self.server.config.read_text()
        for extra, names in [("\n[shardz]\ncount = 3\n", "shardz"), ("\n[server\n", "bad.toml")]:
            with self.subTest(extra=extra):
                bad = self.server.directory / "bad.toml"
                bad.write_text(text + extra)
                self.assert_refused_at_start(self.server.environment, bad, names)
        self.assert_refused_at_start(self.server.environment, self.server.directory / "none.toml", "none.toml")

    def test_keys_that_protect_nothing_are_refused(self):
        secrets = self.server.directory / "secrets"
        for name, content, key in (("master.keys", "1 live 20000101 " + "00" * 32, "auth.master_keys_file"),
                                   ("master.key", "01ab" * 16, "auth.master_keys_file"),  # of a release before
                                   ("jwt.secret", "x" * 31, "auth.jwt_secret_file"),
                                   ("jwt.secret", "x" * 32, "auth.jwt_secret_file")):
            with self.subTest(name=name):
                weak = secrets / f"weak-{name}"
                weak.write_text(content)
                weak.chmod(0o600)
                variable = "HONGBAO_" + key.upper().replace(".", "_")
                self.assert_refused_at_start({**self.server.environment, variable: str(weak)}, self.server.config, key)


class ChangingSecrets(unittest.TestCase):
    """As docs/OPERATIONS.md says: the old secret stays good until everyone signs with the new one."""

    def wallet_status(self, server, secret):
        with server.anyone(user_token("alice", secret)) as client:
            return client.get("/v1/users/me/wallet").status

    def notify(self, server, *signatures):
        """Signed so; a signature that counts is of a pay token that does not."""
        body = json.dumps({"channel": "demo", "payment_id": "p", "amount": 1, "pay_token": "x"}).encode()
        now = int(time.time())
        signed = ",".join([f"t={now}"] + [sign_notification(body, secret, now).split(",")[1] for secret in signatures])
        with server.anyone() as client:
            return client.post("/v1/payments:notify", body, {"Hongbao-Signature": signed}).problem

    def test_both_secrets_are_good_while_they_change(self):
        server = Server()
        self.addCleanup(server.remove)
        old, new, third = server.jwt_secret, b"a-new-secret-for-tokens-of-32-bytes", b"another-secret-nobody-was-told-of"
        old_channel, new_channel = server.channel_secret, b"a-new-secret-for-the-demo-channel"
        secrets = server.directory / "secrets"
        server.start()
        self.assertEqual([200, 401], [self.wallet_status(server, secret) for secret in (old, new)])
        self.assertEqual("signature_invalid", self.notify(server, new_channel))
        self.assertEqual("pay_token_invalid", self.notify(server, third, old_channel), "a channel may sign with both")
        server.stop()

        for name, secret in (("jwt", new), ("channel-demo", new_channel)):
            (secrets / f"{name}.secret").rename(secrets / f"{name}.previous.secret")
            (secrets / f"{name}.secret").write_bytes(secret + b"\n")
            (secrets / f"{name}.secret").chmod(0o640)  # as a group may have it
        server.environment["HONGBAO_AUTH_JWT_PREVIOUS_SECRET_FILE"] = str(secrets / "jwt.previous.secret")
        server.environment["HONGBAO_CHANNELS_DEMO_PREVIOUS_SECRET_FILE"] = str(secrets / "channel-demo.previous.secret")
        server.start()
        self.assertEqual([200, 200, 401], [self.wallet_status(server, secret) for secret in (old, new, third)])
        for signatures in ((old_channel,), (new_channel,), (old_channel, new_channel), (third, new_channel)):
            self.assertEqual("pay_token_invalid", self.notify(server, *signatures))
        self.assertEqual("signature_invalid", self.notify(server, third))
        self.assertEqual("signature_invalid", self.notify(server, *[third] * 8, new_channel), "nine")
        self.assertEqual(0, server.stop())

    def ctl(self, server, *arguments):
        done = subprocess.run([binary("hongbaoctl"), "--config", str(server.config), "--json", *arguments], timeout=20,
                              capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr

    def read_again(self, server, event, step):
        """Does it, and waits for the server to say so."""
        before = sum(f'"{event}"' in line for line in server.log)
        step()
        eventually(lambda: sum(f'"{event}"' in line for line in server.log) > before, event, 20)  # a line in 5 s

    def test_master_keys_are_added_and_retired_while_the_server_runs(self):
        server = Server()
        self.addCleanup(server.remove)
        file = server.directory / "secrets" / "master.keys"
        utc_8, day = datetime.timezone(datetime.timedelta(hours=8)), datetime.timedelta(days=1)
        now = datetime.datetime.now(utc_8)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + day
        if midnight - now < datetime.timedelta(minutes=1):  # one day for all of it
            time.sleep((midnight - now).total_seconds() + 1)
            now = datetime.datetime.now(utc_8)
        today, tomorrow = f"{now:%Y%m%d}", f"{now + day:%Y%m%d}"
        first = file.read_text()
        file.write_text(first + f"2 live {today} " + "23cd" * 16 + "\n")  # packets of today have its ids
        server.start()
        packet = server.paid_packet("sender", kind="equal", total_amount=300, count=3)["id"]
        with server.user("early") as client:
            ticket = client.grab(packet).body["ticket"]
        unpaid = server.user("sender").send("unpaid", kind="equal", total_amount=300, count=3).body

        # A third, from tomorrow.
        self.read_again(server, "master_keys_read", lambda: self.assertEqual(
            (0, tomorrow), (lambda done: (done[0], done[1]["from"]))(self.ctl(server, "key", "add"))))
        code, listed = self.ctl(server, "key", "list")
        self.assertEqual([(1, "live"), (2, "live"), (3, "coming")],
                         [(key["number"], key["state"]) for key in listed["keys"]])
        for arguments, words in ((("retire", "2"), "a later key that is in force"), (("retire", "3"), "a later key"),
                                 (("retire", "9"), "1 to 3"), (("add", "--from", today), "tomorrow"),
                                 (("add", "--from", tomorrow), "later day than the one before")):
            code, said = self.ctl(server, "key", *arguments)
            self.assertNotEqual(0, code, arguments)
            self.assertIn(words, said)

        # The first is retired: what was made is still good, for the second made it.
        self.read_again(server, "master_keys_read", lambda: self.assertEqual(0, self.ctl(server, "key", "retire", "1")[0]))
        self.assertNotIn(first.split()[3], file.read_text())
        with server.user("early") as client:
            self.assertEqual(200, client.open(packet, ticket).status)
        server.deposit("sender", 1_000)
        with server.user("sender") as client:
            self.assertEqual(200, client.pay(unpaid["packet"]["id"], unpaid["pay_token"]).status)
        with server.user("late") as client:
            self.assertEqual(100, client.take(packet)["share"]["amount"])

        # What can't be is told, and changes nothing.
        good = file.read_text()
        for broken in (first, "", good.replace(f"3 live {tomorrow}", f"3 live {today}")):
            self.read_again(server, "master_keys_refused", lambda text=broken: file.write_text(text))
            with server.user("anyone") as client:
                self.assertEqual(200, client.packet(packet).status)
            self.read_again(server, "master_keys_read", lambda: file.write_text(good))
        self.assertEqual(0, server.stop())

        # The directory remembers its keys: an older file is not taken.
        server.start()
        self.assertEqual(0, server.stop())
        file.write_text(first)
        result = subprocess.run([binary("hongbaod"), "--config", str(server.config)], env=server.environment,
                                timeout=20, capture_output=True, text=True, check=False)
        self.assertEqual(2, result.returncode)
        self.assertIn("all that were added", result.stderr)
        file.write_text(good)
        server.start()
        with server.user("late") as client:
            self.assertEqual("opened", client.take(packet)["outcome"])
        self.assertEqual(0, server.stop())

    def test_issuer_and_audience(self):
        server = Server(AUTH_ISSUER="app", AUTH_AUDIENCE="hongbao", AUTH_LEEWAY_S=0)
        self.addCleanup(server.remove)
        server.start()
        for claims, status in (({"iss": "app", "aud": "hongbao"}, 200), ({"iss": "app", "aud": ["x", "hongbao"]}, 200),
                               ({}, 401), ({"iss": "app"}, 401), ({"iss": "other", "aud": "hongbao"}, 401),
                               ({"iss": "app", "aud": "hongbao", "exp": int(time.time()) - 1}, 401)):
            with server.anyone(user_token("alice", server.jwt_secret, **claims)) as client:
                self.assertEqual(status, client.get("/v1/users/me/wallet").status, claims)
        self.assertEqual(0, server.stop())


class Stopping(unittest.TestCase):
    def start(self, **overrides):
        server = Server(**overrides)
        self.addCleanup(server.remove)
        return server.start()

    def load_target(self, server):
        return ["--url", f"http://{server.public}", "--admin-url", f"http://{server.admin}",
                "--jwt-secret-file", str(server.directory / "secrets" / "jwt.secret"),
                "--admin-token-file", str(server.directory / "secrets" / "admin.token")]

    def assert_balanced(self, server):
        answer = server.audit(deep=True)
        self.assertEqual((200, True, 0), (answer.status, answer.body["balanced"], answer.body["difference"]), answer)

    def open_from_threads(self, server, packet_id, stop, threads=8):
        """Users open a packet until `stop`; returns the threads and the shares that were answered, by user."""
        shares = {}

        def run(thread):
            number = 0
            while not stop.is_set():
                user = f"user-{thread}-{number}"
                number += 1
                try:
                    with server.user(user) as client:
                        taken = client.take(packet_id)
                        if taken["outcome"] == "opened":
                            shares[user] = taken["share"]
                except (OSError, AssertionError, ValueError, http.client.HTTPException):
                    continue  # the server is stopping, or gone

        running = [threading.Thread(target=run, args=(i,)) for i in range(threads)]
        for thread in running:
            thread.start()
        return running, shares

    def interrupt_while_opening(self, interrupt):
        """Interrupts the server under load, starts it again, and proves that every answered share is still there."""
        server = self.start()
        packet = server.paid_packet("sender", kind="lucky", total_amount=900_000, count=30_000, greeting="红红火火 🧧")
        stop = threading.Event()
        running, shares = self.open_from_threads(server, packet["id"], stop)
        eventually(lambda: len(shares) > 100, "100 shares were opened", timeout_s=20)
        interrupt(server)
        stop.set()
        for thread in running:
            thread.join(20)
        server.start()
        self.assert_balanced(server)
        with server.user("sender") as client:
            self.assertEqual("红红火火 🧧", client.packet(packet["id"]).body["packet"]["greeting"])
            kept = {share["user_id"]: share
                    for share in client.pages(f"/v1/packets/{packet['id']}/shares", "shares", page_size=1000)}
        for user, share in shares.items():
            self.assertEqual(share, {key: kept[user][key] for key in share}, user)
        self.assertEqual(list(range(1, len(kept) + 1)), sorted(share["seq"] for share in kept.values()))
        user, share = next(iter(shares.items()))
        with server.user(user) as client:
            self.assertEqual({"outcome": "opened", "share": share}, client.take(packet["id"]))
        eventually(lambda: server.balance(user) == share["amount"], "the share is in the wallet")
        self.assertEqual(0, server.stop())

    def test_sigterm_drains_and_loses_nothing(self):
        self.interrupt_while_opening(lambda server: self.assertEqual(0, server.stop()))

    def test_kill_9_loses_nothing_that_was_answered(self):
        self.interrupt_while_opening(lambda server: server.kill())

    def test_a_killed_night_passes_its_check(self):
        server = self.start()
        history = server.directory / "history"
        options = self.load_target(server)
        load = subprocess.Popen([binary("hongbao-load"), "run", *options, "--seconds", "6", "--rate", "150",
                                 "--connections", "16", "--users", "300", "--history", str(history), "--no-progress"],
                                env=clean_environment({}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(load.kill)
        time.sleep(3)
        server.kill()
        # The same address again, so that the load finds it and goes on.
        server.environment.update(HONGBAO_SERVER_LISTEN=server.public, HONGBAO_ADMIN_LISTEN=server.admin)
        server.start()
        output, _ = load.communicate(timeout=40)
        self.assertTrue(history.exists(), output[-3000:])
        self.assert_balanced(server)
        result = subprocess.run([binary("hongbao-load"), "check", *options, "--history", str(history)],
                                env=clean_environment({}), capture_output=True, text=True, timeout=60)
        self.assertEqual(0, result.returncode, result.stdout[-3000:] + result.stderr[-3000:])
        self.assertEqual(0, server.stop())

    def test_a_night_is_checked_while_others_go_on_opening(self):
        server = self.start()
        packet = server.paid_packet("sender", kind="lucky", total_amount=900_000, count=90_000)
        stop = threading.Event()
        running, shares = self.open_from_threads(server, packet["id"], stop)
        self.addCleanup(lambda: (stop.set(), [thread.join(20) for thread in running]))
        eventually(lambda: len(shares) > 100, "100 shares were opened", timeout_s=20)
        result = subprocess.run([binary("hongbao-load"), "run", *self.load_target(server), "--seconds", "3", "--rate", "50",
                                 "--connections", "16", "--users", "100", "--no-progress"],
                                env=clean_environment({}), capture_output=True, text=True, timeout=120)
        self.assertEqual(0, result.returncode, result.stdout[-3000:] + result.stderr[-3000:])

    def test_an_idle_server_stops_at_once(self):
        server = self.start()
        with server.anyone() as client:
            client.get("/v1/users/me/wallet")
            began = time.monotonic()
            self.assertEqual(0, server.stop())
            self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    unittest.main()
