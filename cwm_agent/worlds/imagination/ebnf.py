"""A grammar of all the traces that the flow of control allows, in the EBNF that structured outputs take.

A grammar cannot count how deep the calls are, so a call is a rule: its call frame and what may follow in the called
function, up to the return. What may follow a frame is a rule too, and a line that comes again leads back to its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cwm_agent.analysis.flow import Next, Successor
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.grammar import HAS_LOCALS, SPECIAL_OF_KIND, Special
from cwm_agent.worlds.imagination.scene import Scene
from cwm_agent.worlds.imagination.shapes import Shapes

SIZE_LIMIT = 64 * 1024
"""Characters of a grammar; to compile a larger one takes longer than it saves."""

_VALUES = r"""
text ::= "\"" part* "<"* "\""
part ::= [^"\\<\r\n\t] | "\\" escaped | "<"+ [^"\\<|\r\n\t] | "<"+ "\\" escaped
escaped ::= ["\\/bfnrt] | "u" hex hex hex hex
hex ::= [0-9a-fA-F]
pair ::= text ": " text
locals ::= "{}" | "{" pair (", " pair)* "}"
"""


class TooLarge(Exception):
    """The grammar would be longer than SIZE_LIMIT."""


class Grammar:
    """Writes the grammar of one scene. Values are free JSON strings that spell no separator."""

    def __init__(self, scene: Scene, shapes: Shapes) -> None:
        self._scene = scene
        self._shapes = shapes
        self._functions = sorted({code.name for code in scene.index.codes})
        self._rules: dict[str, str] = {}
        self._waiting: list[tuple[str, Frame]] = []
        self._size = len(_VALUES)

    def write(self, stack: Sequence[Frame], last: Frame, then: FrameKind | None = None) -> str:
        """What can follow `last`, to the end of the entry; `stack` has the last frames of the running functions.

        `then` is the kind of the next frame. Empty where the flow knows of none; raises TooLarge.
        """
        parts, called = [], last.function
        running = [
            _at(frame.event, frame.function, frame.line or 0) for frame in stack
        ]  # with values that nobody knows
        if last.event is not FrameKind.RETURN:
            parts.append(self._follows(running.pop(), None, then))
        for frame in reversed(running):
            parts.append(self._follows(frame, called, None if parts else then))
            called = frame.function
        if not all(parts):
            return ""
        self._put("root", " ".join(f"({part})" for part in parts))
        while self._waiting:
            name, frame = self._waiting.pop()
            self._put(name, self._follows(frame, None) or '""')
        return "\n".join(f"{name} ::= {body}" for name, body in self._rules.items()) + _VALUES

    def _put(self, name: str, body: str) -> None:
        self._rules[name] = body
        self._size += len(name) + len(body) + 6
        if self._size > SIZE_LIMIT:
            raise TooLarge

    def _follows(self, frame: Frame, called: str | None, then: FrameKind | None = None) -> str:
        """What follows a frame in its function, or what does there after a call that it has made was left."""
        first = self._after(frame) if called is None else self._back(frame, called)
        own = [each for each in _sorted(first) if then in (None, each.event)]
        calls = [self._rule_of(each) for each in own if each.event is FrameKind.CALL]
        goes_on = [self._rule_of(each) for each in own if each.event is not FrameKind.CALL]
        if calls:
            goes_on.append(f"({' | '.join(calls)}) {self._again(frame, first)}")
        return " | ".join(goes_on)

    def _again(self, frame: Frame, first: Next) -> str:
        """The rule for what follows in a function after the calls that this frame makes."""
        name = f"back_{self._key(frame)}"
        if name in self._rules:
            return name
        self._rules[name] = ""
        waiting = sorted({each.function for each in first.successors if each.event is FrameKind.CALL})
        found: set[Successor] = set()
        for called in waiting:
            new = self._back(frame, called).successors
            waiting += sorted({each.function for each in new if each.event is FrameKind.CALL} - set(waiting))
            found |= new
        ordered = _sorted(Next(frozenset(found), certain=True))
        calls = [self._rule_of(each) for each in ordered if each.event is FrameKind.CALL]
        goes_on = " | ".join(self._rule_of(each) for each in ordered if each.event is not FrameKind.CALL)
        self._put(name, f"({' | '.join(calls)})* ({goes_on})" if calls else goes_on or '""')
        return name

    def _after(self, frame: Frame) -> Next:
        return self._or_any(frame, self._scene.flow.after(frame, ()))

    def _back(self, frame: Frame, called: str) -> Next:
        left = _at(FrameKind.RETURN, called, 0)
        return self._or_any(frame, self._scene.flow.after(left, (frame,)))

    def _or_any(self, frame: Frame, found: Next) -> Next:
        """Where more can come than is known: every line of the function, and every call."""
        if found.certain and found.successors:
            return found
        every = set(found.successors)
        for code in self._scene.index.codes:
            if code.name == frame.function:
                ends = (FrameKind.LINE, FrameKind.RETURN, FrameKind.EXCEPTION)
                every |= {Successor(event, code.name, line) for event in ends for line in code.lines}
            every |= {Successor(FrameKind.CALL, code.name, line) for line in {*code.starts, *code.resumes}}
        return Next(frozenset(each for each in every if self._scene.source(each.line).strip()), certain=False)

    def _rule_of(self, successor: Successor) -> str:
        """The frame, and what follows it in its function."""
        frame = _at(successor.event, successor.function, successor.line)
        shown = self._frame_rule(frame)
        if frame.event is FrameKind.RETURN:
            return shown
        name = f"after_{self._key(frame)}"
        if name not in self._rules:
            self._rules[name] = ""
            self._waiting.append((name, frame))
        return f"{shown} {name}"

    def _frame_rule(self, frame: Frame) -> str:
        name = self._key(frame)
        if name not in self._rules:
            kind, source = SPECIAL_OF_KIND[frame.event].value, self._scene.source(frame.line or 1) + "\n"
            action, argument, end = Special.ACTION.value, Special.ARGUMENT.value, Special.FRAME.value
            if frame.event in HAS_LOCALS:
                names = self._names(frame)
                self._put(name, f"{quoted(kind)} {names} {quoted(action + source + end)}")
            else:
                self._put(name, f"{quoted(kind + action + source + argument)} text {quoted(end)}")
        return name

    def _names(self, frame: Frame) -> str:
        """The rule for the locals of the frame's function: its own names alone, where they are known."""
        piece = self._shapes.piece(frame.function, frame.line)
        if piece is None or not piece.order:
            return "locals" if piece is None else '"{}"'
        name = f"locals_{self._functions.index(piece.name)}_{piece.first}"
        if name not in self._rules:
            one = " | ".join(quoted(json.dumps(each) + ": ") for each in piece.order)
            self._put(f"{name}_pair", f"({one}) text")
            self._put(name, f'"{{}}" | "{{" {name}_pair (", " {name}_pair)* "}}"')
        return name

    def _key(self, frame: Frame) -> str:
        return f"{frame.event}_{self._functions.index(frame.function)}_{frame.line}"


def _at(event: FrameKind, function: str, line: int) -> Frame:
    return Frame(event=event, file="", function=function, line=line, depth=0, source="", locals={})


def _sorted(found: Next) -> list[Successor]:
    return sorted(found.successors, key=lambda each: (each.event, each.line, each.function))


def quoted(text: str) -> str:
    """A literal of the grammar: it has the escapes of JSON, and every other character as it is."""
    return json.dumps(text, ensure_ascii=False)
