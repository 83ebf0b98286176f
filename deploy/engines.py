"""Starts and stops private servers of the real engines on 127.0.0.1: MariaDB, Redis, NATS with JetStream, HAProxy.

Each keeps its data in a directory of its own and its port for life, so that it can be killed, frozen and started again
on what it had. Used by the cluster script, the tests and the benchmarks.
"""

import contextlib
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
PACKAGES = {"mariadbd": "mariadb-server", "redis-server": "redis-server", "nats-server": "nats-server",
            "haproxy": "haproxy"}


class EngineError(RuntimeError):
    """An engine that is not there, or did not start; the message says what to do."""


def find(program):
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None:
        raise EngineError(f"{program} is missing: install the Debian package {PACKAGES.get(program, program)}")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Engine:
    """A server process. Subclasses say how it is started, and when it is ready."""

    def __init__(self, name, directory, port=None):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log = self.directory / "server.log"
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return answers(self.port)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            start_new_session=True)
        end = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise EngineError(f"{self.name} did not start: see {self.log}")
            time.sleep(0.02)
        return self

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def wipe(self):
        """Restarts it without anything that it had stored."""
        self.kill()
        for entry in self.directory.iterdir():
            if entry != self.log:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.start()


class Mariadb(Engine):
    """Durable in InnoDB and in the binary log. The user `hongbao` may do everything; its password is in a file."""

    user = "hongbao"

    def __init__(self, directory, port=None, options=(), buffer_pool="256M"):
        super().__init__("mariadb", directory, port)
        self.options = [f"--innodb-buffer-pool-size={buffer_pool}", *options]
        self.password_file = self.directory / "password"
        self.data = self.directory / "data"

    @property
    def socket(self):
        return self.directory / "socket"

    def command(self):
        return [find("mariadbd"), f"--defaults-file={HERE / 'mariadb.cnf'}", "--user=root", f"--datadir={self.data}",
                f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.directory / 'pid'}", *self.options]

    def is_ready(self):
        return subprocess.run([find("mariadb-admin"), "--no-defaults", f"--socket={self.socket}", "--user=root", "ping"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def start(self):
        is_new = not self.data.exists()
        if is_new:
            find("mariadbd")
            subprocess.run([find("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--user=root",
                            "--auth-root-authentication-method=normal", "--skip-test-db"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().start()
        if is_new:
            password = secrets.token_hex(16)
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(password + "\n")
            self.sql(f"CREATE USER '{self.user}'@'127.0.0.1' IDENTIFIED BY '{password}'; "
                     f"GRANT ALL ON *.* TO '{self.user}'@'127.0.0.1'")
        return self

    def sql(self, statements):
        """As root. What the client printed."""
        return subprocess.run([find("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch",
                               "--skip-column-names", "-e", statements], check=True, capture_output=True,
                              text=True).stdout


class Redis(Engine):
    """A cache; with `always`, every write is in a file that is synced before the answer."""

    def __init__(self, directory, port=None, always=False):
        super().__init__("redis", directory, port)
        self.persistence = ["--appendonly", "yes", "--appendfsync", "always"] if always else []

    def command(self):
        return [find("redis-server"), str(HERE / "redis.conf"), "--bind", "127.0.0.1", "--port", str(self.port), "--dir",
                str(self.directory), *self.persistence]

    def cli(self, *arguments):
        return subprocess.run([find("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), *arguments], check=True,
                              capture_output=True, text=True).stdout


class Nats(Engine):
    """NATS with JetStream, whose store is in its directory."""

    def __init__(self, directory, port=None):
        super().__init__("nats", directory, port)

    @property
    def url(self):
        return f"nats://{self.address}"

    def command(self):
        return [find("nats-server"), "--config", str(HERE / "nats.conf"), "--addr", "127.0.0.1", "--port",
                str(self.port), "--jetstream", "--store_dir", str(self.directory / "store")]


@contextlib.contextmanager
def started(*engines):
    """Starts them, and stops those that were started at the end."""
    with contextlib.ExitStack() as stack:
        for engine in engines:
            stack.callback(engine.stop)
            engine.start()
        yield engines
