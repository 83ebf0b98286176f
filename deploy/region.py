"""One region: hongbaod nodes on private MariaDB, Redis and NATS servers, behind HAProxy, all on 127.0.0.1.

Used by the cluster script, and by tests and benchmarks, whose regions end with them.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import tomllib
import urllib.request

from certificates import Authority
from engines import Engine, EngineError, Haproxy, Mariadb, Nats, Redis, clean_environment, free_port, last_line
from processes import Process

# As rendezvous hashing has it, the first two, three or four share the default four shards evenly.
NODE_NAMES = [f"node{number}" for number in range(1, 9)]
COMMAND_TIMEOUT_S = 60


def readyz(health):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{health}/readyz", timeout=1) as answer:
        return answer.status == 200
    return False


class Node(Engine):
    """One hongbaod of the cluster."""

    def __init__(self, name, directory, program, config):
        super().__init__(name, directory)
        self.program = program
        self.config = config
        self.admin_port = free_port()
        self.health_port = free_port()
        self.peer_port = free_port()

    @property
    def admin(self):
        return f"127.0.0.1:{self.admin_port}"

    @property
    def health(self):
        return f"127.0.0.1:{self.health_port}"

    def command(self):
        secrets = self.config.parent / "secrets"
        settings = {"node.name": self.name, "node.tls_cert_file": secrets / f"{self.name}.pem",
                    "node.tls_key_file": secrets / f"{self.name}.key", "node.listen": f"127.0.0.1:{self.peer_port}",
                    "server.listen": self.address, "admin.listen": self.admin, "health.listen": self.health,
                    "admin.journal_file": self.directory / "admin-journal.db"}
        return [self.program, "--config", self.config, *(f"--set={key}={value}" for key, value in settings.items())]

    def is_ready(self):
        return readyz(self.health)


def toml_text(table, prefix=""):
    """TOML of nested tables of texts and numbers."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    text = (f"[{prefix}]\n" if prefix else "") + "".join(line + "\n" for line in lines) + "\n"
    return text + "".join(toml_text(value, f"{prefix}.{key}" if prefix else key)
                          for key, value in table.items() if isinstance(value, dict))


class Region:
    """The engines, the nodes and the balancer of one region, in an empty directory, which outlives `stop`. Cold days
    lie on the one MariaDB server, or `cold` on one of their own. Nodes talk to the engines by TLS and with passwords,
    unless they are `plain`."""

    def __init__(self, directory, binaries, nodes=2, lasting=False, settings=None, cold=False, plain=False):
        self.directory = pathlib.Path(directory).resolve()
        self.binaries = pathlib.Path(binaries).resolve()
        self.config = self.directory / "hongbao.toml"
        self.settings = settings or {}  # on top of those that every region needs
        self.authority = None if plain else Authority(self.directory / "tls")
        self.mariadb = Mariadb(self.directory / "mariadb", authority=self.authority)
        self.cold = Mariadb(self.directory / "cold", name="cold", password_file=self.mariadb.password_file,
                            authority=self.authority) if cold else None
        self.redis = Redis(self.directory / "redis", authority=self.authority)
        self.nats = Nats(self.directory / "nats", authority=self.authority)
        self.engines = [self.mariadb, *([self.cold] if cold else []), self.redis, self.nats]
        self.nodes = [Node(name, self.directory / name, self.binaries / "hongbaod", self.config)
                      for name in NODE_NAMES[:nodes]]
        self.haproxy = Haproxy(self.directory / "haproxy",
                               [(node.name, node.address, node.health_port) for node in self.nodes])
        self.servers = [*self.engines, *self.nodes, self.haproxy]
        for server in self.servers:
            server.lasting = lasting

    @property
    def url(self):
        return f"http://{self.haproxy.address}"

    @property
    def admin_url(self):
        return f"http://{self.nodes[0].admin}"

    def start(self, engines_only=False, progress=lambda what: contextlib.nullcontext(), started=lambda: None):
        """Step by step. `progress` is entered for each, and `started` called when there is another process."""
        def start(servers):
            for server in servers:
                with progress(f"{server.name} at {server.address}, log {os.path.relpath(server.log)}"):
                    server.prepare()
                    server.spawn()
                    started()
                    server.await_ready()

        start(self.engines)
        if not engines_only:
            with progress("settings and secrets"):
                self.ctl("init", self.directory)
                self.write_settings()
                for node in self.nodes:
                    self.certify(node.name)
            with progress("schema"):
                self.ctl("--config", self.config, "schema", "migrate")
            start([*self.nodes, self.haproxy])
        return self

    def certify(self, name, region="south"):
        """Makes a certificate for a node of that name."""
        self.ctl("node", "certify", self.directory, name, "--region", region)

    def write_settings(self):
        settings = tomllib.loads(self.config.read_text())
        # A night of load pays in more than a region should allow.
        for key, value in {"node.engines": "distributed", "admin.deposit_max_fen": 10**11,
                           "admin.deposit_daily_max_fen": 10**16, "mariadb.user": self.mariadb.user,
                           "mariadb.password_file": str(self.mariadb.password_file),
                           **{f"mariadb.{part}": self.mariadb.address for part in ("orders", "ledger", "inbox")},
                           **({"mariadb.cold": self.cold.address} if self.cold else {}),
                           "redis.address": self.redis.address, "nats.url": self.nats.url,
                           **(self.ways_in() if self.authority else {}), **self.settings}.items():
            table, _, name = key.partition(".")
            settings.setdefault(table, {})[name] = value
        self.config.write_text(toml_text(settings))

    def ways_in(self):
        """The settings that let a node in."""
        engines = (self.mariadb, self.redis, self.nats)
        return {f"{engine.name}.{key}": str(value) for engine in engines
                for key, value in (("user", engine.user), ("password_file", engine.password_file),
                                   ("tls_ca_file", self.authority.file))}

    def ctl(self, *arguments):
        log = self.directory / "hongbaoctl.log"
        with open(log, "ab") as output:
            done = subprocess.run([self.binaries / "hongbaoctl", *arguments], stdout=output, stderr=output, check=False,
                                  timeout=COMMAND_TIMEOUT_S, env=clean_environment())
        if done.returncode != 0:
            raise EngineError(f"hongbaoctl {' '.join(map(str, arguments))}: {last_line(log)}; see {log}")

    def processes(self):
        return [Process.of(server.name, server.process.pid, server.address, server.log,
                           server.admin if isinstance(server, Node) else None,
                           server.health if isinstance(server, Node) else None, server.command(), server.environment())
                for server in self.servers if server.is_running]

    def stop(self):
        for server in reversed(self.servers):
            server.stop()

    def kill(self):
        for server in reversed(self.servers):
            server.kill()
