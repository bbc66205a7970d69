"""Small random programs with a call each, the same from the same seed: what a small model learns from."""

from __future__ import annotations

import ast
import random
from hashlib import blake2b

from msgspec import Struct

from cwm_agent.nano.drills import Drill
from cwm_agent.nano.expressions import LETTERS, Names, expression, literal, test
from cwm_agent.nano.harvest import harvest_call, harvested, other_call, others
from cwm_agent.nano.idioms import IDIOMS
from cwm_agent.nano.mutation import mutated
from cwm_agent.nano.templates import filled, templates

LEVELS = 4
"""Levels of random statements and plain loops: the levels from here on are families of their own."""
WIDER, MUTATED, HARVESTED, DRILLED = 4, 5, 6, 7
"""The levels of the templates, of programs with one thing changed, of functions of the standard library, of drills."""
_OTHERS = 0.5  # the share of harvested functions whose arguments nobody has described
_KINDS = ("int", "str", "ints", "strs", "dict")
_CLASSIC = """
def count(s, c):
    n = 0
    for x in s:
        if x == c:
            n += 1
    return n
"""


class Program(Struct, frozen=True):
    """A module of functions, and a call expression that is evaluated in it; `entry` is the function called.

    `construct` says what it is made to show, where it is made for one thing. `reserved`: it comes from a template or a
    function that is never trained on.
    """

    source: str
    entry: str
    call: str
    construct: str = ""
    reserved: bool = False

    @property
    def withheld(self) -> bool:
        """Whether this is kept for measuring: reserved, or of a skeleton that is."""
        return self.reserved or is_withheld(self.source)


def program(seed: int, level: int) -> Program:
    """The program of this seed; `level` from 0 (a few lines, no nesting) to LEVELS - 1, or a family."""
    rng = random.Random(f"{level} {seed}")
    if level == WIDER:
        template = rng.choice(templates())
        source, call = filled(rng, template)
        return Program(source, call.partition("(")[0], call, template.construct, template.reserved)
    if level == MUTATED:
        return _mutated(rng)
    if level == HARVESTED:
        return _harvested(rng)
    if level == DRILLED:
        source, call = Drill(rng).module()
        return Program(source, call.partition("(")[0], call)
    while True:
        if rng.random() < (0.6 if level == 1 else 0.4):
            source, call = _idiom(rng, rng.choice(IDIOMS[: 4 + 8 * level]))
        else:
            source, call = _Writer(rng, level).module()
        if not is_classic(source):
            return Program(source, call.partition("(")[0], call)


def _harvested(rng: random.Random) -> Program:
    if rng.random() < _OTHERS:
        other = rng.choice(others())
        return Program(other.source, other.name, other_call(rng, other), other.qualified)
    chosen = rng.choice(harvested())
    return Program(chosen.source, chosen.name, harvest_call(rng, chosen), chosen.path, chosen.reserved)


def _mutated(rng: random.Random) -> Program:
    """A changed one that is no longer what it was: a change may make the program that is kept out."""
    level = rng.choice((1, 1, 2, WIDER, WIDER))
    while True:
        made = program(rng.randrange(1 << 48), level)
        source = mutated(rng, made.source)
        if not is_classic(source) and not made.withheld:
            return Program(source, made.entry, made.call, made.construct)


def shape(source: str) -> str:
    """The module without its names: two that differ in the names alone have one shape."""
    return ast.dump(_nameless(source))


def skeleton(source: str) -> str:
    """The shape without its constants too: all programs of one template have one skeleton."""
    tree = _nameless(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = type(node.value).__name__
    return ast.dump(tree)


def is_withheld(source: str) -> bool:
    """Whether the skeleton of this module is one of the tenth that is kept for measuring, and never trained on."""
    return blake2b(skeleton(source).encode(), digest_size=4).digest()[0] % 10 == 0


def _nameless(source: str) -> ast.Module:
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                node.name = names.setdefault(node.name, f"v{len(names)}")
            case ast.arg():
                node.arg = names.setdefault(node.arg, f"v{len(names)}")
            case ast.Name():
                node.id = names.setdefault(node.id, f"v{len(names)}")
    return tree


def is_classic(source: str) -> bool:
    """Whether this is the example that is kept out of training: the letter count, under whatever names."""
    return shape(source) == _CLASSIC_SHAPE


_CLASSIC_SHAPE = shape(_CLASSIC)


class _Writer:
    """Writes one module, statement by statement, with the names that are in scope and their kinds."""

    def __init__(self, rng: random.Random, level: int) -> None:
        self._rng = rng
        self._level = level
        self._lines: list[str] = []
        self._callable: list[tuple[str, list[str], str]] = []

    def module(self) -> tuple[str, str]:
        """The source, and a call of its last function."""
        names = Names(self._rng)
        for _ in range(2 if self._level >= 2 and self._rng.random() < 0.5 else 1):
            name = names.function()
            self._callable.append(self._function(name))
        name, kinds, _ = self._callable[-1]
        arguments = ", ".join(literal(self._rng, kind) for kind in kinds)
        return "\n".join(self._lines).strip("\n") + "\n", f"{name}({arguments})"

    def _function(self, name: str) -> tuple[str, list[str], str]:
        kinds = [self._rng.choice(_KINDS) for _ in range(self._rng.randint(1, 2 if self._level < 2 else 3))]
        names = Names(self._rng)
        scope = {names.new(): kind for kind in kinds}
        self._lines += ["", "", f"def {name}({', '.join(scope)}):"]
        for _ in range(self._rng.randint(1, 3) if self._level < 2 else self._rng.randint(2, 4)):
            self._statement(scope, names, 1, in_loop=False)
        returned = self._rng.choice(list(scope.values()))
        self._line(1, f"return {expression(self._rng, returned, scope)}")
        return name, kinds, returned

    def _line(self, depth: int, text: str) -> None:
        self._lines.append("    " * depth + text)

    def _statement(self, scope: dict[str, str], names: Names, depth: int, *, in_loop: bool) -> None:
        block = self._level >= 1 and depth <= self._level and self._rng.random() < 0.55
        if block:
            write = self._rng.choice((self._branch, self._each, self._while if self._level >= 2 else self._branch))
            write(scope, names, depth)
        elif in_loop and self._level >= 2 and self._rng.random() < 0.2:
            self._line(depth, f"if {test(self._rng, scope)}:")
            self._line(depth + 1, self._rng.choice(("break", "continue")))
        else:
            self._simple(scope, names, depth)

    def _simple(self, scope: dict[str, str], names: Names, depth: int) -> None:
        rng = self._rng
        old = [name for name in scope if not name.startswith("_")]
        name = rng.choice(old)
        kind = scope[name]
        pick = rng.random()
        if self._level >= 2 and self._callable and pick < 0.25:
            called, kinds, returned = rng.choice(self._callable)
            target = names.new()
            self._line(depth, f"{target} = {called}({', '.join(expression(rng, each, scope) for each in kinds)})")
            scope[target] = returned
        elif pick < 0.5 and kind in ("int", "str"):
            by = expression(rng, kind, scope, depth=0)
            self._line(depth, f"{name} {rng.choice(('+=', '-=', '+=')) if kind == 'int' else '+='} {by}")
        elif pick < 0.7 and kind in ("ints", "strs"):
            self._line(depth, f"{name}.append({expression(rng, kind[:-1], scope, depth=1)})")
        elif pick < 0.7 and kind == "dict":
            self._line(depth, f"{name}[{rng.choice(LETTERS)!r}] = {expression(rng, 'int', scope, depth=1)}")
        elif depth > 1:
            self._line(depth, f"{name} = {expression(rng, kind, scope)}")
        else:
            kind = rng.choice(_KINDS)
            text = expression(rng, kind, scope)
            scope[target := names.new()] = kind
            self._line(depth, f"{target} = {text}")

    def _body(self, scope: dict[str, str], names: Names, depth: int, *, in_loop: bool) -> None:
        inner = dict(scope)
        for _ in range(self._rng.randint(1, 2)):
            self._statement(inner, names, depth, in_loop=in_loop)

    def _branch(self, scope: dict[str, str], names: Names, depth: int) -> None:
        self._line(depth, f"if {test(self._rng, scope)}:")
        self._body(scope, names, depth + 1, in_loop=False)
        if self._rng.random() < 0.5:
            self._line(depth, "else:")
            self._body(scope, names, depth + 1, in_loop=False)

    def _each(self, scope: dict[str, str], names: Names, depth: int) -> None:
        """A loop over something finite that its body does not make longer."""
        rng = self._rng
        over = [name for name, kind in scope.items() if kind in ("str", "ints", "strs", "dict")]
        each = names.new()
        if not over or rng.random() < 0.35:
            self._line(depth, f"for {each} in range({rng.randint(2, 5)}):")
            kind = "int"
        else:
            name = rng.choice(over)
            kind = "int" if scope[name] == "ints" else "str"
            whole = "" if scope[name] == "str" else "[:4]" if scope[name] != "dict" else ""
            self._line(depth, f"for {each} in {f'list({name})' if scope[name] == 'dict' else name + whole}:")
        self._body({**scope, each: kind}, names, depth + 1, in_loop=True)

    def _while(self, scope: dict[str, str], names: Names, depth: int) -> None:
        """A loop that counts down first, in a name that nothing else writes."""
        left = "_" + names.new()
        self._line(depth, f"{left} = {self._rng.randint(2, 6)}")
        self._line(depth, f"while {left} > {self._rng.randint(0, 1)}:")
        self._line(depth + 1, f"{left} -= {self._rng.randint(1, 2)}")
        self._body({**scope, left: "int"}, names, depth + 1, in_loop=True)


def _idiom(rng: random.Random, chosen: tuple[str, str]) -> tuple[str, str]:
    """The source of one, its holes filled, and a call of it."""
    kinds, text = chosen
    names = Names(rng)
    for mark in ("F", "G"):
        text = text.replace("~" + mark, names.function())
    for mark in "123456":
        text = text.replace("~" + mark, names.new())
    text = "".join(str(rng.randint(1, 9)) if letter == "#" else letter for letter in text)
    text = "".join(repr(rng.choice(LETTERS)) if letter == "@" else letter for letter in text)
    name = text.rpartition("def ")[2].partition("(")[0]
    return text, f"{name}({', '.join(_argument(rng, kind) for kind in kinds.split())})"


def _argument(rng: random.Random, kind: str) -> str:
    return str(rng.randint(2, 6)) if kind == "few" else literal(rng, kind)
