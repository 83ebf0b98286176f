#!/usr/bin/python3
"""Checks that clang-format would change nothing:  format.py ROOT

Over all C++ files that git tracks or would track. Mend with `clang-format-19 -i FILE`.
"""

import shutil
import subprocess
import sys

TOOL = "clang-format-19"


def main():
    root = sys.argv[1]
    if not shutil.which(TOOL):
        sys.exit(f"format: {TOOL} is not installed")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "-z", "--", "*.h", "*.cc"],
                            cwd=root, check=True, capture_output=True, text=True).stdout.split("\0")
    deleted = set(subprocess.run(["git", "ls-files", "-d", "-z"], cwd=root, check=True, capture_output=True,
                                 text=True).stdout.split("\0"))
    files = [name for name in listed if name and name not in deleted]
    if not files:
        sys.exit("format: git lists no C++ file")
    result = subprocess.run([TOOL, "--dry-run", "-Werror", *files], cwd=root)
    print(f"format: {len(files)} files")
    sys.exit(result.returncode)


if __name__ == "__main__":
    main()
