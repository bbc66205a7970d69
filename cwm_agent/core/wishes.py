"""Traces that the user asks for, beside what the policy does."""

from __future__ import annotations

import logging

from cwm_agent.core.bus import Bus
from cwm_agent.core.foresight import Foresight
from cwm_agent.core.interrupt import Interrupted, Stop
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import ImagineOn, Noticed, TraceEntry
from cwm_agent.observations import Mode

_LOG = logging.getLogger(__name__)


class Wishes:
    """Does one after the other; what goes wrong is a notice."""

    def __init__(self, foresight: Foresight, bus: Bus, stop: Stop) -> None:
        self._foresight = foresight
        self._bus = bus
        self._stop = stop

    async def do(self, wish: TraceEntry | ImagineOn, mode: Mode) -> None:
        """Trace a call, or imagine on from a state."""
        if isinstance(wish, TraceEntry):
            work = self._foresight.entry(wish.path, wish.entry, mode)
        else:
            work = self._foresight.imagine_on(wish)
        try:
            await self._stop.guard(work)
        except Interrupted:
            self._bus.publish(Noticed("info", "The trace was stopped; what was reached is kept."))
        except CwmAgentError as error:
            self._bus.publish(Noticed("error", error.message, error.remedy))
        except Exception as error:  # whatever it is, the user's session must outlive it
            _LOG.error("A trace failed", exc_info=error)
            self._bus.publish(Noticed("error", f"No trace: {type(error).__name__}: {error}"))
