#!/usr/bin/env python3
"""Prints which part of lines and branches was run, by folder: scripts/coverage_table.py lcov.info core/src

A file of tests, what follows `#[cfg(test)]` before a module in a file, and the folder `testing`, the tests for backends, is not counted.
"""

import collections
import os
import re
import sys

path, root = sys.argv[1], os.path.abspath(sys.argv[2])
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(#\[.*\n)*mod (\w+)( \{|;)", re.MULTILINE)


def source(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


# Modules of tests in files of their own, and in each file the line from which on there are tests only.
apart, ends = {os.path.join(root, "testing")}, {}
for folder, _, names in os.walk(root):
    for name in names:
        text = source(os.path.join(folder, name)) if name.endswith(".rs") else ""
        for found in TESTS.finditer(text):
            if found[3] == ";":
                stem = "" if name in ("mod.rs", "lib.rs") else name[:-3]
                apart.add(os.path.join(folder, stem, found[2]))
            else:
                ends[os.path.join(folder, name)] = text.count("\n", 0, found.start()) + 1


def is_counted(name, line):
    is_test = any(name == it + ".rs" or name.startswith(it + os.sep) for it in apart)
    return name.startswith(root + os.sep) and not is_test and line < ends.get(name, sys.maxsize)


lines, branches = {}, {}
with open(path, encoding="utf-8") as file:
    name = ""
    for entry in map(str.strip, file):
        kind, _, rest = entry.partition(":")
        if kind == "SF":
            name = rest
        elif kind == "DA":
            line, count = rest.split(",")[:2]
            if is_counted(name, int(line)):
                lines[name, int(line)] = lines.get((name, int(line)), 0) + int(count)
        elif kind == "BRDA":
            line, block, branch, count = rest.split(",")
            if is_counted(name, int(line)):
                key = (name, int(line), block, branch)
                branches[key] = branches.get(key, 0) + (0 if count == "-" else int(count))

folders = collections.defaultdict(lambda: [0, 0, 0, 0])
for at, them in ((0, lines), (2, branches)):
    for key, count in them.items():
        folder = os.path.relpath(os.path.dirname(key[0]), root)
        # One level, and one more below `backend`.
        parts = folder.split(os.sep)
        folder = "/".join(parts[: 2 if parts[0] == "backend" else 1])
        for row in (folders[folder], folders["all of it"]):
            row[at] += count > 0
            row[at + 1] += 1

if not lines or not branches:
    sys.exit("nothing was counted")
print(f"{root.removeprefix(os.getcwd() + os.sep):24} {'lines run':>22} {'branches run':>22}")
for folder in sorted(folders, key=lambda it: (it == "all of it", it)):
    row = folders[folder]
    shown = [f"{run:,} of {all_:,} {100 * run / all_:6.1f} %" if all_ else "-" for run, all_ in (row[:2], row[2:])]
    print(f"{'files beside' if folder == '.' else folder:24} {shown[0]:>22} {shown[1]:>22}")
