#!/usr/bin/python3
"""Runs clang-tidy over every C++ file under src that the build compiles, but for tests:  tidy.py ROOT BUILD_DIR

The checks are the allow-list in ROOT/.clang-tidy. What passed is remembered in ROOT/build/tidy-cache under a hash of
the command, the checks, the tool's version, the source and every header of ours that it includes, so that a second run
is quick; what failed is never remembered.
"""

import concurrent.futures
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

TOOL = "clang-tidy-19"
JOBS = 2
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
CACHE_AGE_S_MAX = 30 * 24 * 3600
# libstdc++ 12 hides std::expected from clang unless it claims g++'s level of concepts.
CLANG_FLAGS = ["-std=c++2b", "-D__cpp_concepts=202002L", "-Wno-builtin-macro-redefined", "-Wno-macro-redefined"]
# What g++ knows and clang does not, and what has no meaning without a compilation.
DROPPED = {"-Werror", "-fcoroutines", "-fconcepts", "-Wno-maybe-uninitialized", "-Wno-stringop-overflow", "-MD"}
DROPPED_PREFIXES = ("-std=", "-fsanitize=", "-fno-sanitize", "-fmax-errors", "-Wno-interference")
DROPPED_WITH_VALUE = {"-o", "-MT", "-MF"}


def clang_arguments(entry):
    """The compile command's flags as clang takes them, without launcher, compiler, source and output."""
    words = shlex.split(entry["command"])
    start = next(i for i, word in enumerate(words) if pathlib.Path(word).name.startswith(("g++", "c++", "clang++")))
    arguments = []
    skip = False
    for word in words[start + 1:]:
        if skip:
            skip = False
        elif word in DROPPED_WITH_VALUE:
            skip = True
        elif word == "-c" or word == entry["file"] or word in DROPPED or word.startswith(DROPPED_PREFIXES):
            continue
        else:
            arguments.append(word)
    return arguments + CLANG_FLAGS


def hash_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def with_headers(path, root):
    """The source and all headers of ours that it includes, directly or through others."""
    seen = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen[file] = file.read_bytes()
        for name in INCLUDE.findall(seen[file].decode(errors="replace")):
            waiting += [found for found in (root / "src" / name, file.parent / name) if found.is_file()]
    return [part for file in sorted(seen) for part in (file.relative_to(root), seen[file])]


def project_sources(root, build):
    """Source → its first compile command."""
    commands = json.loads((build / "compile_commands.json").read_text())
    sources = {}
    for entry in commands:
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        # Test frameworks' macros break half of the rules; the product is what is checked.
        if path.is_relative_to(root / "src") and not path.name.endswith("_test.cc") and path.exists():
            sources.setdefault(path, entry)
    return sources


def run_tidy(path, entry, root):
    command = [TOOL, "--quiet", f"--config-file={root / '.clang-tidy'}", str(path), "--", *clang_arguments(entry)]
    started = time.monotonic()
    result = subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)
    return result.returncode, result.stdout + (result.stderr if result.returncode else ""), time.monotonic() - started


def forget_old(cache):
    for entry in cache.iterdir():
        if time.time() - entry.stat().st_mtime > CACHE_AGE_S_MAX:
            entry.unlink(missing_ok=True)


def main():
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    if not shutil.which(TOOL):
        sys.exit(f"tidy: {TOOL} is not installed")
    sources = project_sources(root, build)
    if not sources:
        sys.exit(f"tidy: {build}/compile_commands.json names no source of the project")

    cache = root / "build" / "tidy-cache"
    cache.mkdir(parents=True, exist_ok=True)
    forget_old(cache)
    version = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
    common = hash_of(version, (root / ".clang-tidy").read_bytes())
    keys = {path: hash_of(common, " ".join(clang_arguments(entry)), *with_headers(path, root))
            for path, entry in sources.items()}
    to_do = [path for path in sources if not (cache / keys[path]).exists()]
    print(f"tidy: {len(sources)} files, {len(sources) - len(to_do)} known to pass", flush=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = {pool.submit(run_tidy, path, sources[path], root): path for path in to_do}
        for run in concurrent.futures.as_completed(runs):
            path = runs[run]
            code, output, took_s = run.result()
            print(f"{'ok    ' if code == 0 else 'FAILED'} {path.relative_to(root)} {took_s:.1f} s", flush=True)
            if code == 0:
                (cache / keys[path]).touch()
            else:
                failed += 1
                print(output, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
