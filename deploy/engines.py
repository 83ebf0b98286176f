"""Starts and stops private servers of the real engines on 127.0.0.1: MariaDB, Redis, NATS with JetStream, HAProxy.

Each keeps its data in a directory of its own and its port for life, so that it can be killed, frozen and started again
on what it had. Used by the cluster script, the tests and the benchmarks.

MariaDB, Redis and NATS that are given an authority (certificates.py) let in only who comes by TLS, as `hongbao` and with
the password in `password_file`. Others talk in plain text, and of them only MariaDB asks for the password.

A server ends with the thread that started it, however that ends, unless it is made to last: a test that is killed
leaves nothing behind. Whoever starts servers from threads keeps those threads.
"""

import contextlib
import getpass
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time

from certificates import HOSTS

HERE = pathlib.Path(__file__).resolve().parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
# Below those that the kernel gives to outgoing connections: a client that keeps trying a dead server's address would
# sooner or later connect to itself, and then hold the port.
PORTS = range(20_000, 30_000)
PORT_TRIES_MAX = 1_000
held = []
PACKAGES = {"mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "mariadb": "mariadb-client",
            "redis-cli": "redis-tools"}


def clean_environment():
    """Without HONGBAO_…: settings that are meant for another server, and options of the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HONGBAO_")}


class EngineError(RuntimeError):
    """An engine that is not there, or did not start; the message says what to do."""


def find(program):
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        raise EngineError(f"{program} is missing: install the Debian package {PACKAGES.get(program, program)}")
    return path


def free_port():
    """One that nobody listens on and that nobody else is given: servers may start long after they got theirs. A socket
    stays bound to it as long as this process lives, in the one way that keeps out probes like this but no server."""
    for _ in range(PORT_TRIES_MAX):
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", random.choice(PORTS)))
        except OSError:
            probe.close()
            continue
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.append(probe)
        return probe.getsockname()[1]
    raise EngineError(f"no free port among {PORTS}")


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def write_secret(file, text):
    file.touch(mode=0o600)
    file.write_text(text)


def last_line(log):
    return next((line for line in reversed(log.read_text(errors="replace").splitlines()) if line), "it said nothing")


class Engine:
    """A server process. Subclasses say how it is started, and when it is ready."""

    user = "hongbao"
    hosts = HOSTS  # that its certificate names

    def __init__(self, name, directory, port=None, authority=None):
        self.name = name
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.port = port or free_port()
        self.log = self.directory / "server.log"
        self.authority = authority
        self.password_file = self.directory / "password"
        self.lasting = False
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def certificate(self):
        """The files of its certificate and of the key."""
        return self.authority.certificate(self.name, self.hosts)

    def password(self):
        """Made at its first use."""
        if not self.password_file.exists():
            write_secret(self.password_file, secrets.token_hex(16) + "\n")
        return self.password_file.read_text().strip()

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def prepare(self):
        self.data.mkdir(exist_ok=True)

    def is_ready(self):
        return answers(self.port)

    def start(self):
        self.prepare()
        self.spawn()
        self.await_ready()
        return self

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def spawn(self):
        if self.is_running:
            raise EngineError(f"{self.name} runs already")
        guard = [] if self.lasting else [find("setpriv"), "--pdeathsig", "KILL"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*guard, *map(str, self.command())], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True,
                                            env={**clean_environment(), **self.environment()})

    def await_ready(self):
        end = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if not self.is_running or time.monotonic() > end:
                self.kill()
                raise EngineError(f"{self.name} did not start: {last_line(self.log)}; see {self.log}")
            time.sleep(0.02)

    def stop(self):
        if not self.is_running:
            return
        self.process.send_signal(signal.SIGTERM)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        """As after a crash."""
        self.kill()
        self.start()

    def freeze(self):
        """Returns when all its threads have stopped."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def wipe(self):
        """Restarts it without anything that it had stored."""
        self.kill()
        shutil.rmtree(self.data)
        self.start()


class Mariadb(Engine):
    """Durable in InnoDB and in the binary log. The user `hongbao` has its databases; its password is in a file."""

    # The product's, the contract suites' and the benchmark's. Global rights would let it write on a read-only server.
    user_databases = (r"hongbao\_%", r"test\_%", "bench")

    def __init__(self, directory, port=None, options=(), buffer_pool="256M", name="mariadb", password_file=None,
                 authority=None):
        """`password_file`: another server's, for the same password; it is written by the first that starts."""
        super().__init__(name, directory, port, authority)
        self.options = [f"--innodb-buffer-pool-size={buffer_pool}", *options]
        self.password_file = password_file or self.password_file
        self.socket = self.directory / "socket"
        self.first_statements = self.directory / "first.sql"
        # Of its own: a server that starts removes every temporary table there, whosever it is.
        self.temporary = self.directory / "tmp"

    def command(self):
        return [find("mariadbd"), f"--defaults-file={HERE / 'mariadb.cnf'}", *self._where_and_who(),
                f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.directory / 'pid'}", f"--init-file={self.first_statements}", *self._tls(),
                *self.options]

    def _tls(self):
        if self.authority is None:
            return []
        certificate, key = self.certificate()
        return [f"--ssl-ca={self.authority.file}", f"--ssl-cert={certificate}", f"--ssl-key={key}",
                "--require-secure-transport=ON"]

    def prepare(self):
        self.temporary.mkdir(exist_ok=True)
        write_secret(self.first_statements, self._make_user(self.password()))
        if not self.data.exists():
            # root comes in through the socket only, and only as the user who runs this.
            made = subprocess.run([find("mariadb-install-db"), "--no-defaults", *self._where_and_who(),
                                   "--force", "--auth-root-authentication-method=socket",  # without DNS too
                                   f"--auth-root-socket-user={getpass.getuser()}", "--skip-test-db"], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if made.returncode != 0:
                self.log.write_bytes(made.stdout)
                raise EngineError(f"{self.name}: no data directory: {last_line(self.log)}; see {self.log}")

    def _where_and_who(self):
        return [f"--datadir={self.data}", f"--tmpdir={self.temporary}", f"--user={getpass.getuser()}"]

    def _make_user(self, password):
        # One statement a line; the server runs them before it takes connections.
        user = f"'{self.user}'@'127.0.0.1'"
        statements = [f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';",
                      *(f"GRANT ALL ON `{database}`.* TO {user};" for database in self.user_databases)]
        return "".join(statement + "\n" for statement in statements)

    def sql(self, statements):
        """As root. What the client printed."""
        return subprocess.run([find("mariadb"), "--no-defaults", f"--socket={self.socket}",
                               f"--user={getpass.getuser()}", "--batch", "--skip-column-names", "-e", statements],
                              check=True, capture_output=True, text=True).stdout


class Redis(Engine):
    """A cache, unless options make it more."""

    def __init__(self, directory, port=None, options=(), authority=None, name="redis"):
        super().__init__(name, directory, port, authority)
        self.options = options
        self.users = self.directory / "users.acl"

    def command(self):
        return [find("redis-server"), HERE / "redis.conf", "--bind", "127.0.0.1", "--dir", self.data,
                *(["--port", self.port] if self.authority is None else self._tls()), *self.options]

    def _tls(self):
        certificate, key = self.certificate()
        return ["--port", 0, "--tls-port", self.port, "--tls-ca-cert-file", self.authority.file, "--tls-cert-file",
                certificate, "--tls-key-file", key, "--tls-auth-clients", "no", "--aclfile", self.users]

    def prepare(self):
        super().prepare()
        if self.authority is not None:
            write_secret(self.users, f"user default off\nuser {self.user} on >{self.password()} ~* &* +@all\n")

    def cli(self, *arguments):
        how = [] if self.authority is None else ["--tls", "--cacert", self.authority.file, "--user", self.user]
        secret = {} if self.authority is None else {"REDISCLI_AUTH": self.password()}
        return subprocess.run([find("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), *how, *arguments],
                              check=True, capture_output=True, text=True, env={**clean_environment(), **secret}).stdout


class Nats(Engine):
    """NATS with JetStream, whose store is in its directory."""

    def __init__(self, directory, port=None, authority=None, name="nats"):
        super().__init__(name, directory, port, authority)
        self.config = self.directory / "nats.conf"

    @property
    def url(self):
        return f"{'nats' if self.authority is None else 'tls'}://{self.address}"

    def prepare(self):
        """The committed configuration, with what only this server has."""
        super().prepare()
        own = ""
        if self.authority is not None:
            certificate, key = self.certificate()
            own = (f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n'
                   f'authorization {{ user: "{self.user}", password: "{self.password()}" }}\n')
        write_secret(self.config, (HERE / "nats.conf").read_text() + own)

    def command(self):
        return [find("nats-server"), "--config", self.config, "--addr", "127.0.0.1", "--port", self.port,
                "--jetstream", "--store_dir", self.data]


class Haproxy(Engine):
    """The balancer before the nodes, each given as (name, public address, port of the health listener)."""

    def __init__(self, directory, nodes, port=None, certificate_file=None):
        """`certificate_file`: in PEM, with its key; clients may come by TLS then, at tls_port."""
        super().__init__("haproxy", directory, port)
        self.nodes = nodes
        self.certificate_file = certificate_file
        self.tls_port = free_port() if certificate_file else None
        self.config = self.directory / "haproxy.cfg"
        self.owners = self.directory / "owners.map"
        self.socket = self.directory / "socket"

    def prepare(self):
        """The committed configuration with these nodes for its last lines."""
        lines = [line for line in (HERE / "haproxy.cfg").read_text().splitlines()
                 if not line.startswith("  server ")]
        lines += [f"  server {name} {address} port {health_port}" for name, address, health_port in self.nodes]
        self.config.write_text("\n".join(lines) + "\n")
        self.owners.touch()

    def environment(self):
        of_tls = {"HONGBAO_HAPROXY_TLS_LISTEN": f"127.0.0.1:{self.tls_port}",
                  "HONGBAO_HAPROXY_CERTIFICATE": str(self.certificate_file)} if self.certificate_file else {}
        return {"HONGBAO_HAPROXY_LISTEN": self.address, "HONGBAO_HAPROXY_SOCKET": str(self.socket),
                "HONGBAO_OWNERS_MAP": str(self.owners), **of_tls}

    def command(self):
        return [find("haproxy"), "-db", "-f", self.config]

    def ask(self, command):
        """What its runtime API says."""
        with socket.socket(socket.AF_UNIX) as runtime:
            runtime.connect(str(self.socket))
            runtime.sendall(command.encode() + b"\n")
            return runtime.makefile().read()

    def learned(self):
        """Shard → the node that owns it, as far as answers told."""
        entries = self.ask(f"show map {self.owners}").split("\n")
        return dict(entry.split()[1:3] for entry in entries if entry.strip())


@contextlib.contextmanager
def started(*engines):
    """Starts them, and stops those that were started at the end."""
    with contextlib.ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.stop)
            engine.start()
        yield engines
