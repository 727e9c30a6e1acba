"""Splits C source into tokens and finds the functions in it, for the checks in this folder."""
import re
from dataclasses import dataclass, field
from pathlib import Path

PIECES = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
      | (?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*")
      | (?P<char>[uUL]?'(?:\\.|[^'\\\n])*')
      | (?P<directive>(?m:^)[ \t]*\#(?:/\*.*?\*/|//[^\n]*|\\\n|[^\n])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<space>(?:\s|\\\n)+)
      | (?P<sign>\.\.\.|&&|\|\||.)""", re.VERBOSE | re.DOTALL)

KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "typeof", "__typeof__", "_Alignof",
            "_Alignas", "__attribute__", "_Generic", "_Static_assert", "static_assert", "__asm__"}
BLOCK_KEYWORDS = {"if", "for", "while", "switch"}
OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass
class Token:
    kind: str
    text: str
    line: int


@dataclass
class Function:
    """A function at file scope: a definition, or a declaration whose body is empty."""
    name: str
    line: int           # of the first token of the declaration
    name_line: int
    end_line: int
    is_static: bool
    is_definition: bool
    parameters: int
    body: list = field(default_factory=list)


def tokens(text: str) -> list[Token]:
    """All tokens but white space; comments and directives are one token each."""
    out, line = [], 1
    for match in PIECES.finditer(text):
        if match.lastgroup != "space":
            out.append(Token(match.lastgroup, match.group(), line))
        line += match.group().count("\n")
    return out


def code(text: str) -> list[Token]:
    """The tokens that a compiler would see: no comments, no directives, and of every #if the first
    branch that is not `#if 0`, so that braces balance."""
    out = []
    branches = []   # per open #if: [the current branch counts, one has counted]
    for token in tokens(text):
        if token.kind == "directive":
            word = re.match(r"\s*#\s*(\w*)\s*(.*)", token.text, re.DOTALL)
            if word[1] in ("if", "ifdef", "ifndef"):
                taken = not (word[1] == "if" and word[2].split()[:1] == ["0"])
                branches.append([taken, taken])
            elif word[1] in ("else", "elif") and branches:
                branches[-1] = [not branches[-1][1], True]
            elif word[1] == "endif" and branches:
                branches.pop()
        elif token.kind != "comment" and all(counts for counts, _ in branches):
            out.append(token)
    return out


def without_comments(text: str) -> str:
    """The text with every comment blanked, so that lines keep their numbers."""
    return PIECES.sub(
        lambda m: re.sub(r"[^\n]", " ", m.group()) if m.lastgroup == "comment" else m.group(), text)


def closing(toks: list[Token], start: int) -> int:
    """The index of the bracket that closes the one at start (or the last token)."""
    stack = []
    for i in range(start, len(toks)):
        if toks[i].kind != "sign":
            continue
        if toks[i].text in OPENING:
            stack.append(OPENING[toks[i].text])
        elif stack and toks[i].text == stack[-1]:
            stack.pop()
            if not stack:
                return i
    return len(toks) - 1


def groups(toks: list[Token]) -> list[tuple[int, int]]:
    """The outermost (...) of a run of tokens, as index pairs."""
    out, i = [], 0
    while i < len(toks):
        if toks[i].text in OPENING and toks[i].kind == "sign":
            end = closing(toks, i)
            if toks[i].text == "(":
                out.append((i, end))
            i = end
        i += 1
    return out


def count_parameters(toks: list[Token]) -> int:
    """The number of parameters between the brackets of a declaration, without a final '...'."""
    if not toks or [t.text for t in toks] == ["void"]:
        return 0
    depth, count = 0, 1
    for token in toks:
        depth += (token.text in "([{") - (token.text in ")]}") if token.kind == "sign" else 0
        count += depth == 0 and token.text == ","
    return count - (toks[-1].text == "...")


def is_macro(name: str) -> bool:
    return name.isupper()


def declarator(toks: list[Token]):
    """(name token, its parameters) if the declaration is one of a function, else None.

    Attributes and macros in capitals may stand before and after: MUST_CHECK int f(int) PRINTF(1, 2)."""
    if not toks or toks[0].text == "typedef":
        return None
    for start, end in groups(toks):
        name = toks[start - 1] if start else None
        if start + 2 < end and toks[start + 1].text == "*" and (
                not name or name.text not in KEYWORDS):
            inner = declarator(toks[start + 1:end])   # of a function that returns a function
            if inner:
                return inner
        elif start > 1 and name.kind == "name" and name.text not in KEYWORDS and not is_macro(
                name.text):
            return name, toks[start + 1:end]
    return None


def is_data(toks: list[Token]) -> bool:
    """Whether the declaration has an initialiser, or is one of a type."""
    depth = 0
    for token in toks:
        if token.kind == "sign":
            depth += (token.text in "([{") - (token.text in ")]}")
            if depth == 0 and token.text == "=":
                return True
    return False


def functions(text: str) -> list[Function]:
    """The functions declared or defined at file scope."""
    toks, out, start, i = code(text), [], 0, 0
    while i < len(toks):
        token = toks[i]
        if token.kind == "sign" and token.text in OPENING:
            end = closing(toks, i)
            found = None
            if token.text == "{" and not is_data(toks[start:i]):
                found = declarator(toks[start:i])
            if found:
                out.append(make_function(toks[start:i], found, toks[i + 1:end], toks[end].line))
                start = end + 1
            i = end
        elif token.text == ";" and token.kind == "sign":
            found = None if is_data(toks[start:i]) else declarator(toks[start:i])
            if found:
                out.append(make_function(toks[start:i], found, None, token.line))
            start = i + 1
        i += 1
    return out


def make_function(head: list[Token], found, body, end_line: int) -> Function:
    name, parameters = found
    return Function(name.text, head[0].line, name.line, end_line,
                    any(t.text == "static" for t in head), body is not None,
                    count_parameters(parameters), body or [])


def source_files(root: Path, folders: dict[str, str]) -> list[Path]:
    """The files below root that are in one of the folders and match its pattern, sorted."""
    return sorted(f for folder, pattern in folders.items() for f in (root / folder).rglob("*")
                  if f.is_file() and re.search(pattern, f.name))


def report(problems: list[str]) -> int:
    """Prints the problems; the exit status."""
    for problem in problems:
        print(problem)
    return 1 if problems else 0
