#!/usr/bin/python3
"""Runs every mutant and prints what caught it, and after how many seeds:  mutants.py MUTANT_DIR SCENARIO_DIR NAME:SCENARIO…

Fails when one is not caught within SEEDS_MAX seeds. See tests/sim/mutants.cmake.
"""

import concurrent.futures
import pathlib
import subprocess
import sys

SEEDS_MAX = 5_000
JOBS = 2


def play(mutants, scenarios, name, scenario):
    command = [pathlib.Path(mutants) / f"sim-mutant-{name}", "--scenario",
               pathlib.Path(scenarios) / f"{scenario}.toml", "--seeds", str(SEEDS_MAX), "--expect-caught"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    mutants, scenarios, *names = sys.argv[1:]
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = [(name, pool.submit(play, mutants, scenarios, name, scenario))
                for name, scenario in (entry.split(":") for entry in names)]
        for name, run in runs:
            done = run.result()
            *before, verdict = done.stdout.strip().splitlines()
            missed += done.returncode != 0
            print(f"{name:42} {verdict} {' '.join(before)}", flush=True)
    print(f"{len(names) - missed} of {len(names)} mutants were caught")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
