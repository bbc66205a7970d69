"""Puts a changed file into a process that already imported it, where that is certain to be the same as importing it.

It is when nothing but the insides of functions changed, and none of those functions ran during the import. Everything
else raises Unsure, and the caller imports afresh. Only values: no file is read, nothing is imported.
"""

from __future__ import annotations

import gc
import inspect
import sys
import types
from collections.abc import Iterator

_FUNCTION = inspect.CO_OPTIMIZED
_HAS_DOCSTRING = 0x4000000


class Unsure(Exception):
    """Swapping code objects might not do what an import of the changed file does."""


def same_constant(one: object, other: object) -> bool:
    """Whether two constants are the same to the last bit: 1 is not True, 0.0 is not -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, types.CodeType):
        return one.co_name == other.co_name and bool(one.co_flags & _FUNCTION) == bool(other.co_flags & _FUNCTION)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_constant, one, other))
    if isinstance(one, (float, complex, frozenset)):
        return repr(one) == repr(other)
    return one == other


def _interface(code: types.CodeType) -> tuple:
    """What the outside sees of a function: its arguments, closure and kind."""
    arguments = code.co_argcount + code.co_kwonlyargcount
    arguments += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_varnames[:arguments],
        code.co_freevars,
        code.co_flags,
        _docstring(code),
    )


def _docstring(code: types.CodeType) -> object:
    first = code.co_consts[0] if code.co_consts else None
    if sys.version_info >= (3, 13):
        return first if code.co_flags & _HAS_DOCSTRING else None
    return first if isinstance(first, str) else None


def _same_shell(old: types.CodeType, new: types.CodeType) -> bool:
    """Whether two code objects do the same, the insides of the functions that they make aside."""
    return (
        old.co_code == new.co_code
        and old.co_names == new.co_names
        and old.co_varnames == new.co_varnames
        and old.co_cellvars == new.co_cellvars
        and _interface(old) == _interface(new)
        and getattr(old, "co_exceptiontable", b"") == getattr(new, "co_exceptiontable", b"")
        and same_constant(old.co_consts, new.co_consts)
    )


def inner_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code objects right inside of one."""
    return (constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def swaps(old: types.CodeType, new: types.CodeType, ran: set[int]) -> list[tuple[types.CodeType, types.CodeType]]:
    """The (old, new) pairs of function code that turn the imported `old` module into `new`; `ran` holds ids of code."""
    found: list[tuple[types.CodeType, types.CodeType]] = []
    _compare(old, new, ran, found)
    return found


def _pairs(old: types.CodeType, new: types.CodeType) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """The inner code objects of two shells that are the same, so that there are equally many."""
    return zip(inner_codes(old), inner_codes(new))  # noqa: B905 - `strict` came with 3.10


def _compare(old: types.CodeType, new: types.CodeType, ran: set[int], found: list) -> bool:
    """Collect the swaps below and at `old`; whether there were any."""
    is_function = bool(old.co_flags & _FUNCTION)
    if not _same_shell(old, new):
        if not is_function:
            raise Unsure(f"{old.co_name}: what runs at import changed")
        if id(old) in ran:
            raise Unsure(f"{old.co_name}: it ran during the import")
        if _interface(old) != _interface(new):
            raise Unsure(f"{old.co_name}: its arguments, closure or kind changed")
        found.append((old, new))
        return True
    differs = [_compare(one, other, ran, found) for one, other in _pairs(old, new)]
    moved = old.co_firstlineno != new.co_firstlineno
    if is_function and (moved or any(differs)):
        found.append((old, new))
        return True
    return any(differs)


def live_functions(modules: dict[str, list[types.CodeType]]) -> dict[int, list[types.FunctionType]]:
    """Every living function of the modules whose code is given, by the id of its code: methods, closures, wrapped."""
    wanted: set[int] = set()
    stack = [code for codes in modules.values() for code in codes]
    while stack:
        code = stack.pop()
        wanted.add(id(code))
        stack.extend(inner_codes(code))
    index: dict[int, list[types.FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is types.FunctionType and id(thing.__code__) in wanted:
            index.setdefault(id(thing.__code__), []).append(thing)
    return index


def apply_swaps(pairs: list[tuple[types.CodeType, types.CodeType]], index: dict[int, list]) -> None:
    """Give the living functions their new code."""
    for old, new in pairs:
        for function in index.get(id(old), ()):
            function.__code__ = new
