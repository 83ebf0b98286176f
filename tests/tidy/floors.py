#!/usr/bin/python3
"""Checks that every folder under src includes only floors below it (the tour of the code in README.md).

    floors.py ROOT          checks ROOT/src, prints file:line for every breach, exits 1 if there is one
    floors.py --self-test   proves on small trees that each rule can fail

From the lowest floor up: base, core, ports, storage, [adapters], shard, service, routing, api, apps. An adapter sees
base, core, ports, storage and its own folder, and nobody else sees storage; only apps names an adapter. Beside them is
net, an HTTP server and a link between nodes that know no packet: it sees base alone, and routing and what is above may
use it. An include of ours is written in quotes from the src root.
"""

import pathlib
import re
import sys
import tempfile
import unittest

FLOORS = ["base", "core", "ports", "storage", "shard", "service", "routing", "api", "apps"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = {".h", ".cc"}


def folder_of(parts):
    """The floor, net, or adapters/NAME, that a path relative to src belongs to; None when it is none of them."""
    if parts[0] == "adapters":
        return "/".join(parts[:2]) if len(parts) > 2 else None
    return parts[0] if parts[0] in [*FLOORS, "net"] and len(parts) > 1 else None


def breach(includer, included):
    """Why a file of folder `includer` may not include one of folder `included`; None when it may."""
    if includer == included:
        return None
    if included.startswith("adapters/"):
        return None if includer == "apps" else f"only apps names an adapter, and this is {includer}"
    if includer == "net":
        return None if included == "base" else f"net sees base alone, and this is {included}"
    if included == "net":
        is_above = includer in FLOORS and FLOORS.index(includer) >= FLOORS.index("routing")
        return None if is_above else f"net is for routing and what is above, and this is {includer}"
    if includer.startswith("adapters/"):
        if FLOORS.index(included) > FLOORS.index("storage"):
            return f"an adapter sees no floor above storage, and this is {included}"
        return None
    if included == "storage":
        return f"only adapters see storage, and this is {includer}"
    if FLOORS.index(included) > FLOORS.index(includer):
        return f"{included} is a higher floor than {includer}"
    return None


def check_line(src, path, includer, line):
    """The breach in one line, or None."""
    match = INCLUDE.match(line)
    if not match:
        return None
    quote, name = match.groups()
    is_ours = (src / name).is_file()
    if quote == "<":
        return f"<{name}> is ours: write it in quotes" if is_ours else None
    if not is_ours or name != pathlib.PurePosixPath(name).as_posix() or ".." in name.split("/"):
        return f'"{name}" is no file from the src root'
    included = folder_of(pathlib.PurePosixPath(name).parts)
    return breach(includer, included) if included else f'"{name}" is in no known folder'


def breaches(root):
    src = pathlib.Path(root) / "src"
    found = []
    for path in sorted(p for p in src.rglob("*") if p.suffix in SOURCES):
        relative = path.relative_to(src)
        includer = folder_of(relative.parts)
        if includer is None:
            found.append(f"src/{relative}:1: is in no known folder")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            why = check_line(src, path, includer, line)
            if why:
                found.append(f"src/{relative}:{number}: {why}")
    return found


class FloorsCanFail(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name in ["base/b.h", "core/c.h", "ports/p.h", "storage/t.h", "adapters/one/a.h", "adapters/two/a.h", "shard/s.h",
                         "service/v.h", "net/n.h", "net/link/k.h", "routing/r.h", "api/i.h", "apps/load/l.h"]:
                self.write(root, name, "#pragma once\n")
            for name, text in files.items():
                self.write(root, name, text)
            return breaches(root)

    @staticmethod
    def write(root, name, text):
        path = pathlib.Path(root) / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def test_a_good_tree_passes(self):
        self.assertEqual([], self.check({
            "core/x.cc": '#include "core/c.h"\n#include <vector>\n#include "base/b.h"\n',
            "adapters/one/x.cc": '#include "adapters/one/a.h"\n#include "ports/p.h"\n#include "storage/t.h"\n',
            "storage/x.cc": '#include "ports/p.h"\n',
            "net/link/x.cc": '#include "base/b.h"\n#include "net/n.h"\n#include "net/link/k.h"\n',
            "routing/x.cc": '#include "service/v.h"\n#include "net/link/k.h"\n',
            "api/x.cc": '#include "service/v.h"\n#include "shard/s.h"\n#include "routing/r.h"\n#include "net/n.h"\n',
            "apps/x.cc": '#include "adapters/one/a.h"\n#include "adapters/two/a.h"\n#include "api/i.h"\n',
            "apps/load/x.cc": '#include "apps/load/l.h"\n#include "adapters/one/a.h"\n'}))

    def test_every_higher_floor_is_named_with_file_and_line(self):
        headers = dict(zip(FLOORS, ["b", "c", "p", "t", "s", "v", "r", "i"]))
        for low, lower in enumerate(FLOORS[:-2]):
            for higher in (floor for floor in FLOORS[low + 1:-1] if floor != "storage"):
                with self.subTest(lower=lower, higher=higher):
                    found = self.check({f"{lower}/x.cc": f'// one\n#include "{higher}/{headers[higher]}.h"\n'})
                    self.assertEqual([f"src/{lower}/x.cc:2: {higher} is a higher floor than {lower}"], found)

    def test_nobody_but_apps_includes_apps(self):
        self.assertEqual(1, len(self.check({"api/x.cc": '#include "apps/load/l.h"\n'})))

    def test_only_adapters_see_storage(self):
        for floor in [floor for floor in FLOORS if floor != "storage"]:
            with self.subTest(floor=floor):
                self.assertEqual([f"src/{floor}/x.cc:1: only adapters see storage, and this is {floor}"],
                                 self.check({f"{floor}/x.cc": '#include "storage/t.h"\n'}))

    def test_an_adapter_sees_neither_another_nor_a_floor_above_storage(self):
        for name in ["adapters/two/a.h", "shard/s.h", "service/v.h", "net/n.h", "routing/r.h", "api/i.h",
                     "apps/load/l.h"]:
            with self.subTest(name=name):
                self.assertEqual(1, len(self.check({"adapters/one/x.cc": f'#include "{name}"\n'})))

    def test_net_sees_base_alone_and_is_seen_from_routing_on(self):
        for name in ["core/c.h", "ports/p.h", "shard/s.h", "service/v.h", "routing/r.h", "api/i.h", "apps/load/l.h",
                     "adapters/one/a.h"]:
            with self.subTest(name=name):
                self.assertEqual(1, len(self.check({"net/link/x.cc": f'#include "{name}"\n'})))
        for floor in ["base", "core", "ports", "adapters/one", "shard", "service"]:
            with self.subTest(floor=floor):
                self.assertEqual(1, len(self.check({f"{floor}/x.cc": '#include "net/link/k.h"\n'})))

    def test_only_apps_names_an_adapter(self):
        for floor in [*FLOORS[:-1], "net"]:
            with self.subTest(floor=floor):
                self.assertEqual(1, len(self.check({f"{floor}/x_test.cc": '#  include "adapters/one/a.h"\n'})))

    def test_includes_are_written_from_the_src_root(self):
        for include in ['"c.h"', '"./core/c.h"', '"../core/c.h"', '"core/../base/b.h"', '"src/core/c.h"', '"vector"',
                        "<core/c.h>"]:
            with self.subTest(include=include):
                self.assertEqual(1, len(self.check({"core/x.cc": f"#include {include}\n"})))

    def test_files_outside_the_known_folders_are_refused(self):
        self.assertEqual(["src/util/x.cc:1: is in no known folder"], self.check({"util/x.cc": ""}))


def main():
    if sys.argv[1:] == ["--self-test"]:
        unittest.main(argv=["floors"])
    found = breaches(sys.argv[1])
    print("\n".join(found) or "floors: every folder includes only lower ones")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
