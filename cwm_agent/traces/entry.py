"""The context of a trace: ordinary source in which the entry's `def` line carries the start marker."""

from __future__ import annotations

import ast
import io
import re
import tokenize

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.grammar import START_MARKER
from cwm_agent.traces.raw import RawFrame

_LINE_END = re.compile(r"\r\n|\r|\n")
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Entry(Struct, frozen=True):
    """A marked context: `line` is the entry's `def` line in `text`, from 1, `source` that line without the marker."""

    text: str
    function: str
    line: int
    source: str

    def call(self, arguments: dict[str, str] | None = None) -> RawFrame:
        """The call frame that seeds the trace, with these locals (name → repr); the marker is not repeated."""
        return RawFrame(event=FrameKind.CALL, source=self.source + "\n", locals=arguments or {})


def source_lines(source: str) -> list[str]:
    """The lines as Python counts them: form feeds and the other separators of Unicode end none."""
    return _LINE_END.split(source)


def without_marker(line: str) -> str:
    """The line without its end, the marker, and the blanks at its end."""
    return line.rstrip().removesuffix(START_MARKER).rstrip()


def parse(source: str) -> ast.Module:
    """The syntax tree; UsageError says why there is none."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise UsageError(f"The source does not parse: line {error.lineno}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"The source does not parse: {error}.") from error


def _named(tree: ast.Module, name: str) -> Function:
    """The last definition of this (possibly dotted) name: the one that counts when the module has run."""
    found: Function | None = None
    body: list[ast.stmt] = tree.body
    *outer, last = name.split(".")
    for part in outer:
        inner = [node for node in body if isinstance(node, (ast.ClassDef, Function)) and node.name == part]
        body = inner[-1].body if inner else []
    for node in body:
        if isinstance(node, Function) and node.name == last:
            found = node
    if found is None:
        raise UsageError(f"There is no function {name} in the source.", remedy="Name one that it defines with `def`.")
    return found


def _is_comment(marked: str, number: int) -> bool:
    """Whether the text is still Python, and the marker at the end of this line a comment of its own."""
    try:
        ast.parse(marked)
        for token in tokenize.generate_tokens(io.StringIO(marked).readline):
            if token.start[0] == number and token.type == tokenize.COMMENT:
                return token.string.endswith(START_MARKER.strip())
    except (SyntaxError, tokenize.TokenError):
        pass
    return False


def mark(source: str, function: str) -> Entry:
    """The source with the marker on the `def` line of `function`, which may be dotted: `Class.method`.

    Where a comment cannot stand at the end of that line, the marker is on a later line of the signature.
    """
    tree = parse(source)
    node = _named(tree, function)
    lines = source_lines(source)
    for number in range(node.lineno, max(node.lineno, node.body[0].lineno) + 1):
        plain = without_marker(lines[number - 1])
        marked = "\n".join([*lines[: number - 1], plain + START_MARKER, *lines[number:]])
        if _is_comment(marked, number):
            return Entry(marked, node.name, node.lineno, without_marker(lines[node.lineno - 1]))
    raise UsageError(f"The start of {function} cannot be marked: its signature has no line that can end in a comment.")


def wrap(source: str, call: str) -> Entry:
    """The source with a marked `main` after it that returns `call`, so that the inputs are pinned.

    Where the source uses the name `main`, the function gets underscores in front.
    """
    tree = parse(source)
    try:
        expression = ast.parse(call.strip(), mode="eval")
        call = ast.unparse(expression) if "\n" in call.strip() else call.strip()
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"Not a call expression: {call}", remedy="Write it as in Python: `f(1, 2)`.") from error
    taken = {node.id for tree in (tree, expression) for node in ast.walk(tree) if isinstance(node, ast.Name)}
    taken |= {node.name for node in ast.walk(tree) if isinstance(node, (Function, ast.ClassDef))}
    name = "main"
    while name in taken:
        name = f"_{name}"
    before = "\n".join(source_lines(source)).rstrip("\n")
    before = before + "\n\n\n" if before else ""
    header = f"def {name}():"
    text = f"{before}{header}{START_MARKER}\n    return {call}\n"
    return Entry(text, name, before.count("\n") + 1, header)
