"""What the source tells of the next frame: its kind, the lines where it may stand, and the values of its locals."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from msgspec import Struct

from cwm_agent.analysis.effects import LineEffects
from cwm_agent.analysis.flow import Next, Successor
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import UNCHANGED
from cwm_agent.worlds.imagination.reader import Reader
from cwm_agent.worlds.imagination.shapes import Piece, Shapes


class Slot(Struct, frozen=True):
    """One local of the next frame. `text` is what is written for its value, None where the model has to write it.

    `sure` is False for a name that may not be there.
    """

    name: str
    text: str | None = None
    sure: bool = True


class Expectations:
    """Asks flow and effects about the frame after the last one that a reader has."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._scene = reader.scene
        self._shapes = Shapes(reader.scene.entry.text, reader.scene.tree)

    def next(self) -> Next:
        """What can come next."""
        last = self._reader.last
        assert last is not None
        if last.line is None or not last.function:
            return Next(frozenset(), certain=False)
        found = self._scene.flow.after(last, self._reader.stack[: last.depth])
        if self._reader.raised and self._falls_through(last):
            return Next(
                frozenset(each for each in found.successors if each.event is FrameKind.EXCEPTION), found.certain
            )
        known = self._reader.known(last.depth)
        if last.event is FrameKind.LINE and self._shapes.raises_nothing(last.line, known):
            return Next(_without(FrameKind.EXCEPTION, found.successors), found.certain)
        return found

    def returns(self) -> frozenset[Successor]:
        """Every return that the running function can make, wherever it stands."""
        running = self._running()
        piece = self._shapes.piece(running.function, running.line)
        if piece is None:
            return frozenset()
        found: set[Successor] = set()
        for line in range(piece.first, piece.last + 1):
            stands = Frame(event=FrameKind.LINE, file="", function=piece.name, line=line, depth=0, source="", locals={})
            found |= {each for each in self._scene.flow.after(stands, ()).successors if each.event is FrameKind.RETURN}
        return frozenset(found)

    def call(self, function: str, line: int) -> list[Slot] | None:
        """The locals of a call frame; None where nothing is told, as when a generator is resumed."""
        piece = self._shapes.piece(function, line)
        if piece is None or isinstance(piece.node, ast.ClassDef) or line > piece.node.lineno:
            return None
        caller = self._running()
        given: Mapping[str, str | None] | None = None
        if caller.event is FrameKind.LINE and caller.line:
            given = self._shapes.passed(caller.line, piece, self._reader.known(caller.depth))
        slots = [Slot(name, (given or {}).get(name)) for name in piece.parameters]
        return [*slots, *(Slot(name, sure=False) for name in piece.borrowed)]

    def line(self, targets: frozenset[int]) -> list[Slot] | None:
        """The locals of a line frame at one of these lines; None where nothing is told."""
        running = self._running()
        piece = self._shapes.piece(running.function, running.line)
        if piece is None or running.line is None or isinstance(piece.node, ast.ClassDef):
            return None
        known = self._reader.known(running.depth)
        whole = self._reader.shows_whole(running.depth)
        if running.event is FrameKind.CALL and running.line <= piece.node.lineno:
            return [Slot(name, value if whole else UNCHANGED) for name, value in known.items()]
        return _After(self._scene.effects.of(piece.name, running.line), self._shapes, piece, running, targets).slots(
            known, self._scene.effects.may_change(piece.name, running.line, known), whole=whole
        )

    def agreeing(self, allowed: frozenset[Successor], written: Mapping[str, str]) -> frozenset[Successor]:
        """The lines of these that the locals of the next frame leave open, as they were written.

        A loop whose name is new, or has another value, was entered; one whose name is still not there was not.
        """
        running = self._running()
        piece = self._shapes.piece(running.function, running.line)
        if running.event is not FrameKind.LINE or running.line is None or piece is None:
            return allowed
        known, open_lines = self._reader.known(running.depth), allowed
        for name in self._scene.effects.of(piece.name, running.line).binds:
            if name in known and (name in piece.shared or written.get(name) in (UNCHANGED, known[name])):
                continue
            excluded = name not in written
            open_lines = frozenset(
                each
                for each in open_lines
                if self._shapes.binds(running.line, name, frozenset({each.line})) is not excluded
            )
        return open_lines or allowed

    def value(self, event: FrameKind, line: int) -> str | None:
        """What a return or an exception on this line carries, where it is told."""
        last, running = self._reader.last, self._running()
        assert last is not None
        if event is FrameKind.EXCEPTION:
            fell = self._reader.raised and self._falls_through(last)
            return self._reader.fallen if fell else None
        if last.event is FrameKind.EXCEPTION:
            return "None"
        piece = self._shapes.piece(running.function, line)
        if piece is None or running.event is not FrameKind.LINE or running.line != line:
            return None
        return self._shapes.returned(line, piece, self._reader.known(running.depth))

    def _running(self) -> Frame:
        """The last frame of the function that runs now."""
        return self._reader.stack[-1]

    def _falls_through(self, left: Frame) -> bool:
        """Whether the exception that left a function arrives in the one that called it."""
        if not self._reader.stack:
            return False
        caller, piece = self._running(), self._shapes.piece(left.function, left.line)
        return (
            piece is not None
            and caller.line is not None
            and self._shapes.calls_plainly(caller.line, piece, self._reader.known(caller.depth))
        )


def _without(kind: FrameKind, successors: frozenset[Successor]) -> frozenset[Successor]:
    return frozenset(each for each in successors if each.event is not kind)


class _After(Struct, frozen=True):
    """What one line did to the locals, having run to its end or raised, one of `targets` being next."""

    effects: LineEffects
    shapes: Shapes
    piece: Piece
    ran: Frame
    targets: frozenset[int]

    @property
    def _line(self) -> int:
        return self.ran.line or 0

    @property
    def _failed(self) -> bool:
        return self.ran.event is FrameKind.EXCEPTION

    def slots(self, known: Mapping[str, str], changed: frozenset[str], *, whole: bool) -> list[Slot]:
        """The locals in their order: those that stay, then those that are new."""
        found = [self._stays(name, known, changed, whole=whole) for name in known]
        new = [name for name in dict.fromkeys(self.effects.binds) if name not in known]
        rank = {name: number for number, name in enumerate(self.piece.order)}
        found += [self._appears(name, known) for name in sorted(new, key=lambda name: rank.get(name, len(rank)))]
        return [slot for slot in found if slot is not None]

    def _stays(self, name: str, known: Mapping[str, str], changed: frozenset[str], *, whole: bool) -> Slot | None:
        if name in self.effects.deletes:
            gone = not self._failed and self.shapes.deletes(self._line, name)
            return None if gone else Slot(name, sure=False)
        shared = name in self.piece.shared and (self.effects.mutates or name in self.shapes.stores(self._line))
        same = Slot(name, known[name] if whole else UNCHANGED)
        if name not in changed and not shared:
            return same
        bound = self._bound(name)
        if bound is False and not self.effects.mutates:
            return same
        value = self._told(name, known) if bound else None
        if value is None:
            return Slot(name)
        return same if value == known[name] else Slot(name, value)

    def _appears(self, name: str, known: Mapping[str, str]) -> Slot | None:
        bound = self._bound(name)
        if bound is None:
            return Slot(name, sure=False)
        return Slot(name, self._told(name, known)) if bound else None

    def _bound(self, name: str) -> bool | None:
        if name not in self.effects.binds:
            return None
        if self._failed:
            return False if self.shapes.fails_whole(self._line) else None
        return self.shapes.binds(self._line, name, self.targets)

    def _told(self, name: str, known: Mapping[str, str]) -> str | None:
        told = self.effects.literals.get(name)
        return told if told is not None else self.shapes.assigned(self._line, name, known)
