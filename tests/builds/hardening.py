"""Checks that programs were built with what makes a memory error hard to use: position-independent, with relocations
that are read-only, a stack that is guarded and never executed, and the checked functions of the C library.

    hardening.py PROGRAM…
"""

import pathlib
import subprocess
import sys


def read(program, *options):
    return subprocess.run(["readelf", "--wide", *options, program], check=True, capture_output=True, text=True).stdout


def missing(program):
    header, segments, dynamic = read(program, "--file-header"), read(program, "--segments"), read(program, "--dynamic")
    symbols = read(program, "--dyn-syms")
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    found = {"position-independent code": "DYN (Position-Independent" in header,
             "read-only relocations": "GNU_RELRO" in segments and "BIND_NOW" in dynamic,
             "a stack that is not executable": " RWE " not in stack,
             "guards on the stack": "__stack_chk_fail" in symbols,
             "checked functions": "_chk@" in symbols.replace("__stack_chk_fail", "")}
    return [what for what, is_there in found.items() if not is_there]


def main():
    wrong = [f"{pathlib.Path(program).name}: without {what}" for program in sys.argv[1:] for what in missing(program)]
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
