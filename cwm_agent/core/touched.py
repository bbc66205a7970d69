"""Which functions of a file an edit touched."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from msgspec import Struct

from cwm_agent.workspace.changes import Change, Entry

_LONGEST = 4_000


class Touched(Struct, frozen=True):
    """Functions by their qualified names; None are all that the file has, for what stands outside of them changed."""

    functions: frozenset[str] | None

    def has(self, qualname: str) -> bool:
        """Whether this function is among them."""
        return self.functions is None or qualname in self.functions

    def __or__(self, other: Touched) -> Touched:
        if self.functions is None or other.functions is None:
            return Touched(None)
        return Touched(self.functions | other.functions)


def touched(changes: Iterable[Change]) -> dict[str, Touched]:
    """What was touched in each Python file that is still there; paths are relative to the snapshot."""
    found = {}
    for change in changes:
        after = _text(change.new)
        if change.path.endswith(b".py") and after is not None:
            found[change.path.decode("utf-8", "surrogateescape")] = _between(_text(change.old) or "", after)
    return found


def _text(entry: Entry | None) -> str | None:
    try:
        return entry.content.decode("utf-8-sig") if entry else None
    except UnicodeDecodeError:
        return None


def _between(before: str, after: str) -> Touched:
    old, new = before.splitlines(), after.splitlines()
    try:
        spans = list(_functions(ast.parse(after), ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Touched(None)
    names: set[str] = set()
    for start, end in _differing(old, new):
        # Where lines only went, the one before the place and the one behind it tell whose they were.
        lines = range(start + 1, end + 1) if end > start else range(max(1, start), min(start + 1, len(new)) + 1)
        owners = [{name for name, first, last in spans if first <= line <= last} for line in lines]
        loose = [not owner and bool(new[line - 1].strip()) for line, owner in zip(lines, owners, strict=True)]
        if any(loose) if end > start else not any(owners):
            return Touched(None)
        names = names.union(*owners)
    return Touched(frozenset(names))


def _differing(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The ranges of new lines, from 0, that are not what they were; empty ones where lines only went."""
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    before, after = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(before) + len(after) > _LONGEST:
        yield head, head + len(after)
        return
    for kind, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            yield head + start, head + end


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    """Each function with its first and last line, decorators included; inner ones count to the outer as well."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([child.lineno, *(each.lineno for each in child.decorator_list)])
            yield f"{prefix}{child.name}", first, child.end_lineno or child.lineno
            yield from _functions(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)
