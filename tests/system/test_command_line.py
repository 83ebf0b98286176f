"""The programs as a shell starts them: arguments, paths, descriptors, limits, signals, and a log that nobody reads. What
is wrong is one line that names it and an exit status, never an abort."""

import fcntl
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from hongbao_client import Client
from system import Server, binary, clean_environment, eventually

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from certificates import Authority  # noqa: E402

PROGRAMS = ("hongbaod", "hongbaoctl", "hongbao-load")
PACKET = "s007-261122-01000003k-4qz8mn2r"
RUN_TIMEOUT_S = 20
STOP_S_MAX = 10


def run(name, *arguments, **options):
    options.setdefault("env", {**clean_environment({}), **options.pop("environment", {})})
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([binary(name), *map(str, arguments)], stdin=subprocess.DEVNULL, timeout=RUN_TIMEOUT_S,
                          check=False, **options)


def free_port(family=socket.AF_INET, host="127.0.0.1"):
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


class CommandLineTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="hongbao-cli-")))

    def assert_one_line(self, result, name, *words, status=2):
        text = result.stderr.decode()
        self.assertEqual(status, result.returncode, text)
        self.assertEqual(1, text.count("\n"), text)
        self.assertTrue(text.startswith(f"{name}: "), text)
        for word in words:
            self.assertIn(word, text)

    def made(self, name="made"):
        """The configuration that `init` writes."""
        directory = self.directory / name
        if not directory.exists():
            self.assertEqual(0, run("hongbaoctl", "init", directory).returncode)
        return directory / "hongbao.toml"

    def server(self, **overrides):
        server = Server(**overrides)
        self.addCleanup(server.remove)
        return server


class Arguments(CommandLineTest):
    def test_help_and_version_go_to_standard_output(self):
        for name in PROGRAMS:
            version = run(name, "--version")
            self.assertEqual((0, b""), (version.returncode, version.stderr))
            self.assertRegex(version.stdout.decode(), rf"^{name} \d+\.\d+\.\d+\n$")
            usage = run(name, "--help")
            self.assertEqual((0, b""), (usage.returncode, usage.stderr))
            self.assertIn(b"--version", usage.stdout)

    def test_what_is_wrong_is_one_line_that_names_it(self):
        for name, arguments, word in [
                ("hongbaod", [], "--config"), ("hongbaod", ["--nope"], "--nope"), ("hongbaod", ["--config", ""], "--config"),
                ("hongbaod", ["--config", self.made(), "extra"], "extra"),
                ("hongbaod", ["--config", self.made(), "--set", "x"], "--set"),
                ("hongbaod", ["--config", self.made(), "--set", "a.b=1"], "a.b"),
                ("hongbaod", ["--config", self.made(), "--set", "log.level=info", "--set", "log.level=warn"], "log.level"),
                ("hongbaoctl", [], "subcommand"), ("hongbaoctl", ["wallte"], "wallte"),
                ("hongbaoctl", ["wallet", "shwo"], "shwo"), ("hongbaoctl", ["wallet", "show"], "USER"),
                ("hongbaoctl", ["wallet", "show", "a", "b"], "b"), ("hongbaoctl", ["audit", "--depe"], "--depe"),
                ("hongbaoctl", ["--json=maybe", "audit"], "json"), ("hongbaoctl", ["audit"], "--config"),
                ("hongbaoctl", ["switch", "set", "sned", "on"], "sned"), ("hongbaoctl", ["init", ""], "DIR"),
                ("hongbaoctl", ["switch", "set", "sends", "of"], "of"), ("hongbaoctl", ["verify"], "--packet"),
                ("hongbaoctl", ["verify", "--packet", PACKET, "--seed", "00" * 32], "--seed"),
                ("hongbao-load", [], "subcommand"), ("hongbao-load", ["rum"], "rum"),
                ("hongbao-load", ["run", "--mode", "0"], "--mode")]:
            with self.subTest(program=name, arguments=arguments):
                self.assert_one_line(run(name, *arguments), name, word)

    def test_numbers_are_decimal(self):
        secret = self.directory / "secret"
        secret.write_text("x" * 32)
        secret.chmod(0o600)
        load = ["run", "--jwt-secret-file", secret, "--admin-token-file", secret]
        options = [("hongbaoctl", ["wallet", "deposit", "ann"], None), ("hongbaoctl", ["token", "--user", "ann"], "--ttl-s"),
                   ("hongbaoctl", ["verify", "--id", PACKET], "--total"), ("hongbaoctl", ["verify", "--id", PACKET], "--count"),
                   *(("hongbao-load", load, option)
                     for option in ("--seconds", "--rate", "--connections", "--threads", "--users", "--seed"))]
        for name, arguments, option in options:
            for number in ("010", "0x10", "0X1F", "0b11", "+5", "-5", "1e3", "1_000", "1,000", " 5", "5 ", "5\n", "", "nan",
                           "inf", "5.", ".5", "١٢", "99999999999999999999999"):
                with self.subTest(option=option, number=number):
                    given = [number] if option is None else [f"{option}={number}" if number else option]
                    if option and not number:
                        given.append("")
                    result = run(name, *arguments, *given)
                    self.assert_one_line(result, name, option or "AMOUNT")
        for weights in (["south=010"], ["south=0x10"], ["south=1e1"], ["south=101"], ["south=-1"], ["south="], ["south"],
                        ["=5"], ["east=5"], ["south=5", "south=5"], ["south=5=5"], [""], ["south=99999999999999999999"]):
            with self.subTest(weights=weights):
                self.assert_one_line(run("hongbaoctl", "traffic", "set", *weights), "hongbaoctl", "WEIGHTS")
        for number in ("010", "0x10", "+4", "4 ", "1_0", ""):
            with self.subTest(setting=number):
                result = run("hongbaod", "--config", self.made(), "--set", f"shards.count={number}")
                self.assert_one_line(result, "hongbaod", "shards.count")
        for listen in ("127.0.0.1:08080", "127.0.0.1:+80", "127.0.0.1:0x50", "127.0.0.1:", "127.0.0.1"):
            with self.subTest(listen=listen):
                result = run("hongbaod", "--config", self.made(), "--set", f"server.listen={listen}")
                self.assert_one_line(result, "hongbaod", "server.listen")
        for key in ("mariadb.orders", "mariadb.ledger", "redis.address"):
            for address in ("h:03306", "h:0x10", "h:+1", "h:", ":1", "[]:1", "h:0", "h:65536", "h"):
                with self.subTest(key=key, address=address):
                    result = run("hongbaod", "--config", self.made(), "--set", f"{key}={address}")
                    self.assert_one_line(result, "hongbaod", key)

    def start_distributed(self, settings):
        secret = self.directory / "password"
        secret.write_text("x" * 32)
        secret.chmod(0o600)
        given = {"node.engines": "distributed", "mariadb.password_file": secret, **settings}
        return run("hongbaod", "--config", self.made(), *(f"--set={name}={value}" for name, value in given.items()))

    def refused_setting(self, key, *words, **settings):
        """A distributed server does not start with these, and its one line begins with `key`."""
        self.assert_one_line(self.start_distributed(settings), "hongbaod", f"hongbaod: {key} ", *words)

    def test_plain_text_stays_on_the_machine(self):
        for host in ("10.0.0.1", "db1", "[fe80::1]", "127.0.0.1.example", "0.0.0.0"):
            for key, value in (("mariadb.orders", f"127.0.0.1:1,{host}:3306"), ("mariadb.cold", f"{host}:3306"),
                               ("mariadb.ledger", f"{host}:3306"), ("mariadb.inbox", f"{host}:3306"),
                               ("redis.address", f"{host}:6379"), ("nats.url", f"nats://{host}:4222"),
                               ("nats.url", f"nats://127.0.0.1,nats://u:p@{host}")):
                with self.subTest(key=key, value=value):
                    engine = key.partition(".")[0]
                    self.refused_setting(key, f"{engine}.tls_ca_file", "engines.allow_plaintext = true", **{key: value})
        # Nobody is there, and that is what is said.
        for settings in ({"mariadb.orders": "192.0.2.1:1", "engines.allow_plaintext": "true"},
                         *({"mariadb.orders": f"{host}:1"} for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9"))):
            with self.subTest(settings=settings):
                result = self.start_distributed(settings)
                self.assertEqual(1, result.returncode, result.stderr)
                self.assertIn(b"hongbaod: mariadb.orders connecting to ", result.stderr)

    def test_what_lets_a_node_into_the_engines_is_checked_at_the_start(self):
        garbage, secret = self.directory / "garbage", self.directory / "secret"
        garbage.write_text("no certificate")
        secret.write_text("y" * 32)
        secret.chmod(0o600)
        for engine in ("mariadb", "redis", "nats"):
            with self.subTest(engine=engine):
                ca, cert, key = (f"{engine}.tls_{name}_file" for name in ("ca", "cert", "key"))
                for each in (ca, cert, key):
                    self.refused_setting(each, "does not exist", **{each: self.directory / "none"})
                self.refused_setting(ca, "no certificate in PEM", **{ca: garbage})
                self.refused_setting(cert, f"needs {key}", **{cert: garbage})
                self.refused_setting(key, f"needs {cert}", **{key: garbage})
                self.refused_setting(cert, f"give {ca}", **{cert: garbage, key: garbage})
        for engine in ("redis", "nats"):
            name = f"{engine}.tls_server_name"
            self.refused_setting(name, f"give {engine}.tls_ca_file", **{name: "example"})
        self.refused_setting("redis.user", "redis.password_file", **{"redis.user": "ann"})
        self.refused_setting("nats.user", "nats.password_file", **{"nats.user": "ann"})
        self.refused_setting("nats.password_file", "nats.user", **{"nats.password_file": secret})
        self.refused_setting("nats.credentials_file", "nats.user", **{
            "nats.credentials_file": garbage, "nats.user": "ann", "nats.password_file": secret})
        self.refused_setting("nats.url", "nats.tls_ca_file", **{"nats.url": "tls://127.0.0.1:4222"})
        garbage.chmod(0o604)
        self.refused_setting("nats.credentials_file", "chmod o=", **{"nats.credentials_file": garbage})
        authority = Authority(self.directory / "tls")
        certificate, private = authority.certificate("node")
        private.chmod(0o604)
        self.refused_setting("redis.tls_key_file", "chmod o=", **{
            "redis.tls_ca_file": authority.file, "redis.tls_cert_file": certificate, "redis.tls_key_file": private})

    def test_names_are_checked_before_anything_is_asked(self):
        for user in ("a b", "a/b", "a?b", "a%2Fb", "", "a" * 65, "a\nb", "ünö", "../x"):
            with self.subTest(user=user):
                self.assert_one_line(run("hongbaoctl", "wallet", "show", user), "hongbaoctl", "USER")
                self.assert_one_line(run("hongbaoctl", "wallet", "deposit", user, "5"), "hongbaoctl", "USER")
                self.assert_one_line(run("hongbaoctl", "token", "--user", user), "hongbaoctl", "--user")
        for packet in ("x", "a/b", PACKET.upper(), PACKET + "x", PACKET[:-1] + "?", "s007-261322-01000003k-4qz8mn2r", ""):
            with self.subTest(packet=packet):
                self.assert_one_line(run("hongbaoctl", "packet", "show", packet), "hongbaoctl", "ID")
        for key in ("a b", "", "k" * 65, "schlüssel", "a\nb"):
            with self.subTest(key=key):
                self.assert_one_line(run("hongbaoctl", "wallet", "deposit", "ann", "5", "--key", key), "hongbaoctl", "--key")
        self.assert_one_line(run("hongbaoctl", "archive", "days", "s7"), "hongbaoctl", "SHARD")
        self.assert_one_line(run("hongbaoctl", "archive", "days", "s007", "--from", "20261332"), "hongbaoctl", "--from")
        for url in ("https://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1:080", "http://127.0.0.1:1/x", "http://u@h:1"):
            with self.subTest(url=url):
                self.assert_one_line(run("hongbaoctl", "--admin-url", url, "audit"), "hongbaoctl", "--admin-url")

    def test_a_variable_that_names_no_key_is_refused(self):
        for name, arguments in (("hongbaod", []), ("hongbaoctl", ["audit"])):
            for variable in ("HONGBAO_SRVER_LISTEN", "HONGBAO_server_listen", "HONGBAO_", "HONGBAO_CHANNELS_NEW_SECRET_FILE"):
                with self.subTest(program=name, variable=variable):
                    result = run(name, "--config", self.made(), *arguments, environment={variable: "x"})
                    self.assert_one_line(result, name, f"{variable} names no known key")

    def test_the_variable_for_the_file_serves_every_program(self):
        environment = {"HONGBAO_CONFIG": str(self.made())}
        self.assertEqual(0, run("hongbaoctl", "token", "--user", "ann", environment=environment).returncode)
        result = run("hongbaod", environment={**environment, "HONGBAO_SHARDS_COUNT": "0"})
        self.assert_one_line(result, "hongbaod", "shards.count")


class Paths(CommandLineTest):
    def test_a_directory_of_any_name_can_be_made_and_read(self):
        for name in ('with "quotes"', "back\\slash", "new\nline", "{braces} {0}", "tab\t", "del\x7f", " lead", "'''", '"""',
                     "-dash", "#hash", "ünïcødé 红包", "%s %n", "a=b"):
            with self.subTest(name=name):
                self.assertEqual(0, run("hongbaoctl", "init", self.directory / name).returncode)
                config = self.directory / name / "hongbao.toml"
                token = run("hongbaoctl", "--config", config, "token", "--user", "ann")
                self.assertEqual(0, token.returncode, token.stderr)
                self.assert_one_line(run("hongbaod", "--config", config, "--set", "shards.count=0"), "hongbaod", "shards.count")
        bad = os.fsencode(self.directory) + b"/\xff"
        result = subprocess.run([binary("hongbaoctl"), "init", bad], capture_output=True, timeout=RUN_TIMEOUT_S, check=False)
        if result.returncode == 0:
            token = subprocess.run([binary("hongbaoctl"), "--config", bad + b"/hongbao.toml", "token", "--user", "ann"],
                                   capture_output=True, timeout=RUN_TIMEOUT_S, check=False)
            self.assertEqual(0, token.returncode, token.stderr)
        else:
            self.assertEqual((2, 1), (result.returncode, result.stderr.count(b"\n")), result.stderr)
            self.assertFalse(os.path.exists(bad))

    def test_init_leaves_nothing_half_made(self):
        directory = self.directory / "taken"
        (directory / "secrets").mkdir(parents=True)
        (directory / "secrets" / "admin.token").write_text("kept")
        self.assert_one_line(run("hongbaoctl", "init", directory), "hongbaoctl", "admin.token")
        self.assertEqual(["admin.token"], [path.name for path in directory.rglob("*") if path.is_file()])
        self.assertEqual("kept", (directory / "secrets" / "admin.token").read_text())
        for path in ("/dev/null/below", "/proc/none"):
            self.assert_one_line(run("hongbaoctl", "init", path), "hongbaoctl", path)

    def unreadable(self):
        """Paths that name no text, and a word of what is said of each."""
        fifo, large = self.directory / "fifo", self.directory / "large"
        os.mkfifo(fifo)
        with large.open("wb") as file:
            file.truncate(1 << 30)
        return [(self.directory, "directory"), (self.directory / "none", "does not exist"), (fifo, "regular"),
                ("/dev/zero", "regular"), (large, "larger"), (self.made() / "below", "cannot be read"),
                ("x" * 5000, "cannot be read")]

    def test_a_file_that_is_none_is_told_and_nothing_waits(self):
        text = self.made().read_text()
        for path, word in self.unreadable():
            with self.subTest(path=str(path)[:100]):
                self.assert_one_line(run("hongbaod", "--config", path), "hongbaod", "--config", word)
                self.assert_one_line(run("hongbaoctl", "--config", path, "audit"), "hongbaoctl", "--config", word)
                config = self.directory / "secret.toml"
                config.write_text(re.sub(r'"[^"]*admin\.tokens"', json.dumps(str(path)), text))
                self.assert_one_line(run("hongbaod", "--config", config), "hongbaod", "admin.tokens_file", word)
                config.write_text(re.sub(r'"[^"]*admin\.token"', json.dumps(str(path)), text))
                result = run("hongbaoctl", "--config", config, "--admin-url", "http://127.0.0.1:1", "audit")
                self.assert_one_line(result, "hongbaoctl", "admin.token_file", word)
                shares = run("hongbaoctl", "verify", "--id", PACKET, "--seed", "00" * 32, "--commitment", "00" * 32,
                             "--total", "10", "--count", "1", "--shares", path)
                self.assert_one_line(shares, "hongbaoctl", "--shares", word)
                if word != "larger":
                    for option in ("--jwt-secret-file", "--admin-token-file"):
                        self.assert_one_line(run("hongbao-load", "run", option, path), "hongbao-load", option, word)

    def test_a_file_with_other_contents_is_told(self):
        for content, word in ((b"", "data.dir"), (b"\0\0", "--config"), (b"\xff\xfe", "--config"), (b"[" * 10_000, "--config"),
                              (b"a = [1]", "a"), (b'"data.dir" = "x"', "data.dir")):
            with self.subTest(content=content[:20]):
                config = self.directory / "odd.toml"
                config.write_bytes(content)
                self.assert_one_line(run("hongbaod", "--config", config), "hongbaod", word)
        shares = self.directory / "shares"
        for content in (b"", b"[]", b"{", b'{"shares":[{"seq":1}]}', b"[" * 10_000, b"\xff"):
            with self.subTest(shares=content[:20]):
                shares.write_bytes(content)
                result = run("hongbaoctl", "verify", "--id", PACKET, "--seed", "00" * 32, "--commitment", "00" * 32,
                             "--total", "10", "--count", "1", "--shares", shares)
                self.assert_one_line(result, "hongbaoctl", "--shares")

    def test_a_path_that_can_not_be_written_costs_no_night(self):
        secret = self.directory / "secret"
        secret.write_text("x" * 32)
        secret.chmod(0o600)
        fifo = self.directory / "unread"
        os.mkfifo(fifo)
        for option in ("--json", "--history"):
            for path in (self.directory, self.directory / "none" / "below", fifo, ""):
                with self.subTest(option=option, path=path):
                    result = run("hongbao-load", "run", "--url", "http://127.0.0.1:1", "--admin-url", "http://127.0.0.1:1",
                                 "--jwt-secret-file", secret, "--admin-token-file", secret, option, path)
                    self.assert_one_line(result, "hongbao-load", option)
        same = self.directory / "same"
        result = run("hongbao-load", "run", "--jwt-secret-file", secret, "--admin-token-file", secret, "--json", same,
                     "--history", same)
        self.assert_one_line(result, "hongbao-load", "--json", "--history")


class Output(CommandLineTest):
    def test_output_that_could_not_be_written_is_an_error(self):
        commands = [(name, option) for name in PROGRAMS for option in ("--version", "--help")]
        commands.append(("hongbaoctl", "--config", self.made(), "token", "--user", "ann"))
        for name, *arguments in commands:
            with self.subTest(program=name, arguments=arguments), open("/dev/full", "wb") as full:
                self.assert_one_line(run(name, *arguments, stdout=full), name, "could not be written", status=1)
                closed = run(name, *arguments, stdout=None, preexec_fn=lambda: os.close(1))
                self.assert_one_line(closed, name, "could not be written", status=1)
                out, into = os.pipe()
                os.close(out)
                self.assert_one_line(run(name, *arguments, stdout=into), name, "could not be written", status=1)
                os.close(into)

    def test_a_status_is_right_where_no_word_can_be_written(self):
        for name in PROGRAMS:
            with open("/dev/full", "wb") as full:
                self.assertEqual(2, run(name, "--nope", stderr=full).returncode)
            self.assertEqual(2, run(name, "--nope", stderr=None, preexec_fn=lambda: os.close(2)).returncode)


class Limits(CommandLineTest):
    def limited(self, name, *arguments, descriptors):
        limit = (resource.RLIMIT_NOFILE, (descriptors, descriptors))
        return run(name, *arguments, preexec_fn=lambda: resource.setrlimit(*limit))

    def test_too_few_descriptors_are_told_at_the_start(self):
        for limit in (80, 256, 4096):
            result = self.limited("hongbaod", "--config", self.made(), descriptors=limit)
            self.assert_one_line(result, "hongbaod", "server.connections_max", "ulimit -n", f"limit is {limit}")
        secret = self.directory / "secret"
        secret.write_text("x" * 32)
        secret.chmod(0o600)
        result = self.limited("hongbao-load", "run", "--jwt-secret-file", secret, "--admin-token-file", secret,
                              "--connections", "1000", descriptors=100)
        self.assert_one_line(result, "hongbao-load", "--connections", "ulimit -n")
        for name in PROGRAMS:  # too few for anything
            result = self.limited(name, "--version", descriptors=16)
            self.assertEqual(0, result.returncode, result.stderr)

    def test_the_descriptors_that_are_told_are_enough(self):
        server = self.server(SERVER_CONNECTIONS_MAX="20", ARCHIVE_HOT_DAYS="0")
        environment = {key: value for key, value in server.environment.items() if key.startswith("HONGBAO_")}
        result = run("hongbaod", "--config", server.config, environment=environment,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        needed = int(re.search(rb"needs (\d+) file descriptors", result.stderr)[1])
        server.start()
        opened = [socket.create_connection(server.public.rsplit(":", 1)) for _ in range(20)]
        used = len(os.listdir(f"/proc/{server.process.pid}/fd"))
        for connection in opened:
            connection.close()
        self.assertLess(used, needed)
        self.assertEqual(0, server.stop())
        process = subprocess.Popen([binary("hongbaod"), "--config", str(server.config)], env=server.environment,
                                   stderr=subprocess.PIPE,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (needed, needed)))
        try:
            self.assertTrue(any(b'"listening"' in line for line in process.stderr), "it starts with just as many")
        finally:
            process.send_signal(signal.SIGTERM)
            self.assertEqual(0, process.wait(STOP_S_MAX))
            process.stderr.close()


class Running(CommandLineTest):
    def spawn(self, server, **options):
        """On a port that is known beforehand, for its log may be lost. Ready when it returns."""
        server.health = f"127.0.0.1:{free_port()}"
        server.environment["HONGBAO_HEALTH_LISTEN"] = server.health
        options.setdefault("stderr", subprocess.DEVNULL)
        process = subprocess.Popen([binary("hongbaod"), "--config", str(server.config)], env=server.environment, **options)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        eventually(lambda: self.status(server, "/readyz") == 200, "the server is ready", timeout_s=20)
        return process

    @staticmethod
    def status(server, path):
        try:
            with Client(server.health, timeout_s=2) as client:
                return client.get(path).status
        except OSError:
            return None

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(0, process.wait(STOP_S_MAX))

    def test_closed_standard_descriptors_are_taken_by_no_file(self):
        for closed in ([2], [0], [1], [0, 1, 2]):
            with self.subTest(closed=closed):
                server = self.server()
                process = self.spawn(server, preexec_fn=lambda numbers=closed: [os.close(number) for number in numbers])
                for number in closed:
                    self.assertEqual("/dev/null", os.readlink(f"/proc/{process.pid}/fd/{number}"))
                self.assertEqual(f"{process.pid}\n", (server.directory / "data" / "LOCK").read_text())
                self.end(process)
                self.assertEqual(f"{process.pid}\n", (server.directory / "data" / "LOCK").read_text())

    def test_a_log_that_can_not_be_written_ends_nothing(self):
        out, into = os.pipe()
        os.close(out)
        with open("/dev/full", "wb") as full:
            for stderr in (into, full):
                server = self.server()
                process = self.spawn(server, stderr=stderr)
                self.assertEqual(200, self.status(server, "/healthz"))
                self.end(process)
        os.close(into)

    def test_a_log_that_nobody_reads_holds_nobody_up(self):
        out, into = os.pipe()
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
        port = free_port()
        server = self.server(SERVER_LISTEN=f"127.0.0.1:{port}", SERVER_IO_THREADS="1", SHARDS_COUNT="40")  # a line each
        process = self.spawn(server, stderr=into)
        os.close(into)
        with socket.create_connection(("127.0.0.1", port)) as first:
            self.assertEqual(200, self.status(server, "/healthz"))
            first.settimeout(STOP_S_MAX)
            first.sendall(b"GET /v1/users/me/wallet HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 401 ", first.recv(4096))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(0, process.wait(STOP_S_MAX))
        os.close(out)

    def test_a_log_that_is_read_late_is_whole(self):
        out, into = os.pipe()
        fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
        server = self.server(SHARDS_COUNT="40")  # a line each
        process = self.spawn(server, stderr=into)
        os.close(into)
        lines = []
        with os.fdopen(out, "rb") as log:
            reader = threading.Thread(target=lambda: lines.extend(log))
            reader.start()
            self.end(process)
            reader.join(STOP_S_MAX)
        events = [json.loads(line)["event"] for line in lines]
        self.assertEqual((40, 1, "stopped"), (events.count("shard_owned"), events.count("listening"), events[-1]))

    def test_a_start_that_fails_says_why_after_its_log(self):
        server = self.server()
        (server.directory / "data").mkdir(mode=0o700)
        (server.directory / "data" / "ledger.db").write_text("no database, and longer than an empty one may be" * 100)
        result = run("hongbaod", "--config", server.config, env=server.environment)
        *log, last = result.stderr.splitlines()
        self.assertIn(result.returncode, (1, 2))
        self.assertTrue(last.startswith(b"hongbaod: "), result.stderr)
        self.assertTrue(all(json.loads(line) for line in log), result.stderr)
        shutil.rmtree(server.directory / "data")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            server.environment["HONGBAO_SERVER_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
            result = run("hongbaod", "--config", server.config, env=server.environment)
            self.assertEqual(2, result.returncode)
            self.assertIn(b"server.listen", result.stderr.splitlines()[-1])
            out, into = os.pipe()  # full, and not read: it ends nevertheless
            os.set_blocking(into, False)
            try:
                while True:
                    os.write(into, b"x" * 4096)
            except BlockingIOError:
                os.set_blocking(into, True)
            self.assertEqual(2, run("hongbaod", "--config", server.config, env=server.environment, stderr=into).returncode)
            os.close(into)
            os.close(out)

    def test_a_hangup_does_not_end_it(self):
        server = self.server().start()
        for _ in range(3):
            server.process.send_signal(signal.SIGHUP)
        self.assertEqual(200, self.status(server, "/healthz"))
        self.assertEqual(0, server.stop())

    def test_ctl_reaches_every_listener(self):
        addresses = [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")]
        if pathlib.Path("/proc/net/if_inet6").exists() and pathlib.Path("/proc/net/if_inet6").read_text():
            addresses += [("[::1]", "::1"), ("[::]", "::1"), ("::1", "::1")]
        for listen, _ in addresses:
            with self.subTest(listen=listen):
                family = socket.AF_INET6 if ":" in listen else socket.AF_INET
                ports = [free_port(family, "::1" if ":" in listen else "127.0.0.1") for _ in range(2)]
                server = self.server(SERVER_LISTEN=f"{listen}:{ports[0]}", ADMIN_LISTEN=f"{listen}:{ports[1]}").start()

                def ctl(*arguments, server=server):
                    return run("hongbaoctl", "--config", server.config, *arguments, env=server.environment)

                self.assertEqual(0, ctl("wallet", "deposit", "ann@x", "5").returncode)
                shown = ctl("packet", "show", PACKET)
                self.assertEqual(1, shown.returncode, shown.stderr)
                self.assertIn(b"not_found", shown.stdout)
                self.assertEqual(0, server.stop())
        result = run("hongbaoctl", "--config", self.made(), "audit")
        self.assert_one_line(result, "hongbaoctl", "admin.listen has port 0", "--admin-url")


class Deposits(CommandLineTest):
    def balance(self, result):
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout)["wallet"]["balance"]

    def test_a_deposit_is_repeated_with_its_key(self):
        server = self.server().start()
        first = server.ctl("--json", "wallet", "deposit", "ann", "100")
        key = re.fullmatch(r"hongbaoctl: .*--key (\S+)\n", first.stderr)[1]
        self.assertEqual((100, key), (self.balance(first), json.loads(first.stdout)["idempotency_key"]))
        again = server.ctl("--json", "wallet", "deposit", "ann", "100", "--key", key)
        self.assertEqual((100, ""), (self.balance(again), again.stderr))
        self.assertEqual(200, self.balance(server.ctl("--json", "wallet", "deposit", "ann", "100")))
        other = server.ctl("wallet", "deposit", "ann", "101", "--key", key, check=False)
        self.assertEqual(1, other.returncode)
        self.assertEqual(200, server.balance("ann"))
        self.assertIn(key, server.ctl("wallet", "deposit", "ann", "100", "--key", key).stdout)

    def test_nothing_is_sent_where_the_key_can_not_be_told(self):
        server = self.server().start()
        arguments = ["--config", server.config, "--admin-url", f"http://{server.admin}", "wallet", "deposit", "ann", "100"]
        with open("/dev/full", "wb") as full:
            self.assertEqual(1, run("hongbaoctl", *arguments, stderr=full).returncode)
            self.assertEqual(0, server.balance("ann"))
            self.assertEqual(0, run("hongbaoctl", *arguments, "--key", "k", stderr=full).returncode)
        self.assertEqual(100, server.balance("ann"))

    def test_a_lost_answer_is_told_as_unknown_with_the_key(self):
        def answer(listener, text):
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(65536))
                connection.sendall(text)

        for text in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"):
            seen = []
            with socket.create_server(("127.0.0.1", 0)) as listener:
                thread = threading.Thread(target=answer, args=(listener, text))
                thread.start()
                result = run("hongbaoctl", "--config", self.made(), "--admin-url",
                             f"http://127.0.0.1:{listener.getsockname()[1]}", "wallet", "deposit", "ann", "5")
                thread.join()
            key = re.search(rb"Idempotency-Key: (\S+)\r\n", seen[0])[1].decode()
            told, outcome = result.stderr.decode().splitlines()
            self.assertEqual(1, result.returncode)
            self.assertIn(f"--key {key}", told)
            self.assertIn("may or may not have", outcome)
            self.assertIn(f"--key {key}", outcome)


if __name__ == "__main__":
    unittest.main()
