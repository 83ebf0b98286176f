#!/usr/bin/python3
"""Runs clang-tidy over every C++ file of src, tests and bench that the build compiles:  tidy.py ROOT BUILD_DIR

The checks are the allow-list in ROOT/.clang-tidy, and for tests and bench what ROOT/tests/.clang-tidy leaves of it.
Sources of a target are read together, a few at a time, as a unity build compiles them: most of clang-tidy's time goes
into headers that all of them include. What passed is remembered in ROOT/build/tidy-cache under a hash of the flags, the
checks, the tool's version, the sources and every header of ours that they include, so that a second run is quick; what
failed is never remembered.
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
CONFIG = ".clang-tidy"
PLACES = ("src", "tests", "bench")
JOBS = 2
TOGETHER_MAX = 8  # as CMAKE_UNITY_BUILD_BATCH_SIZE in CMakePresets.json
TARGET = re.compile(r" -o (\S+?\.dir)/")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
CACHE_AGE_S_MAX = 30 * 24 * 3600
# libstdc++ 12 hides std::expected from clang unless it claims g++'s level of concepts.
CLANG_FLAGS = ["-std=c++2b", "-D__cpp_concepts=202002L", "-Wno-builtin-macro-redefined", "-Wno-macro-redefined"]
# What g++ knows and clang does not, and what has no meaning without a compilation.
DROPPED = {"-Werror", "-fcoroutines", "-fconcepts", "-Wno-maybe-uninitialized", "-Wno-stringop-overflow",
           "-Winvalid-pch", "-MD"}
DROPPED_PREFIXES = ("-std=", "-fsanitize=", "-fno-sanitize", "-fmax-errors", "-Wno-interference", "--param=")
DROPPED_WITH_VALUE = {"-o", "-MT", "-MF", "-include"}  # the last one is g++'s precompiled header


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


def with_headers(paths, root):
    """The sources and all headers of ours that they include, directly or through others."""
    seen = {}
    waiting = list(paths)
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen[file] = file.read_bytes()
        for name in INCLUDE.findall(seen[file].decode(errors="replace")):
            found = [folder / name for folder in (*(root / place for place in PLACES), file.parent)]
            waiting += [header for header in found if header.is_file()]
    return [part for file in sorted(seen) for part in (file.relative_to(root), seen[file])]


def project_sources(root, build):
    """Source → its first compile command."""
    commands = json.loads((build / "compile_commands.json").read_text())
    sources = {}
    for entry in commands:
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        paths = [path]
        if path.parent.name == "Unity":
            paths = [pathlib.Path(name) for name in INCLUDE.findall(path.read_text())]
        for path in paths:
            if any(path.is_relative_to(root / place) for place in PLACES) and path.exists():
                sources.setdefault(path, entry)
    return sources


def is_product(path, root):
    return path.is_relative_to(root / "src") and not path.name.endswith("_test.cc")


def groups_of(sources, root):
    """(flags, directory, configuration, sources) of each run: sources of one target, whose names do not collide."""
    alike = {}
    for path, entry in sources.items():
        target = TARGET.search(entry["command"])[1]
        config = root / CONFIG if is_product(path, root) else root / "tests" / CONFIG
        alike.setdefault((tuple(clang_arguments(entry)), entry["directory"], config, target), []).append(path)
    return [(flags, directory, config, tuple(paths[i:i + TOGETHER_MAX]))
            for (flags, directory, config, _), paths in alike.items() for i in range(0, len(paths), TOGETHER_MAX)]


def run_tidy(group, name, root, cache):
    flags, directory, config, paths = group
    together = cache / f"{name}.cc"
    together.write_text("".join(f'#include "{path}"  // NOLINT\n' for path in paths))
    started = time.monotonic()
    command = [TOOL, "--quiet", f"--config-file={config}", str(together), "--", *flags]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    together.unlink()
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
    checks = (root / CONFIG).read_bytes() + (root / "tests" / CONFIG).read_bytes()
    groups = {hash_of(version, checks, group[2].relative_to(root), *group[0], *with_headers(group[-1], root)): group
              for group in groups_of(sources, root)}
    to_do = {key: group for key, group in groups.items() if not (cache / key).exists()}
    print(f"tidy: {len(sources)} files in {len(groups)} groups, {len(groups) - len(to_do)} known to pass", flush=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = {pool.submit(run_tidy, group, key, root, cache): key for key, group in to_do.items()}
        for run in concurrent.futures.as_completed(runs):
            key = runs[run]
            code, output, took_s = run.result()
            names = " ".join(str(path.relative_to(root)) for path in to_do[key][-1])
            print(f"{'ok    ' if code == 0 else 'FAILED'} {took_s:.1f} s  {names}", flush=True)
            if code == 0:
                (cache / key).touch()
            else:
                failed += 1
                print(output, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
