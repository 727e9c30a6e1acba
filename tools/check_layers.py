#!/usr/bin/env python3
"""Checks src/ against tools/layers.txt: who includes whom, who may use which library or word, that
file names are unique and that headers make no circles. check_layers.py [ROOT]"""
import re
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ctokens import report, source_files, without_comments

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


@dataclass
class Rules:
    layers: dict[str, set[str]] = field(default_factory=dict)     # name -> what it may include
    headers: dict[str, list[str]] = field(default_factory=dict)   # library header -> files
    words: dict[str, list[str]] = field(default_factory=dict)     # text -> files


def read_rules(text: str) -> Rules:
    rules = Rules()
    for row in text.splitlines():
        if not row.strip() or row.startswith("#"):
            continue
        kind, rest = row.split(None, 1)
        name, *columns = (column.strip() for column in re.split(r"\|(?![^`]*`)", rest))
        if kind == "layer":
            rules.layers[name] = set(rules.layers if columns[0] == "*" else columns[0].split())
        elif kind == "header":
            rules.headers[name] = columns[0].split()
        elif kind == "word":
            rules.words[name.strip("`")] = columns[0].split()
        else:
            raise SystemExit(f"layers.txt: cannot read: {row}")
    for name, uses in rules.layers.items():
        for unknown in uses - set(rules.layers):
            raise SystemExit(f"layers.txt: {name} uses {unknown}, which is no layer")
    return rules


def matches(file: str, patterns: list[str]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


def check_include(rules: Rules, file: str, quote: str, target: str) -> str | None:
    """What is wrong with one #include of file (named from src/), or None."""
    if target in rules.headers:
        allowed = rules.headers[target]
        return None if matches(file, allowed) else f"<{target}> is for {' '.join(allowed)} only"
    if quote == "<":
        return None
    layer, below = file.split("/")[0], target.split("/")[0]
    if below not in rules.layers or "/" not in target:
        return f'"{target}" does not name a layer'
    if below != layer and below not in rules.layers[layer]:
        return f'layer {layer} may not include "{target}"'
    return None


def check_file(rules: Rules, file: str, text: str) -> list[str]:
    """All that is wrong within one file."""
    layer, *rest = file.split("/")
    if layer not in rules.layers or len(rest) != 1:
        return [f"src/{file}: not in the folder of a layer"]
    problems = []
    text = without_comments(text)
    for match in INCLUDE.finditer(text):
        problem = check_include(rules, file, match[1], match[2])
        if problem:
            problems.append((match.start(), problem))
    for word, allowed in rules.words.items():
        if not matches(file, allowed):
            for match in re.finditer(re.escape(word), text):
                problems.append((match.start(), f"{word} is for {' '.join(allowed)} only"))
    return [f"src/{file}:{text.count(chr(10), 0, at) + 1}: {what}" for at, what in sorted(problems)]


def check_names(files: list[str]) -> list[str]:
    """File names that occur twice."""
    first, problems = {}, []
    for file in files:
        name = file.rsplit("/", 1)[-1]
        if name in first:
            problems.append(f"src/{file}: src/{first[name]} has the same name")
        first.setdefault(name, file)
    return problems


def check_circles(texts: dict[str, str]) -> list[str]:
    """Headers that include themselves by way of others."""
    edges = {file: [m[2] for m in INCLUDE.finditer(without_comments(text)) if m[2] in texts]
             for file, text in texts.items() if file.endswith(".h")}
    problems, done = [], set()

    def visit(file, path):
        if file in path:
            circle = path[path.index(file):] + [file]
            problems.append("src/" + file + ": headers make a circle: " + " -> ".join(circle))
        elif file not in done:
            for target in edges.get(file, []):
                visit(target, path + [file])
            done.add(file)

    for file in edges:
        visit(file, [])
    return problems


def check_tree(rules: Rules, texts: dict[str, str]) -> list[str]:
    """All that is wrong with a tree, given as file name (from src/) -> text."""
    problems = [problem for file, text in texts.items() for problem in check_file(rules, file, text)]
    return problems + check_names(list(texts)) + check_circles(texts)


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    rules = read_rules((root / "tools/layers.txt").read_text())
    texts = {file.relative_to(root / "src").as_posix(): file.read_text()
             for file in source_files(root, {"src": r"\.[ch]$"})}
    return report(check_tree(rules, texts))


if __name__ == "__main__":
    sys.exit(main())
