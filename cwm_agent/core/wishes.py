"""What the user asks for beside the policy's work: traces, and a shorter conversation."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from msgspec import structs

from cwm_agent.core.bus import Bus
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.history import visible
from cwm_agent.core.hunk_dreams import HunkDreams
from cwm_agent.core.interrupt import Interrupted, Stop
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.pins.pin import Pins
from cwm_agent.core.subjects import source_of, subject
from cwm_agent.core.tracing import Traced, recorded
from cwm_agent.errors import CwmAgentError, UsageError
from cwm_agent.events import ImagineHunk, ImagineOn, Noticed, PinTrace, TraceBegan, TraceEntry
from cwm_agent.observations import Completed, Mode, Origin, TraceCall

_LOG = logging.getLogger(__name__)


class Wishes:
    """Does one after the other; what goes wrong is a notice."""

    def __init__(
        self, parts: SessionParts, foresight: Foresight, hunks: HunkDreams, pins: Pins, bus: Bus, stop: Stop
    ) -> None:
        self._parts = parts
        self._foresight = foresight
        self._hunks = hunks
        self._pins = pins
        self._tracing = foresight.tracing
        self._bus = bus
        self._stop = stop

    async def do(self, wish: TraceEntry | ImagineOn | ImagineHunk | PinTrace, mode: Mode) -> None:
        """Trace a call, imagine on from a state, imagine a hunk, or pin a trace."""
        stopped = "What was reached of the trace is kept"
        match wish:
            case TraceEntry():
                work = self._entry(wish, mode)
            case ImagineOn():
                work = self._imagine_on(wish)
            case ImagineHunk():
                work = self._hunks.imagine(wish)
            case PinTrace():
                work, stopped = self._pins.pin(wish.trace), "A test that was written already stays in the sandbox"
        await self._guarded(work, stopped)

    async def _guarded(self, work: Coroutine[Any, Any, None], stopped: str) -> None:
        try:
            await self._stop.guard(work)
        except Interrupted:
            self._bus.publish(Noticed("info", f"Stopped. {stopped}."))
        except CwmAgentError as error:
            self._bus.publish(Noticed("error", error.message, error.remedy))
        except Exception as error:  # whatever it is, the user's session must outlive it
            _LOG.error("A wish failed", exc_info=error)
            self._bus.publish(Noticed("error", f"That failed: {type(error).__name__}: {error}"))

    async def compact(self) -> None:
        """Make the policy's conversation shorter."""
        await self._guarded(self._compact(), "The conversation is as it was")

    async def _compact(self) -> None:
        compacting = self._parts.compacting
        if compacting is None:
            raise UsageError(f"The policy {self._parts.policy.name} keeps no conversation that could be made shorter.")
        before, after = await compacting.compact(visible(self._bus.history))
        told = f"The conversation has {after:,} tokens now, and had {before:,}."
        remedy = "Your own words, the rules and the diff stay; what was folded stands in the sandbox."
        self._bus.publish(Noticed("info", told, remedy))

    async def _entry(self, wish: TraceEntry, mode: Mode) -> None:
        """A call in the worlds of the mode, one after the other, and compared where both answered."""
        path, entry, parts, limits = wish.path, wish.entry, self._parts, self._foresight.limits
        source = await source_of(parts.files, path)
        if source is None:
            raise UsageError(f"There is no file {path} in the sandbox, or it is not UTF-8.")
        request = TraceCall(source, entry, path)
        number = self._tracing.new()
        imagined: Traced | None = None
        if mode is not Mode.REAL and parts.imagined is not None and parts.imagines_calls:
            began = TraceBegan(number, Origin.IMAGINED, entry, path)
            imagined = await self._tracing.take(parts.imagined.run(request, limits), began)
        if mode is Mode.IMAGINED and imagined is not None:
            return
        real = await self._tracing.take(parts.real.run(request, limits), TraceBegan(number, Origin.REAL, entry, path))
        if isinstance(real.outcome, Completed) and real.outcome.exit_code and not real.trace.frames:
            last = (real.output.strip().splitlines() or ["the program ended before its first frame"])[-1]
            remedy = f"Name a call of the file: /trace {path}::f(1, 2)"
            self._bus.publish(Noticed("warning", f"Nothing was traced: {last}", remedy))
        if imagined is not None:
            self._foresight.scores.trace(number, entry, imagined, real)

    async def _imagine_on(self, wish: ImagineOn) -> None:
        """What if: another state at a frame of a trace, and how the model goes on from it."""
        found = recorded(self._bus.history, wish.trace, wish.origin)
        dreamer = self._parts.dreamer
        if dreamer is None:
            raise UsageError("There is no world model to imagine it.", remedy="Name one: --model-url URL")
        if found is None or not 0 <= wish.frame < len(found[1]):
            raise UsageError(f"There is no frame {wish.frame} in trace {wish.trace}.")
        began, frames = found
        test = subject(began.subject)
        path = began.path or (test.path if test else "")
        source = await source_of(self._parts.files, path)
        if source is None:
            raise UsageError(f"The file of the trace, {path}, is not there any more.")
        request = test.request(source) if test else TraceCall(source, began.subject, path)
        at = frames[wish.frame]
        so_far = (*frames[: wish.frame], structs.replace(at, locals={**at.locals, **wish.changed}))
        changed = ", ".join(f"{name} = {value}" for name, value in wish.changed.items())
        events = dreamer.imagine_on(request, so_far, self._foresight.limits)
        title = f"{began.subject} with {changed}"
        await self._tracing.take(events, TraceBegan(self._tracing.new(), Origin.IMAGINED, title, path))
