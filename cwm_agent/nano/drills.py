"""Drills: one small operation after the other on small values, for what a model must know by heart.

Sums and comparisons of small numbers, the letters of a word one by one, the ends of a list: other programs have them
too seldom. Each step is tried while it is written, and one that makes a value large, or fails, is left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from cwm_agent.nano.expressions import LETTERS, Names

_NUMBERS = (
    "{a} = {a} + {n}", "{a} = {b} - {n}", "{a} = {a} + {b}", "{a} = {a} - {b}", "{a} = {b} * {k}", "{a} = {n} - {b}",
    "{a} = {b} // {k}", "{a} = {b} % {k}", "{a} += {n}", "{a} -= {n}", "{a} += {b}", "{a} = {n} + {n}",
    "{a} = {n} * {k}", "{a} = max({a}, {b})", "{a} = min({b}, {n})", "{a} = {n}", "{a} = {b}", "{a} = {a} + {b} - {n}",
    "if {a} {o} {b}:\n    {a} = {n}", "if {a} {o} {n}:\n    {b} = {n}", "if {a} {o} {n}:\n    {a} -= {n}",
    "if {a} {o} {b}:\n    {b} += {n}\nelse:\n    {a} += {n}", "if {a} % 2 == {z}:\n    {a} += {n}",
)  # fmt: skip
_TEXTS = (
    "{a} = {a} + {c}", "{a} = {c} + {b}", "{a} = {b}[::-1]", "{a} = {a}[::-1]", "{a} = {a}[1:]", "{a} = {b}[:{k}]",
    "{a} = {a} + {b}", "{a} = {w}", "{a} = {b}", "{a} = {b}[0]", "{a} = {a}[-1]", "{a} = {a} * 2", "{a} += {b}",
    "if {c} in {a}:\n    {a} = {w}", "if {a} == {b}:\n    {a} = {w}", "if {a}[0] == {c}:\n    {b} = {w}",
    "if len({a}) {o} {k}:\n    {a} = {a}[1:]", "for {i} in {a}:\n    {b} = {i} + {b}", "for {i} in {b}:\n    {a} = {i}",
)  # fmt: skip
_LISTS = (
    "{a}.append({n})", "{a}.append({b})", "{b} = {a}[0]", "{b} = {a}[-1]", "{b} = len({a})", "{b} = sum({a})",
    "{a} = {a} + [{b}]", "{a} = {a}[::-1]", "{a} = sorted({a})", "{a} = {a}[1:]", "{b} = {a}.pop()", "{b} = max({a})",
    "{a}[0] = {b}", "{b} = {b} + {n}", "{a} = [{n}, {n}, {n}]", "if {n} in {a}:\n    {b} = {n}",
    "if {b} {o} {a}[0]:\n    {b} = {n}", "for {i} in {a}:\n    {b} = {i}", "for {i} in {a}:\n    {b} += {i}",
)  # fmt: skip
_COUNTS = (
    "{b} = len({a})", "{a} = {w}", "{b} = {a}.count({c})", "{b} = {b} + {n}", "{a} = {a} + {c}", "{a} = str({b})",
    "{b} = {b} + len({a})", "for {i} in {a}:\n    {b} += 1", "for {i} in {a}:\n    if {i} == {c}:\n        {b} += 1",
    "if len({a}) {o} {b}:\n    {b} = {n}", "for {i} in range({k}):\n    {b} += {i}", "{b} = {a}.find({c})",
)  # fmt: skip
_MODES = (
    (3, ("int", "int"), _NUMBERS), (2, ("str", "str"), _TEXTS), (2, ("ints", "int"), _LISTS),
    (2, ("str", "int"), _COUNTS),
)  # fmt: skip
"""How often each is taken, the kinds of its two names, and the forms of its steps."""
_STEPS = (5, 12)
_LARGEST, _LONGEST = 60, 6


class Drill:
    """Writes one: `module()` is the source and a call of its only function."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        names = Names(rng)
        self._function = names.function()
        self._names = [names.new(), names.new()]
        self._inner = names.new()

    def module(self) -> tuple[str, str]:
        """The source, and a call."""
        rng = self._rng
        _, kinds, forms = rng.choices(_MODES, [mode[0] for mode in _MODES])[0]
        given = [self._value(kind) for kind in kinds]
        values = dict(zip(self._names, map(eval, given), strict=True))
        steps: list[str] = []
        wanted = rng.randint(*_STEPS)
        while len(steps) < wanted:
            step = self._filled(rng.choice(forms), swapped=kinds[0] == kinds[1] and rng.random() < 0.5)
            if (after := _after(values, step)) is not None:
                steps.append(step)
                values = after
        lines = [f"    {line}" for step in steps for line in step.splitlines()]
        source = "\n".join(
            [f"def {self._function}({', '.join(self._names)}):", *lines, f"    return {self._names[-1]}"]
        )
        return source + "\n", f"{self._function}({', '.join(given)})"

    def _value(self, kind: str) -> str:
        match kind:
            case "int":
                return str(self._rng.randint(0, 12))
            case "str":
                return repr("".join(self._rng.choices(LETTERS, k=self._rng.randint(1, 5))))
        return repr([self._rng.randint(0, 12) for _ in range(self._rng.randint(1, 4))])

    def _filled(self, form: str, *, swapped: bool) -> str:
        """The step with names and values in its holes, each hole filled anew."""
        rng = self._rng
        first, second = self._names[::-1] if swapped else self._names
        fills: dict[str, Callable[[], str]] = {
            "{a}": lambda: first,
            "{b}": lambda: second,
            "{i}": lambda: self._inner,
            "{n}": lambda: self._value("int"),
            "{k}": lambda: str(rng.randint(2, 5)),
            "{c}": lambda: repr(rng.choice(LETTERS)),
            "{w}": lambda: self._value("str"),
            "{o}": lambda: rng.choice(("<", ">", "==", "!=", "<=", ">=")),
            "{z}": lambda: str(rng.randint(0, 1)),
        }
        for hole, fill in fills.items():
            while hole in form:
                form = form.replace(hole, fill(), 1)
        return form


def _after(values: dict[str, object], step: str) -> dict[str, object] | None:
    """The names after a step, None where it fails or something grows large. What is run is written in this file."""
    space = {name: [*value] if isinstance(value, list) else value for name, value in values.items()}
    try:
        exec(step, space)
    except (IndexError, TypeError, ValueError):
        return None
    after = {name: space[name] for name in values}
    return after if all(map(_is_small, after.values())) else None


def _is_small(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) <= _LARGEST
    if isinstance(value, list):
        return len(value) <= _LONGEST and all(map(_is_small, value))
    return isinstance(value, str) and len(value) <= _LONGEST
