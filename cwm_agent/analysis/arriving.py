"""Whether a call of a function of the source surely arrives: the arguments fit, and the stack has room."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from cwm_agent.analysis.codes import Function


def fits(call: ast.Call, called: ast.AST, *, bound: bool = False) -> bool:
    """Whether the arguments, as they are written, are those that a function takes; `bound`: its first one is given."""
    if not isinstance(called, Function | ast.Lambda):
        return False
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return False
    given = called.args
    places = [each.arg for each in [*given.posonlyargs, *given.args]][bound:]
    if len(call.args) > len(places) and given.vararg is None:
        return False
    taken = set(places[: len(call.args)])
    free = {each.arg for each in [*given.args, *given.kwonlyargs]}
    for keyword in call.keywords:
        if keyword.arg in taken or (keyword.arg not in free and given.kwarg is None):
            return False
        taken.add(keyword.arg or "")
    needed = set(places[: len(places) - len(given.defaults)])
    needed |= {each.arg for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None}
    return needed <= taken


def deep(calls: Mapping[int, Iterable[int]]) -> frozenset[int]:
    """The functions that may run when the stack is full: those that call themselves, and all that these call."""
    below = {number: _reached(number, calls) for number in calls}
    circular = [number for number, found in below.items() if number in found]
    return frozenset(circular).union(*(below[number] for number in circular))


def _reached(number: int, calls: Mapping[int, Iterable[int]]) -> frozenset[int]:
    found: set[int] = set()
    waiting = [number]
    while waiting:
        new = set(calls.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return frozenset(found)
