#!/usr/bin/python3
"""Runs the opens benchmarks: starts the systems privately on 127.0.0.1, alternates rounds, and removes everything.

    run_bench.py opens|peers|scale|memory|forwarded|minute [--rounds N] [--shapes hot_64,…] [--json FILE] [--quick]

Used through `./run bench`. One system runs a round at a time; the others stand idle. A round whose shares were not each
given exactly once does not count and fails the run. docs/BENCHMARKS.md says what the figures mean.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "deploy"))
from engines import Engine, Mariadb, Redis, free_port, started  # noqa: E402
from region import Region, readyz  # noqa: E402

BIN = ROOT / "build" / "release" / "bin"
ROUND_TIMEOUT_S = 600

SHAPES = {"hot_64": ("hot", 64), "hot_256": ("hot", 256), "spread_64": ("spread", 64), "spread_256": ("spread", 256)}
# Enough for seconds of each.
OPENS = {"hongbao": 100_000, "hongbao_mariadb": 100_000, "redis_lua_memory": 100_000, "redis_lua_always": 100_000,
         "mariadb_for_update": 3_000, "mariadb_cas": 1_000}
LATE_OPENS = 150_000
METRICS = {"opens_per_s": "per_s", "p50_ms": "p50_ms", "p99_ms": "p99_ms", "cpu_us_per_open": "cpu_us"}


class Hongbao(Engine):
    """The embedded server with its default settings."""

    def __init__(self, directory):
        super().__init__("hongbao", directory)
        self.admin_port = free_port()
        self.health_port = free_port()
        self.secrets = self.directory / "secrets"

    def prepare(self):
        if not self.secrets.exists():
            subprocess.run([BIN / "hongbaoctl", "init", self.directory], check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return [BIN / "hongbaod", "--config", self.directory / "hongbao.toml", f"--set=server.listen={self.address}",
                f"--set=admin.listen=127.0.0.1:{self.admin_port}", f"--set=health.listen=127.0.0.1:{self.health_port}",
                "--set=admin.deposit_max_fen=100000000000", "--set=admin.deposit_daily_max_fen=10000000000000000"]

    def is_ready(self):
        return readyz(f"127.0.0.1:{self.health_port}")

    @property
    def pids(self):
        return [self.process.pid]


class HongbaoRegion:
    """One node on MariaDB, Redis and NATS, each started for it alone; its CPU is that of all four."""

    def __init__(self, directory):
        directory.mkdir()
        self.region = Region(directory, BIN, nodes=1, plain=True)
        self.node = self.region.nodes[0]
        self.port, self.admin_port = self.node.port, self.node.admin_port
        self.secrets = directory / "secrets"

    def start(self):
        self.region.start()

    def stop(self):
        self.region.stop()

    @property
    def pids(self):
        return [server.process.pid for server in (*self.region.engines, self.node)]


OURS = ("hongbao", "hongbao_mariadb")


def audit_difference(server):
    token = (server.secrets / "admin.token").read_text().strip()
    request = urllib.request.Request(f"http://127.0.0.1:{server.admin_port}/admin/v1/audit",
                                     headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["difference"]


def pids_of(server):
    return server.pids if isinstance(server, (Hongbao, HongbaoRegion)) else [server.process.pid]


def reach(system, server):
    """How hongbao-opens gets at it."""
    known_as = "redis" if isinstance(server, Redis) else "hongbao" if system in OURS else system
    arguments = ["--system", known_as, "--port", str(server.port)]
    if isinstance(server, (Hongbao, HongbaoRegion)):
        arguments += ["--admin-port", str(server.admin_port), "--jwt-secret-file", server.secrets / "jwt.secret",
                      "--admin-token-file", server.secrets / "admin.token"]
    if isinstance(server, Mariadb):
        arguments += ["--user", server.user, "--password-file", server.password_file]
    return arguments


def play(system, server, shape, options, late=0):
    """One round; the figures of hongbao-opens."""
    kind, connections = SHAPES[shape]
    opens = OPENS[system] // (10 if options.quick else 1)
    result = subprocess.run([BIN / "hongbao-opens", *reach(system, server), "--shape", kind, "--connections",
                             str(connections), "--opens", str(max(opens, 1_000)), "--late", str(late),
                             *(f"--server-pid={pid}" for pid in pids_of(server))], capture_output=True, text=True, timeout=ROUND_TIMEOUT_S)
    if result.returncode != 0:
        raise RuntimeError(f"{system}, {shape}: {result.stderr.strip()}")
    return json.loads(result.stdout)


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def show(values, digits=0):
    figures = spread(values)
    return f'{figures["median"]:,.{digits}f} ({figures["min"]:,.{digits}f}–{figures["max"]:,.{digits}f})'


def summarize(rounds, late):
    """rounds: shape → system → list of rounds."""
    out = {"systems": {}, "ratios": {}}
    for shape, by_system in rounds.items():
        for system, played in by_system.items():
            figures = out["systems"].setdefault(system, {name: {} for name in METRICS})
            for name, key in METRICS.items():
                figures[name][shape] = spread([each["opens"][key] for each in played])
        for name in (name for name in OURS if name in by_system):
            ours = by_system[name]
            settled = out["systems"][name].setdefault("cpu_us_per_open_settled", {})
            settled[shape] = spread([each["cpu_us_settled"] for each in ours])
            for system in by_system:
                if system not in OURS:
                    pairs = zip(ours, by_system[system])
                    out["ratios"].setdefault(f"{name}_over_{system}", {})[shape] = spread(
                        [mine["opens"]["per_s"] / theirs["opens"]["per_s"] for mine, theirs in pairs])
    if late:
        out["late_answers"] = {"per_s": spread([each["late"]["per_s"] for each in late]),
                               "cpu_us": spread([each["late"]["cpu_us"] for each in late]),
                               "over_opens": spread([each["late"]["per_s"] / each["opens"]["per_s"] for each in late])}
    return out


def print_shape(shape, by_system):
    print(f"\n{shape}: median (least–greatest)\n  {'':20}{'opens/s':>30}{'p50 ms':>22}{'p99 ms':>22}"
          f"{'server CPU µs/open':>24}{'hongbao ×':>22}")
    for system, played in by_system.items():
        ratio = [mine["opens"]["per_s"] / theirs["opens"]["per_s"] for mine, theirs in zip(by_system["hongbao"], played)]
        columns = [show([each["opens"][key] for each in played], digits)
                   for key, digits in (("per_s", 0), ("p50_ms", 2), ("p99_ms", 2), ("cpu_us", 1))]
        print(f"  {system:20}{columns[0]:>30}{columns[1]:>22}{columns[2]:>22}{columns[3]:>24}{show(ratio, 2):>22}")


def start_peers(stack, directory):
    memory = Redis(directory / "redis-memory", options=["--maxmemory", "0"])
    always = Redis(directory / "redis-always",
                   options=["--maxmemory", "0", "--appendonly", "yes", "--appendfsync", "always"])
    # Durable as Hongbao is; tuned for many connections on one hot row.
    mariadb = Mariadb(directory / "mariadb", buffer_pool="512M", options=[
        "--innodb-log-file-size=512M", "--innodb-deadlock-detect=OFF", "--thread-handling=pool-of-threads",
        "--back-log=1000"])
    stack.enter_context(started(memory, always, mariadb))
    return {"redis_lua_memory": memory, "redis_lua_always": always, "mariadb_for_update": mariadb,
            "mariadb_cas": mariadb}


def bench_opens(stack, directory, options, with_peers):
    hongbao = Hongbao(directory / "hongbao")
    stack.enter_context(started(hongbao))
    servers = {"hongbao": hongbao}
    if with_peers:
        servers["hongbao_mariadb"] = region = HongbaoRegion(directory / "region")
        stack.callback(region.stop)
        region.start()
        servers.update(start_peers(stack, directory))
    rounds = {}
    late = []
    for shape in options.shapes:
        rounds[shape] = {system: [] for system in servers}
        for number in range(1, options.rounds + 1):
            for system, server in servers.items():
                wants_late = system == "hongbao" and shape == "hot_256"
                played = play(system, server, shape, options, LATE_OPENS if wants_late else 0)
                rounds[shape][system].append(played)
                if wants_late:
                    late.append(played)
                print(f'  {shape} round {number}: {system} {played["opens"]["per_s"]:,.0f} opens/s', file=sys.stderr)
        print_shape(shape, rounds[shape])
    for system in (system for system in OURS if system in servers):
        if audit_difference(servers[system]) != 0:
            raise RuntimeError(f"the audit of {system} does not balance after the benchmark")
    out = summarize(rounds, late)
    if late:
        print(f'\nlate answers (hot_256): {show([each["late"]["per_s"] for each in late])} a second, '
              f'{show([each["late"]["per_s"] / each["opens"]["per_s"] for each in late], 2)} × the opens')
    for system in (system for system in OURS if system in servers):
        for shape, figures in out["systems"][system]["cpu_us_per_open_settled"].items():
            print(f'{shape}: {system}: server CPU with settlement and inbox, until all is settled: '
                  f'{figures["median"]:.1f} µs an open')
    return out


def first_open_after_restart(server):
    """Seconds from the start of the process that was killed until it has answered an open."""
    server.kill()
    began = time.monotonic()
    server.start()
    subprocess.run([BIN / "hongbao-opens", *reach("hongbao", server), "--connections", "1", "--opens", "1"],
                   check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def bench_scale(stack, directory, options):
    """Opens with and without many vouchers in the store, alternating; and the way back after a kill."""
    vouchers = 2_000_000 if options.quick else 20_000_000
    servers = {name: Hongbao(directory / name) for name in ("empty", "full")}
    stack.enter_context(started(*servers.values()))
    servers["full"].stop()
    print(f"filling {vouchers:,} vouchers …", file=sys.stderr)
    subprocess.run([BIN / "hongbao-fill", "--data-dir", directory / "full" / "data", "--vouchers", str(vouchers)],
                   check=True)
    servers["full"].start()
    rounds = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, server in servers.items():
            rounds[name].append(play("hongbao", server, "hot_256", options)["opens"]["per_s"])
            print(f"  {name}: {rounds[name][-1]:,.0f} opens/s", file=sys.stderr)
    ratios = [full / empty for full, empty in zip(rounds["full"], rounds["empty"])]
    restarts = [first_open_after_restart(servers["full"]) for _ in range(3)]
    difference = audit_difference(servers["full"])
    print(f"opens/s with an empty store: {show(rounds['empty'])}\n"
          f"opens/s with {vouchers:,} vouchers: {show(rounds['full'])}, {show(ratios, 2)} × the empty one\n"
          f"from a killed process to its first answered open, with those vouchers: {show(restarts, 2)} s\n"
          f"audit difference {difference}")
    if difference != 0:
        raise RuntimeError("the audit does not balance after the benchmark")
    return {"vouchers": vouchers, "empty_opens_per_s": spread(rounds["empty"]),
            "full_opens_per_s": spread(rounds["full"]), "full_over_empty": spread(ratios),
            "restart_to_first_open_s": spread(restarts)}


def bench_memory(options):
    """Bytes of a resident packet of ten shares, at a million of them."""
    out = {}
    for opened in (0, 5, 9):
        result = subprocess.run([BIN / "hongbao-memory", "--opened", str(opened), "--packets",
                                 "100000" if options.quick else "1000000"], check=True, capture_output=True)
        out[f"opened_{opened}"] = figures = json.loads(result.stdout)
        print(f'{figures["packets"]:,} packets of 10 shares, {opened} of them opened: '
              f'{figures["bytes_per_packet"]:.0f} bytes each')
    return out


def forwarded_total(node, token):
    request = urllib.request.Request(f"http://{node.admin}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return float(re.search(r"^hongbao_forwarded_total (\S+)", text, re.MULTILINE).group(1))


def bench_forwarded(stack, directory, options):
    """Opens of hot packets at one of two nodes: CPU of both nodes, by whether the packet's owner is the one or the
    other. Which it is, the packet's id decides."""
    (directory / "region").mkdir()
    region = Region(directory / "region", BIN, nodes=2, plain=True)
    stack.callback(region.stop)
    region.start()
    secrets = directory / "region" / "secrets"
    token = (secrets / "admin.token").read_text().strip()
    entry = region.nodes[0]
    opens = 4_000 if options.quick else 40_000  # one packet
    cpu_us = {"direct": [], "forwarded": []}
    while min(map(len, cpu_us.values())) < options.rounds:
        before = forwarded_total(entry, token)
        result = subprocess.run(
            [BIN / "hongbao-opens", "--system", "hongbao", "--port", str(entry.port), "--admin-port",
             str(entry.admin_port), "--jwt-secret-file", secrets / "jwt.secret", "--admin-token-file",
             secrets / "admin.token", "--shape", "hot", "--connections", "256", "--opens", str(opens),
             *(f"--server-pid={node.process.pid}" for node in region.nodes)], check=True, capture_output=True,
            timeout=ROUND_TIMEOUT_S)
        way = "forwarded" if forwarded_total(entry, token) - before > opens / 2 else "direct"
        cpu_us[way].append(json.loads(result.stdout)["opens"]["cpu_us"])
        print(f"  {way}: {cpu_us[way][-1]:.1f} µs of CPU an open, both nodes", file=sys.stderr)
    ratio = statistics.median(cpu_us["forwarded"]) / statistics.median(cpu_us["direct"])
    print(f"CPU of both nodes an open, µs: direct {show(cpu_us['direct'], 1)}, forwarded {show(cpu_us['forwarded'], 1)}: "
          f"{ratio:.2f} × the direct one")
    return {**{f"{way}_cpu_us": spread(values) for way, values in cpu_us.items()}, "forwarded_over_direct": ratio}


def bench_minute(stack, directory, options):
    """One node on MariaDB, Redis and NATS under opens for a minute: how far settlement and lists are behind then."""
    server = HongbaoRegion(directory / "region")
    stack.enter_context(started(server))
    rate = play("hongbao_mariadb", server, "hot_256", options)["opens"]["per_s"]
    OPENS["hongbao_mariadb"] = int(rate * (60 if not options.quick else 6)) * (10 if options.quick else 1)
    played = play("hongbao_mariadb", server, "hot_256", options)
    seconds = OPENS["hongbao_mariadb"] / (10 if options.quick else 1) / played["opens"]["per_s"]
    print(f'{played["opens"]["per_s"]:,.0f} opens/s for {seconds:.0f} s; all settled and listed '
          f'{played["settled_after_s"]:.2f} s after the last; {played["cpu_us_settled"]:.1f} µs of CPU an open')
    if audit_difference(server) != 0:
        raise RuntimeError("the audit does not balance after the benchmark")
    return {"seconds": seconds, **played}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("which", choices=["opens", "peers", "scale", "memory", "forwarded", "minute"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shapes", default=",".join(SHAPES), help="of " + ", ".join(SHAPES))
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="a tenth of the opens: to see that it works")
    options = parser.parse_args()
    options.shapes = options.shapes.split(",")
    unknown = [shape for shape in options.shapes if shape not in SHAPES]
    if unknown or options.rounds < 1:
        parser.error(f"--shapes takes {', '.join(SHAPES)}" if unknown else "--rounds takes a number from 1")
    return options


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    try:
        with contextlib.ExitStack() as stack:
            if options.which == "scale":
                out = bench_scale(stack, directory, options)
            elif options.which == "memory":
                out = bench_memory(options)
            elif options.which == "forwarded":
                out = bench_forwarded(stack, directory, options)
            elif options.which == "minute":
                out = bench_minute(stack, directory, options)
            else:
                out = bench_opens(stack, directory, options, with_peers=options.which == "peers")
    except RuntimeError as error:
        sys.exit(f"bench: {error}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if options.json:
        out["cores"] = os.cpu_count()
        pathlib.Path(options.json).write_text(json.dumps(out, indent=2) + "\n")


if __name__ == "__main__":
    main()
