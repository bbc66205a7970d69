"""Which lines had a part in a failure: a dynamic slice, read backwards from the end of a real trace.

Weiser's slice, on one run: a line has a part when it changed a value that a later line of the slice read, when it
decided whether such a line ran, or when it belongs to a call whose result was read. What a trace cannot show (the
insides of an object without a repr of its own) is given the benefit of the doubt.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from cwm_agent.policies.forager.source import Site, Source
from cwm_agent.traces.frames import Frame, FrameKind

Place = tuple[str, int]
_DEEPEST = 200


class _Call:
    """One call of a function: its line frames in order, what each of them called, and how it was left."""

    def __init__(self, first: Frame) -> None:
        self.first = first
        self.lines: list[Frame] = []
        self.calls: dict[int, list[_Call]] = {}
        self.raised = False

    def state(self, at: int) -> Mapping[str, str]:
        """The locals before the line at this index ran; after the last line nothing is known."""
        return self.lines[at].locals if at < len(self.lines) else {}


def influence(frames: Sequence[Frame], sources: Mapping[str, Source]) -> frozenset[Place]:
    """The (path, line) of the statements in the slice, by the first line of each; empty where nothing is known."""
    outermost = _calls(frames)
    if outermost is None:
        return frozenset()
    slice_ = _Slice(sources)
    slice_.follow(outermost, 0)
    return frozenset(slice_.found)


def _calls(frames: Sequence[Frame]) -> _Call | None:
    """The tree of calls below the first one."""
    stack: list[_Call] = []
    outermost: _Call | None = None
    for frame in frames:
        if frame.event is FrameKind.CALL:
            call = _Call(frame)
            if outermost is None:
                outermost = call
            elif stack:
                stack[-1].calls.setdefault(max(len(stack[-1].lines) - 1, 0), []).append(call)
            stack.append(call)
        elif stack and frame.event is FrameKind.LINE:
            stack[-1].lines.append(frame)
        elif stack and frame.event is FrameKind.EXCEPTION:
            stack[-1].raised = True
        elif stack:
            stack.pop()
            if not stack:
                break
    return outermost


class _Slice:
    """The places found so far."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._names: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
        self.found: set[Place] = set()

    def follow(self, call: _Call, depth: int) -> None:
        """Take in what the end of this call depends on."""
        if not call.lines or depth > _DEEPEST:
            return
        wanted: set[str] = set()
        deciders: set[Place] = set()
        for at in range(len(call.lines) - 1, -1, -1):
            frame = call.lines[at]
            site = self._site(frame)
            place = (frame.file, site.first_line if site else frame.line or 0)
            last = at == len(call.lines) - 1
            reads, binds = self._of(site)
            reads &= frame.locals.keys()  # what is called by a global name is not a value that came from before
            touched = self._changed(call, at) | binds
            doubted = bool(call.calls.get(at)) and bool(reads & wanted)
            if not (last or touched & wanted or doubted or place in deciders):
                continue
            self.found.add(place)
            wanted -= binds - reads
            wanted |= reads
            deciders |= self._deciders(frame.file, site)
            for inner in call.calls.get(at, ()):
                self.follow(inner, depth + 1)

    def _changed(self, call: _Call, at: int) -> set[str]:
        """The names whose value was another one after the line."""
        before, after = call.state(at), call.state(at + 1)
        return {name for name, value in after.items() if before.get(name) != value}

    def _site(self, frame: Frame) -> Site | None:
        source = self._sources.get(frame.file)
        return source.site_of_line.get(frame.line or 0) if source else None

    def _of(self, site: Site | None) -> tuple[frozenset[str], frozenset[str]]:
        """The names that a statement, or the header of a compound one, reads and binds."""
        if site is None:
            return frozenset(), frozenset()
        if id(site) not in self._names:
            names = [node for top in _header(site.node) for node in ast.walk(top) if isinstance(node, ast.Name)]
            binds = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            reads = {node.id for node in names if isinstance(node.ctx, ast.Load)}
            if isinstance(site.node, ast.AugAssign):
                reads |= binds
            self._names[id(site)] = frozenset(reads), frozenset(binds)
        return self._names[id(site)]

    def _deciders(self, path: str, site: Site | None) -> set[Place]:
        """The statements around this one, whose headers decided that it ran."""
        found = set()
        while site is not None and site.parent is not None and site.parent is not site.function:
            site = site.source.site(site.parent)
            found.add((path, site.first_line))
        return found


def _header(node: ast.stmt) -> list[ast.AST]:
    """What a statement evaluates by itself, the statements inside it left out."""
    return [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.excepthandler)]
