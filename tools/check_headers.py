#!/usr/bin/env python3
"""Checks each header of src/: it has a guard, it compiles on its own, and every function in it has a
comment above that starts with the function's name. check_headers.py [ROOT]

Declarations that follow each other without a blank line share one comment, which starts with the
name of any of them."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ctokens import Function, functions, report, source_files, without_comments

GUARD = re.compile(r"\A\s*#\s*ifndef\s+(\w+)\s*\n\s*#\s*define\s+(\w+)\s*\n")


def check_guard(text: str) -> list[str]:
    match = GUARD.match(without_comments(text))
    return [] if match and match[1] == match[2] else ["no header guard"]


def comment_above(lines: list[str], line: int) -> list[str]:
    """The // comment that ends just above the line (counted from 1)."""
    end = line - 1
    start = end
    while start > 0 and lines[start - 1].strip().startswith("//"):
        start -= 1
    return [text.strip()[2:].strip() for text in lines[start:end]]


def names_one(comment: list[str], names: set[str]) -> bool:
    """Whether a line of the comment starts with one of the names."""
    return any(re.split(r"\W", line, maxsplit=1)[0] in names for line in comment)


def is_commented(lines: list[str], group: list[Function]) -> bool:
    names = {function.name for function in group}
    return any(names_one(comment_above(lines, line), names)
               for line in range(group[0].line, group[0].name_line + 1))


def check_comments(text: str) -> list[str]:
    """The functions that have no comment, as `line: words`."""
    lines = text.splitlines()
    problems, group = [], []

    def close_group():
        if group and not is_commented(lines, group):
            problems.extend(f"{f.name_line}: no comment starts with {f.name}" for f in group)
        group.clear()

    for function in functions(text):
        if group and function.line != group[-1].end_line + 1:
            close_group()
        group.append(function)
    close_group()
    return problems


def package_flags(root: Path) -> list[str]:
    """The compiler flags of all libraries in layers.txt that are installed."""
    rows = (row.split("|") for row in (root / "tools/layers.txt").read_text().splitlines()
            if row.startswith("layer "))
    flags = []
    for package in sorted({package for row in rows for package in row[2].split()}):
        found = subprocess.run(["pkg-config", "--cflags", package], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        flags += found.stdout.split()
    return flags


def check_compiles(root: Path, file: str, flags: list[str]) -> list[str]:
    compiler = os.environ.get("CC", "cc")
    found = subprocess.run(
        [compiler, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
         "-Isrc", *flags, "-x", "c", "-"], cwd=root, input=f'#include "{file}"\n', text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [f"does not compile on its own\n{found.stdout}"] if found.returncode else []


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    flags = package_flags(root)

    def check(path: Path) -> list[str]:
        text = path.read_text()
        file = path.relative_to(root / "src").as_posix()
        problems = check_guard(text) + check_compiles(root, file, flags)
        return [f"src/{file}: {p}" for p in problems] + [
            f"src/{file}:{p}" for p in check_comments(text)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(check, source_files(root, {"src": r"\.h$"})))
    return report([problem for problems in results for problem in problems])


if __name__ == "__main__":
    sys.exit(main())
