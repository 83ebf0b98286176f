#!/usr/bin/python3
"""Checks that docs/CONFIGURATION.md is what the table of settings says, and that the manuals name no other key:

    configuration.py ROOT HONGBAOCTL
"""

import pathlib
import re
import subprocess
import sys

KEY = re.compile(r"^\| `([a-z]+(?:\.NAME)?\.[a-z_]+)`", re.MULTILINE)
NAMED = re.compile(r"`([a-z]+(?:\.NAME)?\.[a-z_]+)`")
FILES = (".cc", ".cnf", ".conf")  # `node.cc` is no setting


def main():
    root, hongbaoctl = pathlib.Path(sys.argv[1]), sys.argv[2]
    manual = subprocess.run([hongbaoctl, "settings"], check=True, capture_output=True, text=True).stdout
    committed = root / "docs" / "CONFIGURATION.md"
    wrong = []
    if not committed.exists() or committed.read_text() != manual:
        wrong.append(f"docs/CONFIGURATION.md is not what the table of settings says: {hongbaoctl} settings > {committed}")
    keys = set(KEY.findall(manual))
    sections = {key.rsplit(".", 1)[0] for key in keys}
    for file in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for named in sorted(set(NAMED.findall(file.read_text()))):
            if named.rsplit(".", 1)[0] in sections and named not in keys and not named.endswith(FILES):
                wrong.append(f"{file.relative_to(root)}: there is no setting {named}")
    for line in wrong:
        print(line)
    if len(keys) < 60:  # what is looked for has another shape by now
        wrong.append("")
        print(f"only {len(keys)} settings were found")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
