"""A run that a world model imagines as the user steps, what-if, and both worlds beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from cwm_agent.core.debugger import looking, moves
from cwm_agent.core.debugger.cursor import Reason
from cwm_agent.core.debugger.engine import Debugger, Worlds
from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.observations import LimitReached, Limits, Mode, Origin, Unreadable
from cwm_agent.traces.frames import Basis, Frame, FrameKind
from tests.unit.core.debugger.stage import PATH, SUM, Dreaming, at, debugging, guessed, real, recorded, said

TOTAL = "total([1, 2])"


async def imagining(entry: str = TOTAL, *, limits: Limits | None = None, **how: object) -> tuple[Debugger, Dreaming]:
    dreaming = Dreaming(recorded(entry), **how)  # type: ignore[arg-type]
    return await debugging(entry, mode=Mode.IMAGINED, dreaming=dreaming, limits=limits), dreaming


async def test_a_frame_is_imagined_when_it_is_stepped_to_and_not_before() -> None:
    debugger, dreaming = await imagining()
    assert dreaming.given == 1
    await moves.step(debugger.cursor)
    await moves.step(debugger.cursor)
    assert dreaming.given == 3
    moves.back(debugger.cursor, 2)
    await moves.step(debugger.cursor)
    assert dreaming.given == 3
    assert looking.status(debugger).known == 3
    assert not looking.status(debugger).complete
    await debugger.aclose()
    assert dreaming.open == 0


async def test_next_imagines_a_call_straight_to_its_return_and_says_so() -> None:
    debugger, dreaming = await imagining()
    for _ in range(4):
        await moves.step_over(debugger.cursor)
    assert at(debugger) == "line total 8"
    assert dreaming.asked == [(5, FrameKind.RETURN)]
    assert [row.over for row in looking.rows(debugger)].count(True) == 1
    assert [frame.function for frame in debugger.run.frames].count("double") == 2
    await debugger.aclose()


async def test_a_step_into_a_call_that_was_stepped_over_imagines_its_lines() -> None:
    debugger, dreaming = await imagining()
    for _ in range(4):
        await moves.step_over(debugger.cursor)
    moves.back(debugger.cursor, 2)
    assert at(debugger) == "call double 1"
    await moves.step(debugger.cursor)
    assert at(debugger) == "line double 2"
    assert dreaming.asked[-1] == (5, FrameKind.LINE)
    assert not any(row.over for row in looking.rows(debugger))
    await debugger.aclose()


async def test_with_a_breakpoint_no_call_is_skipped() -> None:
    debugger, dreaming = await imagining()
    debugger.breakpoints.add(file=PATH, line=3)
    await moves.step_over(debugger.cursor)
    await moves.step_over(debugger.cursor)
    await moves.step_over(debugger.cursor)
    arrived = await moves.step_over(debugger.cursor)
    assert arrived.reason is Reason.BREAKPOINT
    assert at(debugger) == "line double 3"
    assert dreaming.asked == []
    await debugger.aclose()


async def test_nonsense_ends_the_run_in_words() -> None:
    frames = recorded(TOTAL)[:4]
    dreaming = Dreaming(frames, outcome=Unreadable("<|line_sep|>{nonsense\x1b[2J", "Frame 5, in the locals: not JSON."))
    debugger = await debugging(TOTAL, mode=Mode.IMAGINED, dreaming=dreaming)
    arrived = await moves.go_on(debugger.cursor)
    assert arrived.reason is Reason.END
    assert at(debugger) == "line total 9"
    assert "cannot be read" in said(arrived)
    assert "Frame 5, in the locals: not JSON." in said(arrived)
    assert "\x1b" not in said(arrived)
    assert (await moves.step(debugger.cursor)).reason is Reason.END


async def test_nonsense_at_once_leaves_nothing_to_debug_and_says_why() -> None:
    dreaming = Dreaming((), outcome=Unreadable("hm", "Frame 1: no."))
    debugger = Debugger(SUM, PATH, TOTAL, Worlds(None, dreaming), mode=Mode.IMAGINED)
    assert not await debugger.start()
    assert "Frame 1: no." in " ".join(debugger.notes())


async def test_ctrl_c_stops_imagining_and_keeps_what_came() -> None:
    debugger, dreaming = await imagining(halt=6)
    going = asyncio.ensure_future(moves.go_on(debugger.cursor))
    await asyncio.sleep(0.05)
    debugger.interrupt()
    arrived = await going
    assert debugger.cursor.index == 5
    assert "The run was stopped; 6 frames are kept." in said(arrived)
    assert dreaming.open == 0
    dreaming.halt = None
    await moves.step(debugger.cursor)
    assert debugger.cursor.index == 6
    assert dreaming.asked == [(6, None)]
    await moves.last(debugger.cursor)
    assert tuple(debugger.run.frames) == recorded(TOTAL)


async def test_a_frame_that_takes_too_long_is_a_limit() -> None:
    debugger, dreaming = await imagining(halt=2, limits=Limits(seconds=0.05))
    arrived = await moves.go_on(debugger.cursor)
    assert debugger.cursor.index == 1
    assert "(time: no frame within 0.05 s)" in said(arrived)
    assert dreaming.limits[0].seconds > 10_000


async def test_a_world_that_ignores_the_limit_on_frames_is_stopped_there() -> None:
    debugger, dreaming = await imagining(limits=Limits(frames=7))
    arrived = await moves.go_on(debugger.cursor)
    assert len(debugger.run.frames) == 7
    assert "(frames: 7 frames)" in said(arrived)
    assert dreaming.open == 0


async def test_a_model_that_goes_away_is_an_error_and_can_be_asked_again() -> None:
    debugger, dreaming = await imagining(halt=3, error=ModelUnavailable("gone"))
    with pytest.raises(ModelUnavailable):
        await moves.go_on(debugger.cursor)
    assert len(debugger.run.frames) == 3
    dreaming.halt = None
    await moves.last(debugger.cursor)
    assert tuple(debugger.run.frames) == recorded(TOTAL)


async def test_a_mode_without_its_world_is_refused() -> None:
    with pytest.raises(ModelUnavailable):
        Debugger(SUM, PATH, TOTAL, Worlds(real(TOTAL), None), mode=Mode.VERIFY)
    with pytest.raises(UsageError):
        Debugger(SUM, PATH, TOTAL, Worlds(None, Dreaming(())), mode=Mode.REAL)


def _with_total(so_far: Sequence[Frame]) -> Sequence[Frame]:
    """What follows frame 9 of `total([1, 2])` when t has another value there."""
    t = int(so_far[-1].locals["t"])
    line, end = recorded(TOTAL)[-2:]
    return [
        replace(line, locals={**line.locals, "t": str(t)}, basis={"t": Basis.FREE}),
        replace(end, value=str(t)),
    ]


@pytest.mark.parametrize("mode", [Mode.REAL, Mode.IMAGINED, Mode.VERIFY])
async def test_what_if_imagines_on_from_another_value(mode: Mode) -> None:
    dreaming = Dreaming(recorded(TOTAL), dream=_with_total)
    debugger = await debugging(TOTAL, mode=mode, dreaming=dreaming)
    await moves.last(debugger.cursor)
    moves.back(debugger.cursor, 2)
    assert at(debugger) == "line total 8"
    index, before = debugger.cursor.index, list(debugger.run.frames)
    arrived = await debugger.what_if("t", "t * 100")
    assert "t is 600 here" in said(arrived)
    assert debugger.frame.locals["t"] == "600"
    assert looking.speakers(debugger) == (Origin.IMAGINED,)
    assert looking.status(debugger).edited
    arrived = await moves.last(debugger.cursor)
    assert debugger.frame.value == "600"
    assert "as imagined, total returned 600" in said(arrived)
    assert dreaming.asked == [(index + 1, None)]
    await debugger.reset()
    assert (debugger.cursor.index, list(debugger.run.frames), debugger.edits) == (0, before, ())
    assert looking.status(debugger).edited is False


async def test_two_edits_of_one_frame_are_one_state_and_going_further_back_drops_the_later_one() -> None:
    debugger = await debugging(TOTAL, dreaming=Dreaming(recorded(TOTAL)))
    debugger.cursor.jump(2)
    await debugger.what_if("t", "5")
    await debugger.what_if("xs", "[t]")
    assert debugger.frame.locals == {"xs": "[5]", "t": "5"}
    assert [(each.name, each.old, each.new) for each in debugger.edits] == [("t", "0", "5"), ("xs", "[1, 2]", "[5]")]
    debugger.cursor.jump(1)
    await debugger.what_if("xs", "[]")
    assert [each.frame for each in debugger.edits] == [1]
    assert len(debugger.run.frames) == 2


@pytest.mark.parametrize(
    ("index", "name", "expression", "words"),
    [
        (2, "z", "1", "No local `z`"),
        (2, "t", "t +", "Not an expression"),
        (2, "t", "open('x')", "not called"),
        (7, "m", "1", "no locals to change"),
    ],
)
async def test_an_edit_that_means_nothing_is_refused(index: int, name: str, expression: str, words: str) -> None:
    debugger = await debugging(TOTAL, dreaming=Dreaming(recorded(TOTAL)))
    debugger.cursor.jump(index)
    with pytest.raises(UsageError) as raised:
        await debugger.what_if(name, expression)
    assert words in str(raised.value)
    assert debugger.edits == ()


async def test_what_if_without_a_world_model_says_what_to_do() -> None:
    debugger = await debugging(TOTAL)
    debugger.cursor.jump(2)
    with pytest.raises(ModelUnavailable) as raised:
        await debugger.what_if("t", "1")
    assert "no world model" in str(raised.value)
    assert raised.value.remedy


def _wrong(number: int, **locals_: str) -> Dreaming:
    frames = list(recorded(TOTAL))
    frames[number] = guessed(frames[number], **locals_)
    return Dreaming(frames)


async def test_the_first_divergence_is_announced_when_it_is_passed_and_stops_the_way_on() -> None:
    debugger = await debugging(TOTAL, mode=Mode.VERIFY, dreaming=_wrong(6, m="3"))
    arrived = await moves.go_on(debugger.cursor)
    assert (arrived.reason, debugger.cursor.index) == (Reason.DIVERGENCE, 6)
    assert "The two worlds part here. Agrees for 6 frames; after line 2 `m` was imagined as 3 and is 2." in said(
        arrived
    )
    moves.first(debugger.cursor)
    debugger.cursor.jump(3)
    arrived = await moves.step_over(debugger.cursor)
    assert "part at frame 7 (`diverge` goes there)" in said(arrived)
    arrived = await moves.diverge(debugger.cursor)
    assert debugger.cursor.index == 6
    assert {origin: frame.locals["m"] for origin, frame in looking.pair(debugger).items()} == {
        Origin.IMAGINED: "3",
        Origin.REAL: "2",
    }


async def test_worlds_that_agree_do_not_part() -> None:
    debugger = await debugging(TOTAL, mode=Mode.VERIFY)
    assert looking.speakers(debugger) == (Origin.IMAGINED, Origin.REAL)
    arrived = await moves.diverge(debugger.cursor)
    assert arrived.reason is Reason.STAYED
    assert "do not part" in said(arrived)
    alone = await debugging(TOTAL)
    assert "Only one world" in said(await moves.diverge(alone.cursor))


async def test_frames_that_only_one_world_has_stand_alone() -> None:
    shorter = [frame for number, frame in enumerate(recorded(TOTAL)) if number not in (6,)]
    debugger = await debugging(TOTAL, mode=Mode.VERIFY, dreaming=Dreaming(shorter))
    await moves.diverge(debugger.cursor)
    assert looking.speakers(debugger) == (Origin.REAL,)
    assert len(debugger.run.frames) == len(recorded(TOTAL))
    assert [row.agrees for row in looking.rows(debugger)].count(False) == 1


async def test_an_imagined_run_that_breaks_off_is_beside_a_real_one_that_goes_on() -> None:
    dreaming = Dreaming(recorded(TOTAL)[:5], outcome=LimitReached("tokens"))
    debugger = await debugging(TOTAL, mode=Mode.VERIFY, dreaming=dreaming)
    arrived = await moves.last(debugger.cursor)
    assert "A limit ended the imagined run after 5 frames (tokens)." in said(arrived)
    assert "The real run is over: total returned 6." in said(arrived)
    assert looking.speakers(debugger) == (Origin.REAL,)


async def test_ctrl_c_while_the_imagined_run_is_recorded_goes_on_to_the_real_one() -> None:
    dreaming = Dreaming(recorded(TOTAL), halt=4)
    debugger = Debugger(SUM, PATH, TOTAL, Worlds(real(TOTAL), dreaming), mode=Mode.VERIFY)
    starting = asyncio.ensure_future(debugger.start())
    await asyncio.sleep(0.05)
    debugger.interrupt()
    assert await starting
    imagined, fact = debugger.run.tapes
    assert (len(imagined.frames), tuple(fact.frames)) == (4, recorded(TOTAL))
    assert "The imagined run was stopped; 4 frames are kept." in debugger.early()
    assert dreaming.open == 0


async def test_an_imagined_run_that_is_recorded_has_the_limit_of_the_whole() -> None:
    dreaming = Dreaming(recorded(TOTAL))
    debugger = Debugger(
        SUM, PATH, TOTAL, Worlds(real(TOTAL), dreaming), mode=Mode.VERIFY, limits=Limits(seconds=9.0, frames=40)
    )
    assert await debugger.start()
    assert dreaming.limits == [Limits(seconds=9.0, frames=40)]


async def test_what_a_world_says_beside_the_frames_is_news_once() -> None:
    debugger = await debugging(TOTAL, world=real(TOTAL, notice="the tracer lost sight of it"))
    assert debugger.news() == ("the tracer lost sight of it",)
    assert debugger.news() == ()
    assert debugger.notes()[0] == "the tracer lost sight of it"


async def test_frames_that_the_model_placed_nowhere_are_stepped_through() -> None:
    frames = [replace(frame, line=None, function="") for frame in recorded(TOTAL)]
    debugger = await debugging(TOTAL, mode=Mode.IMAGINED, dreaming=Dreaming(frames))
    while (await moves.step(debugger.cursor)).reason is Reason.THERE:
        assert looking.status(debugger).line is None
        assert looking.levels(debugger)
        assert looking.source(debugger)
    assert debugger.cursor.index == len(frames) - 1
    assert (await moves.goto_line(debugger.cursor, debugger.text, 9)).reason is Reason.STAYED
