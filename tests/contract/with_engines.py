#!/usr/bin/python3
"""Runs a command with private MariaDB, Redis and NATS servers, and ends with its exit code.

    with_engines.py COMMAND [ARGUMENTS]

The command finds them in its environment: HONGBAO_TEST_MARIADB, HONGBAO_TEST_REDIS (host:port), HONGBAO_TEST_NATS (a
URL), HONGBAO_TEST_MARIADB_USER and HONGBAO_TEST_MARIADB_PASSWORD_FILE. They talk in plain text; MariaDB also by TLS, and
at 127.0.0.2 as well, which its certificate does not name. HONGBAO_TEST_REDIS_TLS and HONGBAO_TEST_NATS_TLS are two more
servers, "redis_tls" and "nats_tls", which want TLS and the user `hongbao`, whose password is in the file that the same
name with _PASSWORD_FILE gives; their certificates name 127.0.0.1 alone. HONGBAO_TEST_TLS is the directory of
certificates: ca.pem is the authority of the servers', other.pem another one. HONGBAO_TEST_ENGINE_CONTROL is a Unix socket
through which it may make an engine suffer: it sends a line "ACTION ENGINE [ARGUMENT]", for example "freeze mariadb",
"sql mariadb SET GLOBAL read_only = 1" or "restart mariadb --innodb-doublewrite=0" (options for this time only), and gets
the line "ok" when that is done, or what went wrong; one connection is served after the other. An engine that is not
installed fails the run. MariaDB can be moved onto a small disk of its own, to be filled there, which needs root.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy"))
from certificates import Authority  # noqa: E402
from engines import EngineError, Mariadb, Nats, Redis, started  # noqa: E402

ACTIONS = {"kill", "restart", "freeze", "thaw", "wipe", "stop", "start", "sql", "small_disk", "fill", "drain", "usual_disk"}
SMALL_DISK_SPARE_MIB = 32


class TestedMariadb(Mariadb):
    def restart(self, options=""):
        usual = self.options
        self.options = [*usual, *options.split()]
        try:
            super().restart()
        finally:
            self.options = usual

    @property
    def disk(self):
        return self.directory / "disk"

    def small_disk(self):
        """Goes on with a copy of its data on a disk with little room."""
        super().stop()
        used = sum(file.stat().st_blocks * 512 for file in self.data.rglob("*"))
        self.disk.mkdir(exist_ok=True)
        size = used // 2**20 + SMALL_DISK_SPARE_MIB
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m,mode=700", "hongbao-test", self.disk], check=True)
        shutil.copytree(self.data, self.disk / "data")
        self.usual_data, self.data = self.data, self.disk / "data"
        self.start()

    def fill(self):
        with contextlib.suppress(OSError), open(self.disk / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def drain(self):
        (self.disk / "filler").unlink()

    def usual_disk(self):
        """Forgets what it did on the small disk."""
        self.stop()
        self.start()

    def stop(self):
        if self.disk.is_mount():
            self.kill()  # it may wait for room
            subprocess.run(["umount", self.disk], check=True)
            self.data = self.usual_data
        super().stop()


def control(path, engines):
    """Serves commands on the socket at `path`, in one thread as long as the process lives, as started engines do."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                action, name, *argument = line.decode().strip().split(" ", 2)
                try:
                    if action not in ACTIONS:
                        raise ValueError(f"no action {action}")
                    getattr(engines[name], action)(*argument)
                    answer = "ok"
                except Exception as error:  # whatever it is, the test hears of it and goes on
                    answer = f"failed: {error!r}"
                self.wfile.write(answer.encode() + b"\n")

    server = socketserver.UnixStreamServer(path, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="hongbao-engines-") as directory:
        authority = Authority(f"{directory}/tls")
        Authority(authority.directory, "other").prepare()
        mariadb = TestedMariadb(f"{directory}/mariadb", buffer_pool="64M", authority=authority, options=[
            "--innodb-log-file-size=32M", "--require-secure-transport=OFF", "--bind-address=127.0.0.1,127.0.0.2"])
        redis, nats = Redis(f"{directory}/redis"), Nats(f"{directory}/nats")
        redis_tls = Redis(f"{directory}/redis_tls", authority=authority, name="redis_tls")
        nats_tls = Nats(f"{directory}/nats_tls", authority=authority, name="nats_tls")
        redis_tls.hosts = nats_tls.hosts = ("IP:127.0.0.1",)
        engines = (mariadb, redis, nats, redis_tls, nats_tls)
        try:
            with started(*engines):
                control(f"{directory}/control", {engine.name: engine for engine in engines})
                return subprocess.run(sys.argv[1:], check=False, env={
                    **os.environ, "HONGBAO_TEST_MARIADB": mariadb.address, "HONGBAO_TEST_MARIADB_USER": mariadb.user,
                    "HONGBAO_TEST_MARIADB_PASSWORD_FILE": str(mariadb.password_file), "HONGBAO_TEST_REDIS": redis.address,
                    "HONGBAO_TEST_NATS": nats.url, "HONGBAO_TEST_REDIS_TLS": redis_tls.address,
                    "HONGBAO_TEST_REDIS_TLS_PASSWORD_FILE": str(redis_tls.password_file),
                    "HONGBAO_TEST_NATS_TLS": nats_tls.url,
                    "HONGBAO_TEST_NATS_TLS_PASSWORD_FILE": str(nats_tls.password_file),
                    "HONGBAO_TEST_TLS": str(authority.directory), "HONGBAO_TEST_ENGINE_CONTROL": f"{directory}/control"}).returncode
        except EngineError as error:
            sys.exit(f"with_engines: {error}")


if __name__ == "__main__":
    sys.exit(main())
