"""What a model is shown before it imagines: the context with its marked entry, and the frames that are already told."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.analysis.effects import Effects
from cwm_agent.analysis.flow import Flow
from cwm_agent.errors import UsageError
from cwm_agent.observations import TraceCall
from cwm_agent.traces.code import Code, SourceIndex
from cwm_agent.traces.entry import Entry, mark, parse, without_marker, wrap
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from cwm_agent.worlds.imagination.binding import bound, module_names, plain_function

Origins = Sequence[tuple[str, int]]
"""For each line of a text, the file and the line that it comes from; line 0 for one of ours."""


class Scene(Struct, frozen=True, kw_only=True):
    """A marked context, what the source tells of it, and the first frames, all in lines of the context.

    `wrapped`: a `main` of ours, at the end of the text, makes the call; its frames have the depth 0 and are shown to
    nobody. `single` names the function of which the entry is a call and nothing else: its return ends the trace.
    `left_out` are names that had no room.
    """

    entry: Entry
    tree: ast.Module
    index: SourceIndex
    flow: Flow
    effects: Effects
    told: tuple[Frame, ...]
    origins: Origins
    path: str
    wrapped: bool
    single: str
    left_out: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """The depth that the user's own entry has in the model's text."""
        return 1 if self.wrapped else 0

    def source(self, line: int) -> str:
        """A line of the context, without the marker."""
        return self.index.lines[line - 1]

    def codes(self, function: str) -> list[Code]:
        """The pieces of code of this name."""
        return [code for code in self.index.codes if code.name == function]

    def over(self, frame: Frame) -> bool:
        """Whether nothing of the user's can come after this frame."""
        if frame.event is not FrameKind.RETURN:
            return False
        return frame.depth == 0 or (frame.depth == self.depth and frame.function == self.single)

    def outside(self, frame: Frame, own: int) -> Frame:
        """The frame as a real trace has it, `own` frames of ours being on the stack below it."""
        path, line = self._origin(frame.line)
        return replace(frame, file=path, line=line, depth=frame.depth - own)

    def ours(self, frame: Frame) -> bool:
        """Whether it is a frame of the `main` that makes the call."""
        return self.wrapped and (frame.depth == 0 or (frame.line or 0) >= self.entry.line)

    def inside(self, frame: Frame) -> Frame:
        """The way back: a frame of a trace of the entry, as the model's text has it."""
        for number, (path, line) in enumerate(self.origins, 1):
            if line and line == frame.line and path == frame.file:
                return replace(frame, file=self.path, line=number, depth=frame.depth + self.depth)
        return replace(frame, file=self.path, line=None, depth=frame.depth + self.depth)

    def _origin(self, line: int | None) -> tuple[str, int | None]:
        if line is None or not 0 < line <= len(self.origins):
            return self.path, None
        path, number = self.origins[line - 1]
        return path, number or None


def check(request: TraceCall) -> None:
    """UsageError where the source or the entry is none, or what is called does not exist; says what does."""
    tree = parse(request.source)
    try:
        expression = ast.parse(request.entry.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"Not a call expression: {request.entry}", remedy="Write it as in Python: `f(1, 2)`."
        ) from error
    if not any(isinstance(node, ast.Call) for node in ast.walk(expression)):
        raise UsageError(f"Nothing is called by {request.entry}.", remedy="Write a call as in Python: `f(1, 2)`.")
    callee = expression.body
    while isinstance(callee, ast.Call | ast.Attribute | ast.Await | ast.Subscript):
        callee = callee.func if isinstance(callee, ast.Call) else callee.value
    names = module_names(tree)
    if not isinstance(callee, ast.Name) or callee.id in names or "*" in names or hasattr(builtins, callee.id):
        return
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    there = f" It has {', '.join(defined[:12])}." if defined else ""
    raise UsageError(f"{request.path or 'The source'} has no {callee.id}.{there}", remedy="Name one that it defines.")


def make_scene(request: TraceCall, text: str, origins: Origins, left_out: tuple[str, ...] = ()) -> Scene:
    """The scene of a call in a context, whose lines come from `origins`, without the names that are `left_out`."""
    call = ast.parse(request.entry.strip(), mode="eval").body
    seeded = _seeded(text, call, request.path)
    entry, told = seeded or _wrapped(text, request)
    tree = parse(entry.text)
    return Scene(
        entry=entry,
        tree=tree,
        index=SourceIndex(entry.text),
        flow=Flow(entry.text),
        effects=Effects(entry.text),
        told=told,
        origins=origins,
        path=request.path,
        wrapped=seeded is None,
        single=_single(tree, call),
        left_out=left_out,
    )


def _single(tree: ast.Module, call: ast.expr) -> str:
    """The plain function of which this is a call and nothing but a call."""
    match call:
        case ast.Call(func=ast.Name(id=name)) if sum(isinstance(node, ast.Call) for node in ast.walk(call)) == 1:
            return name if plain_function(tree, name) is not None else ""
    return ""


def _seeded(text: str, call: ast.expr, path: str) -> tuple[Entry, tuple[Frame, ...]] | None:
    """The called function as the entry, where it is a plain one and its arguments are literals."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return None
    function = plain_function(parse(text), call.func.id)
    arguments = bound(call, function, {}) if function is not None else None
    if arguments is None or None in arguments.values():
        return None
    try:
        entry = mark(text, call.func.id)
    except UsageError:
        return None
    whole = {name: value for name, value in arguments.items() if value is not None}
    return entry, (_frame(FrameKind.CALL, path, entry.function, entry.line, entry.source, whole),)


def _wrapped(text: str, request: TraceCall) -> tuple[Entry, tuple[Frame, ...]]:
    entry = wrap(text, request.entry)
    body = without_marker(entry.text.split("\n")[entry.line])
    return entry, (
        _frame(FrameKind.CALL, request.path, entry.function, entry.line, entry.source, {}),
        _frame(FrameKind.LINE, request.path, entry.function, entry.line + 1, body, {}),
    )


def _frame(event: FrameKind, path: str, function: str, line: int, source: str, told: dict[str, str]) -> Frame:
    basis = {"<line>": Basis.FORCED, **dict.fromkeys(told, Basis.FORCED)}
    return Frame(event=event, file=path, function=function, line=line, depth=0, source=source, locals=told, basis=basis)
