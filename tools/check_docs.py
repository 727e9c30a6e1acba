#!/usr/bin/env python3
"""Checks that docs/api.md is complete: it names in backticks every JSON member of the field tables, and has
a heading for every route and for nothing else. check_docs.py [ROOT]"""
import re
import sys
from pathlib import Path

from ctokens import report, without_comments

DOCUMENT = "docs/api.md"
ROUTES = "src/api/api_routes.c"
TABLES = ["src/domain/lead.c", "src/domain/project.c", "src/domain/order.c", "src/domain/model_file.c", "src/domain/company.c", "src/api/company_api.c", "src/domain/job.c",
          "src/api/lead_body.c", "src/api/order_answer.c", "src/api/order_api.c", "src/api/project_api.c", "src/api/job_api.c",
          "src/store/job_admin_store.c"]
# Stands for the member "address" while a body is read.
INTERNAL = {"address_json"}

FIELD = re.compile(r"\bFIELD_AS_\w+\(\s*struct\s+\w+\s*,\s*(\w+)")
ALIASES = re.compile(r"\.alias\s*=\s*\{([^}]*)\}")
ROUTE = re.compile(r'\{\s*HTTP_(\w+)\s*,\s*"([^"]+)"')
HEADING = re.compile(r"^### `(\w+ /[^`]*)`$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def members(text: str) -> list[str]:
    """The JSON names in the field tables of a C file, with their other spellings."""
    text = without_comments(text)
    fields = list(FIELD.finditer(text))
    names = []
    for field, end in zip(fields, [f.start() for f in fields[1:]] + [len(text)]):
        entry = text[field.end():end].split("};")[0]
        if "FIELD_NO_JSON" in entry or field[1] in INTERNAL:
            continue
        names.append(field[1])
        for aliases in ALIASES.finditer(entry):
            names += re.findall(r'"([^"]+)"', aliases[1])
    return names


def named(document: str) -> set[str]:
    """The words that stand in backticks outside of examples; of `files[].size` also `size`."""
    words = set(re.findall(r"`([^`\n]+)`", FENCE.sub("", document)))
    return words | {word.rsplit(".", 1)[-1] for word in words}


def check(document: str, routes: str, tables: dict[str, str]) -> list[str]:
    """All that is missing from the document, and routes that it has beyond the program's."""
    problems, words = [], named(document)
    for file, text in tables.items():
        names = members(text)
        if not names:
            problems.append(f"{file}: no field table was found")
        problems += [f"{DOCUMENT}: `{name}` of {file} is missing"
                     for name in dict.fromkeys(names) if name not in words]
    wanted = {f"{method} {pattern}" for method, pattern in ROUTE.findall(without_comments(routes))}
    headings = set(HEADING.findall(document))
    if not wanted:
        problems.append(f"{ROUTES}: no route was found")
    problems += [f"{DOCUMENT}: the heading of `{route}` is missing" for route in sorted(wanted - headings)]
    problems += [f"{DOCUMENT}: `{route}` is no route" for route in sorted(headings - wanted)]
    return problems


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent)
    tables = {file: (root / file).read_text() for file in TABLES}
    return report(check((root / DOCUMENT).read_text(), (root / ROUTES).read_text(), tables))


if __name__ == "__main__":
    sys.exit(main())
