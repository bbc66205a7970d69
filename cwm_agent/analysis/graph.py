"""The steps of one code object and what follows what, as the compiler lays them out."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from enum import Enum, auto

NEVER, MAYBE, SURE = 0, 1, 2
"""Whether a line is reported anew when the flow comes to it from itself."""


class Op(Enum):
    """What a step does, as far as it may raise, call, or give control away."""

    NOTHING = auto()  # constants, jumps, `pass`
    LOAD = auto()  # a name
    BIND = auto()
    UNBIND = auto()
    ATTRIBUTE = auto()
    SET_ATTRIBUTE = auto()
    SUBSCRIPT = auto()
    SET_SUBSCRIPT = auto()
    BINARY = auto()
    UNARY = auto()
    COMPARE = auto()
    TRUTH = auto()
    CALL = auto()
    ITER = auto()
    NEXT = auto()
    SPREAD = auto()  # an iterable, used up
    UNPACK = auto()
    HASH = auto()  # the elements of a set, the keys of a dict
    FORMAT = auto()
    YIELD = auto()
    DELEGATE = auto()  # `yield from`, `await`, and what else waits for another
    ENTER = auto()
    EXIT = auto()
    MATCH = auto()
    RAISE = auto()
    RERAISE = auto()  # an exception goes on its way, without a frame of its own
    CATCH = auto()
    IMPORT = auto()
    CLASS = auto()
    DECORATE = auto()
    RETURN = auto()
    DROP = auto()  # the iterator of a loop that is left early


class Node:
    """One step. `line` is 0 where the compiler gives it none: it then belongs to the line that it is come to from.

    `raw` is its line in the source, `at` the one that a return or an exception here would show. `handler` is the step
    that an exception goes to, or None where it leaves the function. An edge tells the next step, and whether its line
    is reported anew where it is the same. `quiet` steps are in a comprehension. After a `blank` one some versions
    report the line anew. One that `restores` a handler raises again what that had caught, from where it was raised.
    """

    __slots__ = ("at", "blank", "edges", "handler", "line", "name", "number", "of", "op", "quiet", "raw", "restores")

    def __init__(self, number: int, op: Op, line: int, of: ast.AST | None, name: str, handler: int | None) -> None:
        self.number = number
        self.op = op
        self.line = line
        self.at = line
        self.raw = line
        self.of = of
        self.name = name
        self.handler = handler
        self.quiet = False
        self.blank = False
        self.restores: int | None = None
        self.edges: list[tuple[int, int]] = []


class Graph:
    """The steps of one code object; the first is its start. Built by putting step after step."""

    def __init__(self, quiet: dict[int, int]) -> None:
        self.nodes: list[Node] = []
        self.open: list[int] = []
        self.handler: int | None = None
        self.hushed = 0  # how many comprehensions are around
        self._quiet = quiet
        self.put(self.label())

    def step(self, op: Op, line: int, of: ast.AST | None = None, name: str = "") -> Node:
        """A new step after those that are open, which it closes."""
        node = Node(len(self.nodes), op, line, of, name, self.handler)
        if self.hushed or line in self._quiet:
            node.line, node.at, node.quiet = 0, self._quiet.get(line, line), True
        self.nodes.append(node)
        self._connect(node.number)
        self.open = [node.number]
        return node

    def either(self, op: Op, lines: Iterable[int], of: ast.AST | None = None) -> None:
        """One step that versions put on different lines."""
        before, after = self.open, []
        for line in dict.fromkeys(lines):
            self.open = before
            after.append(self.step(op, line, of).number)
        self.open = after

    def maybe(self, line: int) -> None:
        """A step that some versions have and others have not."""
        before = list(self.open)
        if any(self.nodes[number].line != line for number in before):
            self.step(Op.NOTHING, line)
            self.open += before

    def label(self) -> int:
        """A place to jump to, which comes after nothing yet."""
        node = Node(len(self.nodes), Op.NOTHING, 0, None, "", self.handler)
        node.quiet = self.hushed > 0
        self.nodes.append(node)
        return node.number

    def put(self, label: int) -> None:
        """Go on at this label."""
        self._connect(label)
        self.open = [label]

    def begin(self, label: int) -> None:
        """Go on at this label, which only exceptions come to."""
        self.open = [label]

    def jump(self, label: int, anew: int = NEVER) -> None:
        """Go to this label; nothing is open after it. `anew`: whether the line is reported anew, as after a loop."""
        self._connect(label, anew)
        self.open = []

    def artificial(self) -> None:
        """A step without a line, after which the same line may be reported anew."""
        self.step(Op.NOTHING, 0).blank = True

    def _connect(self, number: int, anew: int = NEVER) -> None:
        for origin in self.open:
            if (number, anew) not in self.nodes[origin].edges:
                self.nodes[origin].edges.append((number, anew))
