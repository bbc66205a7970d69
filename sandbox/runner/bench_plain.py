"""Tests that are nothing but a function call: parameters and no fixtures, marks, classes' set-up or coroutines.

Such a test fails under pytest if the bare call raises, and the call is many times cheaper than pytest's protocol in a
process that was just forked, where each page that is touched is copied. If the call returns, nothing is known yet:
the candidate is judged anew by the whole protocol, in another process.
"""

from __future__ import annotations

import inspect
from typing import Callable

import pytest
from _cwm_runner.bench_report import first_line
from _cwm_runner.bench_run import Selection, verdict

_HOOKS = ("protocol", "setup", "call", "teardown", "makereport")
_HARMLESS = (
    "_pytest.",
    "_hypothesis_",
    "hypothesis",
    "pytest_asyncio",
    "anyio",
    "pytest_timeout",
    "pytest_cov",
    "xdist",
)
_HARMLESS_FIXTURES = {"request", "event_loop_policy"}
_UNDECIDED = (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)


def plain_call(item) -> Callable[[], object] | None:
    """The bare call of a test, or None where pytest does more than to call it."""
    if type(item) is not pytest.Function or inspect.iscoroutinefunction(item.function):
        return None
    if any(mark.name != "parametrize" for mark in item.iter_markers()) or not _only_known_hooks(item):
        return None
    try:
        values = _parameters(item)
    except (AttributeError, KeyError, TypeError):  # another pytest
        return None
    return None if values is None else lambda: item.obj(**values)


def _only_known_hooks(item) -> bool:
    hooks = [getattr(item.ihook, f"pytest_runtest_{name}") for name in _HOOKS]
    hooks.append(item.ihook.pytest_pyfunc_call)
    names = [implementation.function.__module__ for hook in hooks for implementation in hook.get_hookimpls()]
    return all(name.startswith(_HARMLESS) or name.startswith("_cwm_runner") for name in names)


def _parameters(item) -> dict | None:
    """The values of a test's arguments where all are direct parameters and no other fixture is at work."""
    information = item._fixtureinfo  # noqa: SLF001 - pytest has no public name for it; AttributeError is expected
    callspec = getattr(item, "callspec", None)
    direct = dict(getattr(callspec, "funcargs", {}))
    for name, value in getattr(callspec, "params", {}).items():
        definitions = information.name2fixturedefs.get(name, ())
        if definitions and all(one.func.__name__ == "get_direct_param_fixture_func" for one in definitions):
            direct[name] = value
    if set(information.names_closure) - _HARMLESS_FIXTURES != set(direct):
        return None
    return direct if set(information.argnames) == set(direct) else None


def screen(calls: list, child, selection: Selection) -> dict:
    """Make the calls of the first tests in turn: the verdict where one raises, else that it has to be run again."""
    for position, call in enumerate(calls):
        child.progress.begin(position, position)
        try:
            call()
        except _UNDECIDED:
            break
        except BaseException as error:
            reason = f"{selection.items[position].nodeid}: {_words(error)}"
            return verdict(selection.stage(position), position, selection.total, reason)
    return {"again": True}


def _words(error: BaseException) -> str:
    try:
        text = first_line(str(error))
    except Exception:  # an exception whose __str__ raises
        text = ""
    name = type(error).__name__
    if isinstance(error, AssertionError):
        return text or name
    return f"{name}: {text}" if text else name
