#!/usr/bin/python3
"""Checks that whoever is on call finds every event of the log and every metric in docs/OPERATIONS.md:

    operations.py ROOT      prints those that are missing, exits 1 if there are any
"""

import pathlib
import re
import sys

# An event is a literal, or chosen from literals in the line above the call.
EVENT = re.compile(r'(?:log_(?:info|warn|error|turn)|say)\(\s*(?:\w+(?:\(\))? \? )?"([a-z_]+)"(?: : "([a-z_]+)")?')
CHOSEN = re.compile(r'const char\* event = .*\? "([a-z_]+)" : "([a-z_]+)"')
METRIC = re.compile(r'(?:add_(?:counter|gauge|histogram)\([^;]*?|\b(?:set|count)\()"(hongbao_[a-z_]+)"')


def main():
    root = pathlib.Path(sys.argv[1])
    manual = set(re.findall(r"[a-z_]+", (root / "docs" / "OPERATIONS.md").read_text()))
    names = set()
    for file in sorted((root / "src").rglob("*")):
        # The load generator is no server.
        if file.suffix not in (".cc", ".h") or file.stem.endswith("_test") or "load" in file.parts:
            continue
        text = file.read_text()
        for pattern in (EVENT, CHOSEN, METRIC):
            for found in pattern.finditer(text):
                names.update(name for name in found.groups() if name)
    missing = sorted(names - manual)
    for name in missing:
        print(f"docs/OPERATIONS.md: does not say what to do about {name}")
    if len(names) < 60:  # what is looked for has another shape by now
        print(f"only {len(names)} events and metrics were found in {root / 'src'}")
        return 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
