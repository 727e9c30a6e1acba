#!/usr/bin/env python3
"""Writes a C file that holds SQL migrations: embed.py OUTPUT.c FILE.sql..."""
import os
import sys

ESCAPES = {ord(c): "\\" + c for c in "\\\"?"} | {ord("\n"): "\\n", ord("\t"): "\\t"}


def c_string(line: bytes) -> str:
    """One line as a C literal; other than printable ASCII as octal, which never eats what follows."""
    return '"' + "".join(
        ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in line) + '"'


def migrations_source(files: list[tuple[str, bytes]]) -> str:
    """The C source for (name, text) pairs, sorted by name and ended by an empty entry."""
    out = ["// Made by tools/embed.py from db/migrations.", '#include "sql/migration_list.h"', "",
           "const struct migration_file migration_files[] = {"]
    for name, text in sorted(files):
        lines = text.splitlines(keepends=True) or [b""]
        out.append(f"    {{.name = {c_string(name.encode())},")
        out.append("     .text = " + "\n             ".join(map(c_string, lines)) + ",")
        out.append(f"     .text_len = {len(text)}}},")
    out += ["    {0},", "};", "", f"const size_t migration_file_count = {len(files)};", ""]
    return "\n".join(out)


def main() -> None:
    output, *paths = sys.argv[1:]
    files = []
    for path in paths:
        with open(path, "rb") as f:
            files.append((os.path.basename(path), f.read()))
    os.makedirs(os.path.dirname(output), exist_ok=True)
    with open(output, "w", encoding="ascii") as f:
        f.write(migrations_source(files))


if __name__ == "__main__":
    main()
