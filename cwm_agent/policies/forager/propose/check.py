"""Whether an edited statement compiles, and whether the same code was proposed before."""

from __future__ import annotations

import ast
import re
import warnings
from types import CodeType
from typing import Any

from cwm_agent.policies.forager.kinds import Edit
from cwm_agent.policies.forager.source import FunctionNode, Site, Source

NEAR = 400
_COMMENT = re.compile(r"[ \t]*#[^\n]*$", re.MULTILINE)
_NO_CODE = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*")


class Novelty:
    """Remembers the code of one file's candidates, and lets each code through once, the file's own never.

    Two texts count as the same when they compile to the same instructions, which holds for equal syntax trees. For
    speed not the file is compiled but the statement's header, or the outermost function where statements change.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[Any] = set()
        self._known: set[tuple[int, int]] = set()
        self._delicate: dict[int, bool] = {}

    def accepts(self, site: Site, edit: Edit) -> bool:
        """Whether the edit gives code that compiles and was not there before; remembers it."""
        if self._is_insertion(site, edit):
            return self._remember(
                (edit.start, edit.start), _wrapped(site, edit.text.lstrip()), indent=_indent(edit.text)
            )
        start, end, whole = self._region(site, edit)
        if not start <= edit.start <= edit.end <= end:
            return False
        if (start, end) not in self._known:
            self._known.add((start, end))
            self._remember((start, end), _compilable(site, self._source.text[start:end], whole=whole))
        text = self._source.text[start : edit.start] + edit.text + self._source.text[edit.end : end]
        return self._remember((start, end), _compilable(site, text, whole=whole))

    def _remember(self, region: tuple[int, int], text: str, indent: str = "") -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                code = code_key(compile(text, "", "exec", dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return False
        key = (region, indent, code)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _is_insertion(self, site: Site, edit: Edit) -> bool:
        """Whether whole lines are put between statements, unlike both neighbours: then they alone are compiled."""
        if not edit.structural or edit.start != edit.end or not edit.text.endswith("\n") or self._is_delicate(site):
            return False
        text, bare = self._source.text, edit.text.strip()
        if edit.text.startswith("\n") or not site.function or edit.text.startswith("el"):
            return False
        before = _COMMENT.sub("", text[max(0, edit.start - NEAR) : edit.start]).rstrip()
        return not before.endswith(bare) and not text[self._next(edit.start) :][:NEAR].lstrip().startswith(bare)

    def _next(self, offset: int) -> int:
        """Where the next line with code begins: comments and blank lines do not tell two insertions apart."""
        found = _NO_CODE.match(self._source.text, offset)
        return found.end() if found else offset

    def _is_delicate(self, site: Site) -> bool:
        """Whether the outermost function has declarations that make a statement's legality depend on others."""
        if not site.functions:
            return False
        function = site.functions[0]
        known = self._delicate.get(id(function))
        if known is None:
            declared = any(isinstance(node, ast.Global | ast.Nonlocal) for node in ast.walk(function))
            waiting = any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(function))
            yields = waiting and any(isinstance(node, ast.Yield) for node in ast.walk(function))
            known = self._delicate[id(function)] = declared or yields
        return known

    def _region(self, site: Site, edit: Edit) -> tuple[int, int, bool]:
        if not edit.structural and not isinstance(site.node, ast.Try | ast.Match) and not self._is_delicate(site):
            start, end = site.span
            return start, site.body_start if site.body_start is not None else end, False
        node = site.functions[0] if site.functions else site.node
        if not isinstance(node, FunctionNode):
            return 0, len(self._source.text), True
        start, end = self._source.site(node).line_span
        return start, end, True


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _compilable(site: Site, text: str, *, whole: bool) -> str:
    if not whole:
        return _standalone(site, text)
    return f"if 1:\n{text}" if text[:1] in (" ", "\t") else text


def _standalone(site: Site, text: str) -> str:
    """A statement's header as a module of its own, in the function and loop that it needs."""
    if text.startswith("elif"):
        text = text[2:]
    if site.body_start is not None:
        text = f"{text}_0()"
    return _wrapped(site, text)


def _wrapped(site: Site, text: str) -> str:
    indent = site.indent if len(site.indent) > 1 else "  "
    if site.function is None:
        return f"if 1:\n{indent}{text}"
    word = "async def" if isinstance(site.function, ast.AsyncFunctionDef) else "def"
    if site.loop is None:
        return f"{word} _():\n{indent}{text}"
    return f"{word} _():\n{indent[:1]}while 1:\n{indent}{text}"


def code_key(code: CodeType) -> Any:
    """What a code object does, without its positions: a hashable value."""
    constants = tuple(code_key(c) if isinstance(c, CodeType) else (type(c).__name__, repr(c)) for c in code.co_consts)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    shape = (code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags)
    return (code.co_name, code.co_code, constants, names, shape, getattr(code, "co_exceptiontable", b""))
