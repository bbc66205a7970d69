"""The debugger: a run in one world or both, a cursor in it, and runs that go on from an edited state."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from cwm_agent.core.debugger.breakpoints import Breakpoints
from cwm_agent.core.debugger.cursor import Arrival, Cursor, Reason
from cwm_agent.core.debugger.expressions import Opaque, evaluate, read
from cwm_agent.core.debugger.lines import Text, text_of
from cwm_agent.core.debugger.run import Alone, Both, Run
from cwm_agent.core.debugger.tape import DreamingWorld, Tape
from cwm_agent.core.debugger.words import ends
from cwm_agent.core.interrupt import Stop
from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.observations import Limits, Mode, Origin, TraceCall
from cwm_agent.protocols import World
from cwm_agent.traces.frames import Frame
from cwm_agent.traces.grammar import HAS_LOCALS


class Worlds(Struct, frozen=True):
    """Who can answer: a world in which the call runs, one that imagines it, or both."""

    real: World | None = None
    imagined: DreamingWorld | None = None


class Edit(Struct, frozen=True):
    """A local that the user changed: `frame` is the index of the frame, `old` and `new` are reprs."""

    frame: int
    name: str
    old: str
    new: str


class Debugger:
    """Steps through one call, `entry`, evaluated in the module whose text is `source`; `path` names its file.

    A real run is recorded whole; an imagined one is asked for frame by frame; in verify mode both are recorded, the
    imagined one first. `sources` are the texts of other files, by path. `start` first, `aclose` last.
    """

    def __init__(
        self,
        source: str,
        path: str,
        entry: str,
        worlds: Worlds,
        *,
        mode: Mode = Mode.REAL,
        limits: Limits | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        if worlds.real is None and mode is not Mode.IMAGINED:
            raise UsageError(f"Mode {mode.value} runs the call for real, and there is no sandbox.")
        if worlds.imagined is None and mode is not Mode.REAL:
            raise ModelUnavailable(f"Mode {mode.value} needs a world model.", remedy="Use `--mode real`, or name one.")
        self.source, self.path, self.entry, self.mode = source, path, entry, mode
        self.request = TraceCall(source, entry, path)
        self.texts = {name: Text(name, text) for name, text in {**(sources or {}), path: source}.items()}
        self.breakpoints = Breakpoints()
        self.edits: tuple[Edit, ...] = ()
        self._worlds, self._limits, self._stop = worlds, limits or Limits(), Stop()
        self._original: Run = self._run_of(mode)
        self.cursor = Cursor(self._original, self.breakpoints)

    @property
    def run(self) -> Run:
        """What is stepped through now: the run itself, or one that goes on from an edit."""
        return self.cursor.run

    @property
    def frame(self) -> Frame:
        """The frame under the cursor; the real one where there are two."""
        return self.cursor.frame

    @property
    def text(self) -> Text:
        """The text of the file in which the cursor stands."""
        return text_of(self.frame.file or self.path, self.texts, self.run.frames)

    async def start(self) -> bool:
        """Ask the worlds, as far as the first frame needs; False where there is none, and `notes` say why."""
        for tape in self.run.tapes:
            if self.mode is not Mode.IMAGINED:
                await tape.record()
        if self.mode is Mode.VERIFY:
            imagined, real = self.run.tapes
            self._original = Both(imagined, real)
            self.cursor = Cursor(self._original, self.breakpoints)
        return await self.run.reach(0)

    def notes(self) -> tuple[str, ...]:
        """All that the worlds said beside the frames, and how their runs ended."""
        said = [notice for tape in self.run.tapes for notice in tape.notices]
        return (*said, *ends(self.run))

    def early(self) -> tuple[str, ...]:
        """Which runs ended before their time, and why."""
        return ends(self.run, quiet=True)

    def news(self) -> tuple[str, ...]:
        """What the worlds said beside the frames since this was asked last."""
        return tuple(notice for tape in self.run.tapes for notice in tape.news())

    def output(self) -> str:
        """What the program wrote, as far as it is known; of a real run all of it."""
        return "".join(piece for tape in self.run.tapes for piece in tape.output)

    def interrupt(self) -> None:
        """Stop the world that is being asked; what came is kept. To be called while a move is under way."""
        self._stop.give()

    def ready(self) -> None:
        """Forget an interrupt that came when nothing was under way."""
        self._stop.clear()

    async def what_if(self, name: str, expression: str) -> Arrival:
        """Give a local another value here, and imagine on from there; UsageError or ModelUnavailable say why not."""
        dreamer = self._worlds.imagined
        if dreamer is None:
            raise ModelUnavailable(
                "What would happen with another value can only be imagined, and there is no world model.",
                remedy="Debug again with `--mode verify` and a world model (`--model-url URL`), or change the source.",
            )
        frames, index = self._standing()
        edit = self._edit(frames[index], index, name, expression)
        changed = replace(frames[index], locals={**frames[index].locals, name: edit.new}, basis={})
        await self._close_edited()
        tape = Tape(
            self.request, self._limits, self._stop, dreamer=dreamer, frames=[*frames[:index], changed], lazy=True
        )
        self.edits = (
            *(each for each in self.edits if each.frame <= index and (each.frame, each.name) != (index, name)),
            edit,
        )
        self._stand(Alone(tape), index)
        return Arrival(Reason.THERE, (f"{name} is {edit.new} here; what follows is imagined from there.",))

    async def reset(self) -> Arrival:
        """Back to the first frame of the run as it was, without edits."""
        note = ("The edits are gone.",) if self.edits else ()
        await self._close_edited()
        self.edits = ()
        self._stand(self._original, 0)
        return Arrival(Reason.START, note)

    async def aclose(self) -> None:
        """Stop what a world may still be saying. The worlds themselves stay open: they are the caller's."""
        await self._close_edited()
        for tape in self._original.tapes:
            await tape.aclose()

    def _run_of(self, mode: Mode) -> Run:
        tapes = []
        if mode is not Mode.REAL:
            imagined = self._worlds.imagined
            lazy = mode is Mode.IMAGINED
            tapes.append(Tape(self.request, self._limits, self._stop, world=imagined, dreamer=imagined, lazy=lazy))
        if mode is not Mode.IMAGINED:
            tapes.append(Tape(self.request, self._limits, self._stop, world=self._worlds.real))
        return Both(*tapes) if len(tapes) > 1 else Alone(tapes[0])

    def _standing(self) -> tuple[list[Frame], int]:
        """The frames of the tape on which the user stands, the real one where there are two, and the index in it."""
        moment = self.run.moment(self.cursor.index)
        tapes = {tape.origin: tape for tape in self.run.tapes}
        origin = Origin.IMAGINED if moment.real is None else Origin.REAL
        index = moment.of(origin)
        assert index is not None
        return tapes[origin].frames, index

    def _edit(self, frame: Frame, index: int, name: str, expression: str) -> Edit:
        if self.cursor.up:
            raise UsageError("Only locals of the running call can be changed.", remedy="`down` goes back to it.")
        if frame.event not in HAS_LOCALS:
            raise UsageError(
                f"A frame of kind {frame.event.value} has no locals to change.", remedy="`back` goes to one that has."
            )
        if name not in frame.locals:
            known = ", ".join(frame.locals)
            raise UsageError(f"No local `{name}` here.", remedy=f"There is: {known}." if known else "There are none.")
        value = evaluate(expression, frame.locals)
        if isinstance(read(value), Opaque):
            raise UsageError(f"Not a literal: {value}", remedy="Give a number, a string, a list, or another literal.")
        return Edit(index, name, frame.locals[name], value)

    def _stand(self, run: Run, index: int) -> None:
        self.cursor = Cursor(run, self.breakpoints)
        self.cursor.index = index

    async def _close_edited(self) -> None:
        if self.run is not self._original:
            for tape in self.run.tapes:
                await tape.aclose()
