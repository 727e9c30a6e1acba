#!/usr/bin/env python3
"""Checks the size of files and functions of src/ and tests/. check_budget.py [ROOT]

What may be over is in budget_exceptions.txt: `path:function reason`, or `path:- reason` for a
file that is too long. Brace depth counts the body of the function as 1 and leaves initialisers out;
complexity is 1 and one for each if, for, while, case, ?, && and ||."""
import sys
from pathlib import Path

from ctokens import BLOCK_KEYWORDS, Function, Token, closing, functions, report, source_files

FILE_LINES = 800
LIMITS = {"lines": 80, "complexity": 20, "brace depth": 4, "parameters": 5}
BRANCHES = {"if", "for", "while", "case", "?", "&&", "||"}


def complexity(body: list[Token]) -> int:
    return 1 + sum(t.text in BRANCHES and t.kind in ("name", "sign") for t in body)


def opens_block(before: list[Token]) -> bool:
    """Whether the brace that follows these tokens opens a block rather than an initialiser."""
    if not before or before[-1].text in ("{", "}", ";", ":", "else", "do", "("):
        return True
    if before[-1].text != ")":
        return False
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        if before[i].kind == "sign":
            depth += (before[i].text == ")") - (before[i].text == "(")
        if depth == 0:   # `if (...) {` and a macro's `for_each(...) {`; not `(struct x){`
            name = before[i - 1] if i else None
            return bool(name) and name.kind == "name" and (
                name.text in BLOCK_KEYWORDS or name.text not in ("return", "sizeof"))
    return False


def brace_depth(body: list[Token], depth: int = 1) -> int:
    deepest, i = depth, 0
    while i < len(body):
        if body[i].kind == "sign" and body[i].text == "{":
            end = closing(body, i)
            if opens_block(body[:i]):
                deepest = max(deepest, brace_depth(body[i + 1:end], depth + 1))
            i = end
        i += 1
    return deepest


def measure(function: Function) -> dict[str, int]:
    return {"lines": function.end_line - function.line + 1,
            "complexity": complexity(function.body),
            "brace depth": brace_depth(function.body),
            "parameters": function.parameters}


def check_text(text: str) -> list[tuple[str, int, str]]:
    """What is over the budget in one file: (function or "-", line, words)."""
    problems = []
    lines = text.count("\n")
    if lines > FILE_LINES:
        problems.append(("-", FILE_LINES, f"{lines} lines (at most {FILE_LINES})"))
    for function in functions(text):
        for what, value in measure(function).items():
            if value > LIMITS[what]:
                problems.append((function.name, function.name_line,
                                 f"{function.name}: {what} {value} (at most {LIMITS[what]})"))
    return problems


def read_exceptions(text: str) -> dict[str, str]:
    rows = (row.split(None, 1) for row in text.splitlines() if row.strip() and row[0] != "#")
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def check_tree(texts: dict[str, str], exceptions: dict[str, str]) -> list[str]:
    """All that is over the budget without an exception, and exceptions that are not needed."""
    problems, used = [], set()
    for path, text in texts.items():
        for name, line, words in check_text(text):
            key = f"{path}:{name}"
            if key in exceptions:
                used.add(key)
            else:
                problems.append(f"{path}:{line}: {words}")
    for key, reason in exceptions.items():
        if key not in used:
            problems.append(f"tools/budget_exceptions.txt: {key} is within the budget")
        if not reason:
            problems.append(f"tools/budget_exceptions.txt: {key} has no reason")
    return problems


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    texts = {file.relative_to(root).as_posix(): file.read_text()
             for file in source_files(root, {"src": r"\.[ch]$", "tests": r"\.[ch]$"})}
    exceptions = read_exceptions((root / "tools/budget_exceptions.txt").read_text())
    return report(check_tree(texts, exceptions))


if __name__ == "__main__":
    sys.exit(main())
