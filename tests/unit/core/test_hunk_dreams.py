"""A hunk under review is imagined by a call that the session knows, on the code that has it, and nothing runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from cwm_agent.core.drafts import Drafts
from cwm_agent.core.known_calls import calls_reaching
from cwm_agent.core.past_traces import Past, past_traces
from cwm_agent.core.touched import Touched
from cwm_agent.events import (
    ActionEnded,
    ApplyPatch,
    CheckpointMade,
    Decision,
    FramesReached,
    HunkImagined,
    ImagineHunk,
    Interrupt,
    PredictionScored,
    Rewound,
    SessionResumed,
    TraceBegan,
    TraceEnded,
    TraceEntry,
)
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Limits,
    Mode,
    Origin,
    TraceCall,
    WorldEvent,
)
from cwm_agent.protocols import RecordedCall
from cwm_agent.testing import Answer, MemoryFiles, tree
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.workspace.changes import REGULAR, Entry
from tests.unit.core.stage import Stage, bash, opened
from tests.unit.core.test_foresight import ScriptedTracer

SOURCE = """\
LIMIT = 5


def f(x):
    return x


def unrelated():
    return [
        1,
        2,
        3,
    ]


def g(x):
    return -x
"""
AFTER = SOURCE.replace("return x\n", "x = x + 1\n    return x\n").replace("-x", "-x * 2")
F_ALONE = SOURCE.replace("return x\n", "x = x + 1\n    return x\n")
TEST = "test_a.py::test_x"
CHECK = "from a import f\n\n\ndef test_x():\n    assert f(1) == 2\n"
BASE = {"a.py": SOURCE, "gone.py": "x = 1\n", "notes.txt": "one\n", "test_a.py": CHECK}
A_PY, GONE, NOTES = range(3)
RUN, CHANGE, LATER = f"pytest {TEST}", "change", "later"
FAILS = f"=== short test summary info ===\nFAILED {TEST} - assert 1 == 2\n1 failed in 0.01s\n"
CALL = RecordedCall(
    file="a.py",
    function="f",
    module="a",
    qualname="f",
    line=4,
    depth=1,
    arguments={"x": "1"},
    expressions={"x": "1"},
    call="f(x=1)",
)


def frame(
    event: FrameKind, line: int, value: str | None = None, depth: int = 0, name: str = "f", **locals_: str
) -> Frame:
    file = "a.py" if name == "f" else "test_a.py"
    return Frame(event=event, file=file, function=name, line=line, depth=depth, source="", locals=locals_, value=value)


def run_of(value: str, x: str = "1", depth: int = 0) -> tuple[Frame, ...]:
    return (
        frame(FrameKind.CALL, 4, x=x, depth=depth),
        frame(FrameKind.LINE, 5, x=x, depth=depth),
        frame(FrameKind.RETURN, 6, value, depth=depth),
    )


FAILING = (
    frame(FrameKind.CALL, 4, name="test_x"),
    *run_of("1", depth=1),
    frame(FrameKind.EXCEPTION, 5, "AssertionError: assert 1 == 2", name="test_x"),
    frame(FrameKind.RETURN, 5, "None", name="test_x"),
)


class Watching:
    """An imagined world that answers every call so, and notes what it reads of the files meanwhile."""

    origin = Origin.IMAGINED

    def __init__(self, drafts: Drafts, answer: Sequence[Frame]) -> None:
        self.drafts = drafts
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str | None]]] = []
        self.endless = False
        self.began_at: tuple[Frame, ...] = ()
        self.begun = asyncio.Event()

    async def run(self, request: TraceCall, limits: Limits) -> AsyncIterator[WorldEvent]:
        self.asked.append((request.entry, {name: await text_of(self.drafts, name) for name in BASE}))
        assert request.source == self.asked[-1][1][request.path]
        for each in self.answer:
            yield FrameReached(each)
        self.begun.set()
        if self.endless:
            await asyncio.Event().wait()
        yield Finished(Completed(0))

    async def imagine_on(
        self, request: TraceCall, so_far: Sequence[Frame], limits: Limits, *, then: FrameKind | None = None
    ) -> AsyncIterator[WorldEvent]:
        self.began_at = tuple(so_far)
        self.answer = self.answer[len(so_far) :]
        async for event in self.run(request, limits):
            yield event

    async def aclose(self) -> None: ...


async def text_of(files: Drafts | MemoryFiles, name: str) -> str | None:
    try:
        return (await files.read(name.encode())).content.decode()
    except OSError:
        return None


class Reviewed:
    """A session whose agent saw a test fail and changed three files; the patch is open for review."""

    def __init__(
        self,
        mode: Mode,
        *,
        model: bool = True,
        inputs: Sequence[RecordedCall] = (CALL,),
        steps: bool = True,
        plain: bool = True,
    ) -> None:
        files = MemoryFiles(tree(BASE))
        drafts = Drafts(files)
        self.dream = Watching(drafts, run_of("2"))
        failing = FAILING if plain else tuple(replace(each, locals={"x": "<A>"}) for each in FAILING)
        self.tracer = ScriptedTracer(failing, inputs)
        more = {
            "files": files,
            "drafts": drafts,
            "imagined": self.dream if model else None,
            "imagines_commands": False,
            "imagines_calls": True,
            "tracer": self.tracer,
            "dreamer": self.dream if model else None,
            "world_model": "tiny" if model else None,
        }
        acts = [bash(RUN), bash(CHANGE)] if steps else [bash(CHANGE)]
        self.stage = Stage(acts, [bash(LATER)], base=BASE, mode=mode, more=more)
        self.stage.answer(RUN, FAILS, outcome=Completed(1))
        self.stage.world.script["f(x=1)"] = Answer(frames=run_of("2"))
        self.stage.answer(CHANGE, effect=self._change)
        self.stage.answer(LATER, effect=lambda: files.put("notes.txt", "three\n"))
        self.files = files

    def _change(self) -> None:
        self.files.put("a.py", AFTER)
        self.files.put("notes.txt", "two\n")
        self.files.remove("gone.py")

    async def imagine(self, file: int = A_PY, hunk: int = 0, *decided: Decision) -> HunkImagined:
        """Ask, and check that nothing ran for it, that nothing was scored, and that no file is another."""
        before = (len(self.stage.world.requests), len(self.tracer.asked), len(self.stage.all(PredictionScored)))
        files = dict(self.files.now)
        begun = len(self.stage.all(TraceBegan))
        await self.stage.tell(ImagineHunk(1, file, hunk, decided))
        after = (len(self.stage.world.requests), len(self.tracer.asked), len(self.stage.all(PredictionScored)))
        assert after == before
        assert self.files.now == files
        assert [await text_of(self.dream.drafts, name) for name in BASE] == [
            await text_of(self.files, name) for name in BASE
        ]
        assert all(each.origin is Origin.IMAGINED for each in self.stage.all(TraceBegan)[begun:])
        return self.stage.last(HunkImagined)


@asynccontextmanager
async def reviewed(mode: Mode = Mode.REAL, **more: Any) -> AsyncIterator[Reviewed]:
    on = Reviewed(mode, **more)
    async with opened(on.stage):
        await on.stage.tell("go")
        yield on


async def test_the_call_of_the_failing_test_is_imagined_with_the_hunk() -> None:
    async with reviewed(Mode.VERIFY) as on:
        answer = await on.imagine(A_PY, 0, Decision(A_PY, 1, "reject"), Decision(GONE, 0, "reject"))
        assert (answer.call, answer.why_not, answer.real) == ("f(x=1)", "", 0)
        assert answer.known == f"called by {TEST}"
        assert (answer.path, answer.lines) == ("a.py", (5, 5))
        entry, read = on.dream.asked[-1]
        assert entry == "f(x=1)"
        assert on.dream.began_at == (), "the source alone tells literals"
        assert read == {**BASE, "a.py": F_ALONE, "notes.txt": "two\n"}
        began, ended = on.stage.last(TraceBegan), on.stage.last(TraceEnded)
        assert (began.trace, began.origin, ended.outcome) == (answer.trace, Origin.IMAGINED, Completed(0))
        assert began.subject == "f(x=1), with the hunks as decided"


async def test_what_the_call_was_worth_before_is_found_inside_the_trace_of_its_test() -> None:
    async with reviewed(Mode.VERIFY) as on:
        answer = await on.imagine()
        assert (answer.before, answer.before_origin) == ("returns 1", Origin.REAL)


async def test_where_the_call_was_imagined_and_made_both_are_shown_and_nothing_is_asked() -> None:
    async with reviewed(Mode.VERIFY) as on:
        asked = len(on.dream.asked)
        answer = await on.imagine()
        assert len(on.dream.asked) == asked
        both = {each.origin for each in on.stage.all(TraceBegan) if each.trace == answer.trace}
        assert both == {Origin.IMAGINED, Origin.REAL}
        assert answer.real == answer.trace


async def test_lines_of_the_user_are_imagined() -> None:
    async with reviewed(Mode.VERIFY) as on:
        mine = Decision(A_PY, 0, "edit", edited=b"    y = x\n    return y + 1\n")
        answer = await on.imagine(A_PY, 0, mine)
        assert answer.lines == (5, 6)
        assert "    y = x\n    return y + 1\n" in (on.dream.asked[-1][1]["a.py"] or "")
        broken = await on.imagine(A_PY, 0, Decision(A_PY, 0, "edit", edited=b"    y = (\n"))
        assert broken.why_not.startswith("The source does not parse: line ")
        assert not broken.trace


async def test_a_rejected_hunk_is_imagined_all_the_same() -> None:
    async with reviewed(Mode.VERIFY) as on:
        await on.imagine(A_PY, 0, Decision(A_PY, 0, "reject"), Decision(A_PY, 1, "reject"))
        assert on.dream.asked[-1][1]["a.py"] == F_ALONE


async def test_a_call_that_the_user_traced_is_taken_where_no_test_is_known() -> None:
    on = Reviewed(Mode.REAL, inputs=(), steps=False)
    on.stage.world.script["f(3)"] = Answer(frames=run_of("3", "3"))
    async with opened(on.stage):
        await on.stage.tell(TraceEntry("a.py", "f(3)"), "go")
        answer = await on.imagine()
        assert (answer.call, answer.known, answer.real) == ("f(3)", "traced before", 0)
        assert (answer.before, answer.before_origin) == ("returns 3", Origin.REAL)
        assert on.dream.asked[-1][0] == "f(3)"
        assert await on.imagine() == answer, "it is imagined once"
        assert len(on.dream.asked) == 1
        await on.stage.tell(TraceEntry("a.py", "f(3)"))
        ran = on.stage.last(TraceBegan)
        answer = await on.imagine()
        assert (answer.real, answer.trace, ran.origin) == (ran.trace, answer.trace, Origin.REAL)
        assert answer.trace != answer.real
        assert len(on.dream.asked) == 1


async def test_without_inputs_the_call_is_read_from_the_trace_of_the_failing_test() -> None:
    async with reviewed(inputs=()) as on:
        answer = await on.imagine()
        assert (answer.call, answer.known, answer.before) == ("f(x=1)", f"called by {TEST}", "returns 1")


async def test_where_an_argument_is_no_literal_the_test_itself_is_imagined() -> None:
    async with reviewed(inputs=(), plain=False) as on:
        answer = await on.imagine()
        assert (answer.call, answer.known) == (TEST, "a test through it")
        assert on.dream.asked[-1][0] == "test_x()"
        assert answer.before == "raises AssertionError: assert 1 == 2"


async def test_arguments_that_are_known_and_no_literals_are_not_left_to_the_model() -> None:
    made = replace(CALL, arguments={"x": "<A>"}, expressions={"x": "A()"}, call="f(x=A())")
    async with reviewed(Mode.VERIFY, inputs=[made]) as on:
        assert on.dream.began_at == ()
        answer = await on.imagine(A_PY, 0, Decision(A_PY, 1, "reject"))
        (first,) = on.dream.began_at
        assert (first.event, first.line, first.source, first.locals) == (FrameKind.CALL, 4, "def f(x):", {"x": "<A>"})
        reached = [each for each in on.stage.all(FramesReached) if each.trace == answer.trace]
        frames = [frame for each in reached for frame in each.frames]
        assert frames == [first, *run_of("2")[1:]]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("def f(x): ...", ["f(x=1)"]),
        ("def f(*, x): ...", ["f(x=1)"]),
        ("def f(x, /): ...", []),
        ("def f(*x): ...", []),
        ("def f(x, y): ...", []),
        ("@cache\ndef f(x): ...", []),
        ("def f(:", []),
    ],
)
def test_a_call_is_read_from_a_trace_where_it_can_be_written_by_names(text: str, known: list[str]) -> None:
    past = Past(TraceBegan(1, Origin.REAL, TEST, "test_a.py"), Trace(FAILING), 0)
    found = [each.title for each in calls_reaching("a.py", text, Touched(None), {}, [past]) if not each.is_test]
    assert found == known


def test_a_trace_behind_an_action_is_of_the_files_that_the_action_left() -> None:
    traced = [TraceBegan(1, Origin.REAL, "f(1)", "a.py"), TraceEnded(1, Origin.REAL, Completed(0))]
    ended = ActionEnded(4, Origin.REAL, Completed(1), "", 0.0)
    assert [each.checkpoint for each in past_traces([*traced, ended, *traced])] == [0, 0]
    assert [each.checkpoint for each in past_traces([*traced, ended, *traced, CheckpointMade(2, 4, ())])] == [0, 2]
    assert [each.checkpoint for each in past_traces([*traced, ended, *traced, CheckpointMade(2, 0, ())])] == [0, 0]
    again = [CheckpointMade(2, 4, ()), Rewound(1), *traced]
    assert [each.checkpoint for each in past_traces(again)] == [1]
    assert [each.checkpoint for each in past_traces([*traced, SessionResumed("s"), *traced])] == [None, 0]


@pytest.mark.parametrize(
    ("file", "hunk", "why"),
    [
        (A_PY, 1, "No call that reaches g is known. Trace one: /trace a.py::f(1, 2)"),
        (GONE, 0, "The file is gone with this change: there is nothing to imagine."),
        (NOTES, 0, "Only Python code is imagined."),
        (A_PY, 9, "a.py has no hunk number 9. Open the review again."),
        (9, 0, "The patch has no file number 9. Open the review again."),
    ],
)
async def test_why_nothing_is_imagined_is_one_sentence(file: int, hunk: int, why: str) -> None:
    async with reviewed(Mode.VERIFY) as on:
        assert (await on.imagine(file, hunk)).why_not == why


async def test_without_a_world_model_one_sentence_says_so() -> None:
    async with reviewed(model=False) as on:
        assert (await on.imagine()).why_not == "There is no world model to imagine it. Name one: --model-url URL"


async def test_after_an_apply_there_is_nothing_left() -> None:
    async with reviewed() as on:
        everything = tuple(Decision(file, hunk, "accept") for file, hunk in ((0, 0), (0, 1), (1, 0), (2, 0)))
        await on.stage.tell(ApplyPatch(1, everything))
        assert (await on.imagine()).why_not == "There is nothing left to review."


async def test_it_can_be_stopped() -> None:
    async with reviewed(Mode.REAL, inputs=()) as on:
        on.dream.endless = True
        await on.stage.session.send(ImagineHunk(1, A_PY, 0))
        await on.dream.begun.wait()
        await on.stage.tell(Interrupt())
        assert on.stage.last(TraceEnded).outcome == Completed(130)
        on.dream.endless = False
        again = await on.imagine()
        assert again.trace == on.stage.last(TraceBegan).trace, "what was stopped is imagined anew"
        assert on.stage.last(TraceEnded).outcome == Completed(0)


async def test_the_state_lies_over_files_that_moved_on() -> None:
    async with reviewed(inputs=()) as on:
        await on.stage.tell("again")
        assert on.stage.last(CheckpointMade).checkpoint == 2
        assert await text_of(on.files, "notes.txt") == "three\n"
        await on.imagine()
        assert on.dream.asked[-1][1] == {**BASE, "a.py": AFTER, "notes.txt": "two\n", "gone.py": None}


def test_a_draft_can_hide_a_file() -> None:
    async def look() -> None:
        files = MemoryFiles(tree({"a.py": "1", "b.py": "2"}))
        drafts = Drafts(files)
        drafts.lay_over({b"a.py": None, b"c.py": Entry(REGULAR, b"3")})
        assert [await text_of(drafts, name) for name in ("a.py", "b.py", "c.py")] == [None, "2", "3"]
        with pytest.raises(FileNotFoundError):
            await drafts.read(b"a.py")
        assert [(each.path, each.new) for each in (await drafts.changes()).changes] == [
            (b"a.py", None),
            (b"c.py", Entry(REGULAR, b"3")),
        ]
        drafts.clear()
        assert await text_of(drafts, "a.py") == "1"

    asyncio.run(look())
