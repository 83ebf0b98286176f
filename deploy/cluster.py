#!/usr/bin/python3
"""One region on this machine: hongbaod nodes on private MariaDB, Redis and NATS servers, behind HAProxy.

    cluster.py up [--nodes N] [--engines-only] | status | start NAME | stop NAME | down

Used through `./run cluster`. Everything listens on 127.0.0.1 and lives in one directory, which `down` removes. The file
state.json there says which processes are ours: a pid counts only with the start time that it had.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from engines import EngineError
from processes import Process
from region import NODE_NAMES, Region, readyz

ROOT = pathlib.Path(__file__).resolve().parent.parent


class State:
    """What is known of the cluster in a directory; the file is there as long as the directory is ours."""

    def __init__(self, directory):
        self.file = directory / "state.json"

    def exists(self):
        return self.file.exists()

    def save(self, processes, how_to_call=""):
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"processes": [vars(process) for process in processes], "how_to_call": how_to_call},
                                  indent=2) + "\n")
        new.rename(self.file)

    def load(self):
        """The processes, and how to call them."""
        if not self.exists():
            return [], ""
        state = json.loads(self.file.read_text())
        return [Process(**process) for process in state["processes"]], state["how_to_call"]


class Progress:
    """Numbers steps and tells how long each took."""

    def __init__(self, steps):
        self.steps = steps
        self.step = 0

    @contextlib.contextmanager
    def __call__(self, what):
        self.step += 1
        print(f"[{self.step}/{self.steps}] {what} … ", end="", flush=True)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            print("failed")
            raise
        print(f"ready in {time.monotonic() - began:.1f} s")


def how_to_call(region, engines_only):
    if engines_only:
        where = os.path.relpath(region.directory)
        return (f"The engines are up. They want TLS, their authority is {where}/tls/ca.pem, and the user "
                f"{region.mariadb.user}, whose passwords are in {where}/ENGINE/password. NATS is {region.nats.url}.\n"
                f"Stop them: ./run cluster down")
    ours, binaries = os.path.relpath(region.directory), os.path.relpath(region.binaries)
    where = f"--url {region.url} --admin-url {region.admin_url}"
    return f"""The cluster is up: {region.url} is HAProxy before {len(region.nodes)} nodes. Call it:
  ctl() {{ {binaries}/hongbaoctl --config {ours}/hongbao.toml {where} "$@"; }}
  ctl wallet deposit alice 100000
  ALICE=$(ctl token --user alice)
  curl -s {region.url}/v1/packets -H "Authorization: Bearer $ALICE" -H 'Idempotency-Key: first' \\
    -d '{{"kind":"lucky","total_amount":888,"count":8}}'
A night of load, and the audit:
  {binaries}/hongbao-load run {where} \\
    --jwt-secret-file {ours}/secrets/jwt.secret --admin-token-file {ours}/secrets/admin.token \\
    --history {ours}/history.jsonl --seconds 30 --rate 250
  ctl audit --deep
Stop it and remove everything: ./run cluster down"""


def make_directory(directory, state):
    """An empty one; what is left of a cluster that is gone is removed, but nothing else."""
    if state.exists():
        shutil.rmtree(directory)
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise EngineError(f"{os.path.relpath(directory)} is there and is no cluster's (another `up` under way?): "
                          "remove it first") from None


def keep_logs(directory):
    """Of a cluster that did not come up. MariaDB has a file of its own that is only called a log."""
    for file in directory.rglob("*"):
        is_log = file.suffix == ".log" and "data" not in file.relative_to(directory).parts
        if not file.is_dir() and not is_log:
            file.unlink()


def up(options, state):
    processes, text = state.load()
    alive = [process for process in processes if process.current()]
    if text and len(alive) == len(processes):
        print(f"The cluster is up already.\n{text}")
        return 0
    if alive:
        raise EngineError("only some of its processes are there (./run cluster status): ./run cluster start those that "
                          "ended, or ./run cluster down first")
    make_directory(options.dir, state)
    state.save([])
    region = Region(options.dir, options.bin, options.nodes, lasting=True)
    steps = len(region.engines) if options.engines_only else len(region.servers) + 2
    try:
        region.start(options.engines_only, Progress(steps), lambda: state.save(region.processes()))
    except BaseException:
        region.kill()
        keep_logs(options.dir)
        state.save([])
        raise
    text = how_to_call(region, options.engines_only)
    state.save(region.processes(), text)
    print(f"\n{text}")
    return 0


def status(_, state):
    processes, text = state.load()
    if not processes:
        print("The cluster is down.")
        return 1
    ready = True
    for process in processes:
        condition = process.condition(readyz)
        ready = ready and condition == "ready"
        admin = f"admin {process.admin}" if process.admin else ""
        current = process.current() or process
        print(f"{process.name:9} {condition:10} pid {current.pid:<8} {process.address:17} {admin:24} "
              f"{os.path.relpath(process.log)}{'  (started by hand)' if current.by_hand else ''}")
    if not ready or not text:
        return 1
    print(f"\n{text}")
    return 0


def find_process(name, state):
    processes, text = state.load()
    found = next((process for process in processes if process.name == name), None)
    if found is None:
        known = ", ".join(process.name for process in processes)
        raise EngineError(f'there is no "{name}" in it; there are {known}' if known else "the cluster is down")
    return found, processes, text


def start(options, state):
    process, processes, text = find_process(options.name, state)
    new = process.start(readyz)
    state.save([new if each is process else each for each in processes], text)
    print(f"{new.name}: started, pid {new.pid}")
    return 0


def stop(options, state):
    """What it was is kept, so that it can be started again."""
    process, _, _ = find_process(options.name, state)
    print(f"{process.name}: {(process.current() or process).stop()}")
    return 0


def down(options, state):
    if not state.exists():
        print("The cluster is down.")
        return 0
    for process in reversed(state.load()[0]):
        print(f"{process.name}: {(process.current() or process).stop()}", flush=True)
    shutil.rmtree(options.dir)
    print(f"Removed {os.path.relpath(options.dir)}.")
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./run cluster", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build" / "cluster", help="where it lives")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start it, unless it runs")
    starting.add_argument("--nodes", type=int, default=2, choices=range(1, len(NODE_NAMES) + 1), metavar="N",
                          help=f"hongbaod processes, 1 to {len(NODE_NAMES)} (default 2)")
    starting.add_argument("--engines-only", action="store_true", help="MariaDB, Redis and NATS without nodes")
    starting.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="the binaries")
    for verb, help_text in (("start", "start one that was stopped, or ended, again"), ("stop", "stop one")):
        commands.add_parser(verb, help=help_text).add_argument("name", metavar="NAME",
                                                               help="a node or an engine, as status prints it")
    commands.add_parser("status", help="what runs, and whether it is ready; exit status 1 unless all is")
    commands.add_parser("down", help="stop it and remove its data")
    return parser.parse_args()


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return {"up": up, "status": status, "start": start, "stop": stop,
                "down": down}[options.command](options, State(options.dir))
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        return f"cluster: {error}"
    except KeyboardInterrupt:
        return "cluster: interrupted"


if __name__ == "__main__":
    sys.exit(main())
