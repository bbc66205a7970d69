"""Dreams: how many at the same time, which first, and how each of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cwm_agent.core.bus import Bus
from cwm_agent.core.dreams import LATE, STOPPED, Dream, Dreams
from cwm_agent.core.tracing import Tracing
from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.events import ActionEnded, AgentEvent, PredictionScored, TraceBegan, TraceEnded
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Limits,
    Origin,
    Request,
    TraceCall,
    WorldEvent,
)
from cwm_agent.settings import WorldSettings
from cwm_agent.testing import MemoryRecorder
from tests.unit.core.stage import Stage, bash, opened
from tests.unit.core.test_ahead import OTHER, TREE
from tests.unit.core.test_foresight import TEST, run_of


class Busy:
    """A world that answers several requests at once: each when its entry is let go. `most` is how many there were."""

    origin = Origin.IMAGINED

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = self.most = 0
        self._gates: dict[str, asyncio.Event] = {}
        self.errors: dict[str, Exception] = {}

    def let(self, entry: str) -> None:
        self._gates.setdefault(entry, asyncio.Event()).set()

    async def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        assert isinstance(request, TraceCall)
        self.asked.append(request.entry)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            first, last = run_of("1")
            yield FrameReached(first)
            await self._gates.setdefault(request.entry, asyncio.Event()).wait()
            if request.entry in self.errors:
                raise self.errors[request.entry]
            yield FrameReached(last)
            yield Finished(Completed(0))
        finally:
            self.now -= 1

    async def aclose(self) -> None:
        pass


class Place:
    """Dreams of a busy world, and the events that they show."""

    def __init__(self, at_once: int = 1) -> None:
        self.world = Busy()
        bus = Bus(MemoryRecorder())
        self._bus = bus
        self.dreams = Dreams(self.world, Limits(), bus, Tracing(bus), at_once)

    def new(self, entry: str) -> Dream:
        return self.dreams.new(TraceCall("", entry, "a.py"), entry)

    @property
    def told(self) -> tuple[AgentEvent, ...]:
        return self._bus.history


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("at_once", [1, 2, 4])
async def test_so_many_at_the_same_time(at_once: int) -> None:
    place = Place(at_once)
    dreams = [place.new(name) for name in "abcdef"]
    for dream in dreams:
        place.dreams.ask(dream)
    await settled()
    assert place.world.now == at_once
    for dream in dreams:
        place.world.let(dream.began.subject)
    for dream in dreams:
        await dream.ended.wait()
    assert place.world.most == at_once
    assert place.world.asked == list("abcdef")
    assert all(dream.traced for dream in dreams)
    assert place.told == (), "nobody has asked to see them"


async def test_what_is_shown_late_is_whole_and_goes_on() -> None:
    place = Place()
    dream = place.new("a")
    place.dreams.ask(dream)
    await settled()
    dream.show()
    assert [type(each) for each in place.told] == [TraceBegan]
    place.world.let("a")
    await dream.ended.wait()
    assert isinstance(place.told[-1], TraceEnded)
    assert place.told[-1].outcome == Completed(0)


async def test_who_is_wanted_goes_first_and_the_other_begins_anew() -> None:
    place = Place(2)
    waiting = [place.new(name) for name in "abc"]
    for dream in waiting:
        place.dreams.ask(dream)
    await settled()
    wanted = place.new("w")
    place.dreams.ask_first(wanted, waiting[2])
    for name in "abcw":
        place.world.let(name)
    for dream in (wanted, *waiting):
        await dream.ended.wait()
    assert place.world.asked == ["a", "b", "w", "c", "a", "b"]
    assert all(dream.traced and len(dream.traced.trace.frames) == 2 for dream in (wanted, *waiting))


async def test_what_is_given_up_says_why_where_it_was_seen() -> None:
    place = Place()
    seen, never = place.new("a"), place.new("b")
    seen.show()
    for dream in (seen, never):
        place.dreams.ask(dream)
    await settled()
    await place.dreams.give_up(never)
    await place.dreams.give_up(seen, LATE)
    assert (seen.traced, never.traced) == (None, None)
    assert place.world.asked == ["a"]
    assert [each.outcome for each in place.told if isinstance(each, TraceEnded)] == [LATE]
    assert place.world.now == 0


async def test_a_dream_that_is_given_up_before_its_first_step_ends_too() -> None:
    place = Place()
    dream = place.new("a")
    place.dreams.ask(dream)
    await place.dreams.give_up(dream, STOPPED)
    assert dream.ended.is_set()
    assert len(asyncio.all_tasks()) == 1


async def test_dropping_spares_what_somebody_waits_for() -> None:
    place = Place(2)
    wanted, other, later = (place.new(name) for name in "abc")
    for dream in (other, later):
        place.dreams.ask(dream)
    place.dreams.ask_first(wanted)
    await place.dreams.drop()
    assert other.ended.is_set()
    assert later.ended.is_set()
    place.world.let("a")
    await wanted.ended.wait()
    assert wanted.traced
    await place.dreams.aclose()


async def test_a_broken_world_is_not_asked_for_the_others_and_a_wrong_question_is_only_itself() -> None:
    place = Place()
    dreams = [place.new(name) for name in "abc"]
    for dream in dreams:
        place.dreams.ask(dream)
    place.world.errors = {"a": UsageError("wrong"), "b": ModelUnavailable("down")}
    for name in "abc":
        place.world.let(name)
    for dream in dreams:
        await dream.ended.wait()
    assert [str(dream.error) for dream in dreams] == ["wrong", "down", "down"]
    assert place.world.asked == ["a", "b"]


async def test_what_was_closed_in_time_counts_and_what_was_open_does_not() -> None:
    """Two tests are imagined at the same time; one of them is late."""
    world = Busy()
    world.let("test_y()")
    command = "pytest test_a.py test_b.py"
    on = Stage(
        [bash(command)],
        base={**TREE, "test_b.py": "def test_y():\n    pass\n"},
        more={
            "imagined": world,
            "imagines_commands": False,
            "imagines_calls": True,
            "dreams_at_once": 2,
            "world_limits": WorldSettings(patience=0.1),
        },
    )
    on.answer(command, "2 passed in 0.01s\n")
    async with opened(on):
        await on.tell("go")
    imagined = on.all(ActionEnded)[0]
    assert f"{TEST}: no prediction, {LATE.detail}" in imagined.observation
    assert f"{OTHER}: imagined to pass" in imagined.observation
    assert imagined.outcome == Completed(0)
    assert [(each.kind, each.subject) for each in on.all(PredictionScored)] == [("test", OTHER)]
    assert [each.outcome for each in on.all(TraceEnded)] == [LATE, Completed(0)]
    assert world.now == 0
