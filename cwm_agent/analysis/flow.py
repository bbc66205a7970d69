"""What can come next in a run, as far as the source alone tells it: lines, calls, returns, exceptions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from cwm_agent.analysis.arriving import deep, fits
from cwm_agent.analysis.callees import Callees, Calls
from cwm_agent.analysis.codes import Code, Codes
from cwm_agent.analysis.graph import Node, Op
from cwm_agent.analysis.known import Known
from cwm_agent.analysis.layout import Layout, Reach
from cwm_agent.analysis.statements import lay_out
from cwm_agent.traces.frames import Frame, FrameKind


class Successor(Struct, frozen=True):
    """One thing that can come next.

    A call names the called function and the line of its call frame: that of its first decorator or its `def`, or of
    the `yield` at which a generator goes on. A line is one of the running function; a return and an exception tell the
    line at which they stand.
    """

    event: FrameKind
    function: str
    line: int


class Next(Struct, frozen=True):
    """All that can come next; where it is not `certain`, code that the source does not show may do more than these."""

    successors: frozenset[Successor]
    certain: bool


class Flow:
    """The flow of control of one source text; UsageError where it does not parse.

    Where expressions are nested too deeply to be followed, every line is a successor and nothing certain.
    Exceptions that can strike anywhere are not counted: KeyboardInterrupt, MemoryError, what a signal handler or
    another thread raises.
    """

    def __init__(self, source: str) -> None:
        self.codes = Codes(source)
        """The code objects of the source."""
        self.calls = Calls(self.codes)
        """Which of them a step may call."""
        self._layouts: dict[int, Layout] = {}
        self._barriers: dict[int, frozenset[int]] = {}
        self._bound = self.codes.all[0].binds
        self._known = Known(self.codes.tree)
        self._lazy = _annotations_are_text(self.codes.tree)

    def successors(self, function: str, line: int) -> frozenset[int]:
        """The lines whose line frame can come next in the same function; see `traces.place.Successors`."""
        try:
            return self._lines_after(function, line)
        except RecursionError:
            return frozenset(each for code in self.codes.named(function) for each in code.span)

    def _lines_after(self, function: str, line: int) -> frozenset[int]:
        found: set[int] = set()
        for layout in self.layouts(function, line):
            reach = layout.from_line(line)
            found |= reach.lines
            if any(node.number in layout.raising or self.calls.of(node, layout.code).fresh for node in reach.steps):
                found |= layout.handled(reach.steps, line).lines
        return frozenset(found)

    def after(self, frame: Frame, stack: Sequence[Frame]) -> Next:
        """What can follow this frame; `stack` has the last frame of each suspended function, outermost first."""
        try:
            if frame.event is not FrameKind.RETURN:
                return self._went_on(frame)
            return self._returned(frame, stack[-1]) if stack else Next(frozenset(), certain=True)
        except RecursionError:
            return Next(frozenset(), certain=False)

    def _went_on(self, frame: Frame) -> Next:
        found: set[Successor] = set()
        certain = frame.line is not None
        layouts = self.layouts(frame.function, frame.line or 0)
        for layout in layouts:
            certain &= self._from(layout, frame, found)
        return Next(frozenset(found), certain and bool(layouts))

    def _from(self, layout: Layout, frame: Frame, found: set[Successor]) -> bool:
        """Add what follows a frame that is no return; whether that is all."""
        line = frame.line or 0
        if frame.event is FrameKind.EXCEPTION:
            self._add_ends(layout, layout.handled(self._raising(layout, line), line), found)
            if layout.code.resumed and layout.is_start(line):
                found.add(Successor(FrameKind.RETURN, layout.code.name, line))
            self._add_closed(found)
            return True
        starts, to = self._starts(layout, frame)
        if frame.event is FrameKind.CALL and self._may_be_thrown_into(layout, line):
            found.add(Successor(FrameKind.EXCEPTION, layout.code.name, line))
        reach = layout.walk(starts, to, line, self._stops(layout))
        plain: frozenset[int] = frozenset()
        if frame.event is FrameKind.LINE:
            plain = self._known.plain(reach.steps, frame.locals)
        return self._add(layout, reach, line, found, plain)

    def _raising(self, layout: Layout, line: int) -> list[Node]:
        """The steps that may have raised an exception that shows this line."""
        found = [layout.nodes[number] for number in sorted(layout.reachable)]
        running = {node.number for node in layout.from_line(line).steps}
        return [
            node
            for node in found
            if (node.at == line or (not node.at and node.number in running))
            and (node.number in layout.raising or node.op in (Op.NEXT, Op.DROP, Op.BIND, Op.UNBIND, Op.CALL))
        ]

    def _may_be_thrown_into(self, layout: Layout, line: int) -> bool:
        """Whether a generator that is resumed here may be closed instead, or given an exception."""
        return layout.code.resumed and (line in layout.gives_back or layout.code.number in self.calls.generators.held)

    @staticmethod
    def _starts(layout: Layout, frame: Frame) -> tuple[list[int], list[tuple[int, int]]]:
        """The steps that run after a call or line frame, and those that are come to."""
        line = frame.line or 0
        return (layout.begins.get(line, []), []) if frame.event is FrameKind.LINE else layout.entered(line)

    def _returned(self, frame: Frame, caller: Frame) -> Next:
        found: set[Successor] = set()
        certain = caller.line is not None
        layouts = self.layouts(caller.function, caller.line or 0)
        for layout in layouts:
            certain &= self._back_in(layout, frame, caller, found)
        return Next(frozenset(found), certain and bool(layouts))

    def _back_in(self, layout: Layout, frame: Frame, caller: Frame, found: set[Successor]) -> bool:
        """Add what follows in the caller when a function that it called is left."""
        line = caller.line or 0
        if caller.event is FrameKind.EXCEPTION:
            reach = layout.handled(self._raising(layout, line), line)
        else:
            starts, to = self._starts(layout, caller)
            reach = layout.walk(starts, to, line, frozenset())
        left = {code.number for code in self.codes.named(frame.function)}
        calling = [node for node in reach.steps if left & self._whole(self.calls.of(node, layout.code))]
        certain = bool(calling)
        calling = calling or reach.steps
        again = [node.number for node in calling if self.calls.of(node, layout.code).again]
        after = [each for node in calling for each in layout.onward(node.number)]
        rest = layout.walk(again, after, line, self._stops(layout))
        for node in calling:
            if frame.value in (None, "None") or not self._is_direct(node, layout):
                found.add(Successor(FrameKind.EXCEPTION, layout.code.name, node.at or line))
        found.update(self._entries(Callees(self.calls.methods("__del__"), self.calls.generators.held)))
        return self._add(layout, rest, line, found) and certain

    @staticmethod
    def _whole(callees: Callees) -> frozenset[int]:
        return callees.fresh | callees.resumed

    def _stops(self, layout: Layout) -> frozenset[int]:
        """The steps that cannot be passed without a yield, or a call of a function of the source."""
        number = layout.code.number
        if number not in self._barriers:
            self._barriers[number] = frozenset(
                node.number
                for node in layout.nodes
                if node.op is Op.YIELD or (node.op in (Op.CALL, Op.NEXT) and self.calls.of(node, layout.code).must)
            )
        return self._barriers[number]

    def _add_closed(self, found: set[Successor]) -> None:
        """Add the generators that may be closed, and the objects that may be deleted, when their function is left."""
        found.update(self._entries(Callees(self.calls.methods("__del__"), self.calls.generators.all)))

    def _add(
        self, layout: Layout, reach: Reach, line: int, found: set[Successor], plain: frozenset[int] = frozenset()
    ) -> bool:
        """Add what the steps of a line can do, the `plain` ones nothing; whether that is all."""
        certain = True
        name = layout.code.name
        for node in reach.steps:
            if node.number in plain or self._is_method(node, layout.code):
                continue
            callees = self.calls.of(node, layout.code)
            certain &= callees.certain
            found.update(self._entries(callees))
            raising = node.number in layout.raising and node.op is not Op.YIELD
            if raising and not self._arrives(node, layout, callees):
                found.add(Successor(FrameKind.EXCEPTION, name, node.at or line))
            if node.op in (Op.YIELD, Op.DELEGATE):
                found.add(Successor(FrameKind.RETURN, name, node.at or line))
        self._add_ends(layout, reach, found)
        return certain

    def _arrives(self, node: Node, layout: Layout, callees: Callees) -> bool:
        """Whether a call surely arrives in the one function that it means, or makes its generator."""
        made = self.calls.generators.makes(node.of, layout.code)
        if made is not None and node.op in (Op.ITER, Op.NEXT):
            return True
        if isinstance(node.of, ast.Call) and made is not None:
            return fits(node.of, self.codes.all[made].node)
        if not isinstance(node.of, ast.Call) or not callees.must or layout.code.number in self._deep:
            return False
        called = [self.codes.all[number] for number in callees.fresh]
        return all(fits(node.of, each.node, bound=each.around >= 0) for each in called)

    def _is_method(self, node: Node, code: Code) -> bool:
        """Whether the step takes a method of an object that surely has it."""
        if not isinstance(node.of, ast.Attribute) or node.op is not Op.ATTRIBUTE:
            return False
        return self.calls.receivers.method(node.of.value, node.name, code) is not None

    def _is_direct(self, node: Node, layout: Layout) -> bool:
        """Whether the step is a call of one function and nothing more, which gives what that returns."""
        return node.op is Op.CALL and self.calls.of(node, layout.code).must

    @cached_property
    def _deep(self) -> frozenset[int]:
        """The code objects that may run when the stack is full."""
        return deep({code.number: self._called_by(self._layout(code)) for code in self.codes.all})

    def _called_by(self, layout: Layout) -> frozenset[int]:
        found = [self.calls.of(layout.nodes[number], layout.code) for number in layout.reachable]
        return frozenset().union(*(each.fresh | each.resumed for each in found))

    def _add_ends(self, layout: Layout, reach: Reach, found: set[Successor]) -> None:
        name = layout.code.name
        found.update(Successor(FrameKind.LINE, name, line) for line in reach.lines)
        found.update(Successor(FrameKind.RETURN, name, line) for line in reach.returned)

    def _entries(self, callees: Callees) -> Iterable[Successor]:
        for number in callees.fresh:
            code = self.codes.all[number]
            yield Successor(FrameKind.CALL, code.name, code.first)
        for number in callees.resumed:
            code = self.codes.all[number]
            for line in {code.first, *self._layout(code).gives_back}:
                yield Successor(FrameKind.CALL, code.name, line)

    def steps_of(self, layout: Layout, line: int) -> list[Node]:
        """All steps that may run while the function stands on a line, those on the way to a handler among them."""
        steps = layout.from_line(line).steps
        rest = layout.handled(steps, line).steps
        return [*steps, *(node for node in rest if node not in steps)]

    def layouts(self, function: str, line: int) -> list[Layout]:
        """The code objects of this name that have this line."""
        layouts = [self._layout(code) for code in self.codes.named(function)]
        return [layout for layout in layouts if line in layout.begins or layout.is_start(line) or line in layout.lines]

    def _layout(self, code: Code) -> Layout:
        if code.number not in self._layouts:
            self._layouts[code.number] = Layout(code, lay_out(code, self.codes.quiet, lazy=self._lazy), self._bound)
        return self._layouts[code.number]


def _annotations_are_text(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(each.name == "annotations" for each in node.names)
        for node in tree.body
    )
