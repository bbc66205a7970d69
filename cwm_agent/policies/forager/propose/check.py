"""Whether an edited statement compiles, and whether the same code was proposed before."""

from __future__ import annotations

import ast
import warnings
from types import CodeType
from typing import Any

from cwm_agent.policies.forager.kinds import Edit
from cwm_agent.policies.forager.source import FunctionNode, Site, Source


class Novelty:
    """Remembers the code of one file's candidates, and lets each code through once, the file's own never.

    Two texts count as the same when they compile to the same instructions, which holds for equal syntax trees. For
    speed not the file is compiled but the statement's header, or the outermost function where statements change.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[Any] = set()
        self._known: set[int] = set()

    def accepts(self, site: Site, edit: Edit) -> bool:
        """Whether the edit gives code that compiles and was not there before; remembers it."""
        start, end, whole = self._region(site, edit)
        if not start <= edit.start <= edit.end <= end:
            return False
        key = (start, end, whole)
        if hash(key) not in self._known:
            self._known.add(hash(key))
            self._seen.add((key, self._code(site, self._source.text[start:end], whole=whole)))
        text = self._source.text[start : edit.start] + edit.text + self._source.text[edit.end : end]
        code = self._code(site, text, whole=whole)
        if code is None or (key, code) in self._seen:
            return False
        self._seen.add((key, code))
        return True

    def _region(self, site: Site, edit: Edit) -> tuple[int, int, bool]:
        if not edit.structural and not isinstance(site.node, ast.Try | ast.Match):
            start, end = site.span
            return start, site.body_start if site.body_start is not None else end, False
        node = site.functions[0] if site.functions else site.node
        if not isinstance(node, FunctionNode):
            return 0, len(self._source.text), True
        start, end = self._source.site(node).line_span
        return start, end, True

    def _code(self, site: Site, text: str, *, whole: bool) -> Any:
        text = text if whole else _standalone(site, text)
        if whole and text[:1] in (" ", "\t"):
            text = f"if 1:\n{text}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return code_key(compile(text, "", "exec", dont_inherit=True))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return None


def _standalone(site: Site, text: str) -> str:
    """A statement's header as a module of its own, in the function and loop that it needs."""
    if text.startswith("elif"):
        text = text[2:]
    if site.body_start is not None:
        text = f"{text}_0()"
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
