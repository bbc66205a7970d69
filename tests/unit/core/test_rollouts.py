"""Rollouts beside each other, on doubles: what goes wrong in one of them, interrupts, and what is taken over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from cwm_agent import protocols
from cwm_agent.core.comparison import lines, sentences
from cwm_agent.core.judge import Suite, as_judged
from cwm_agent.core.places import BestOfParts, Court, Place, Room
from cwm_agent.errors import ModelUnavailable, SandboxError, UsageError
from cwm_agent.events import (
    ActionProposed,
    CheckpointMade,
    Interrupt,
    PatchProposed,
    Progressed,
    PromptAccepted,
    Rested,
    Rewind,
    RolloutsCompared,
    SetMode,
    SubmitPrompt,
    ToolCall,
)
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    Limits,
    Mode,
    Origin,
    Request,
    TraceCall,
    WorldEvent,
)
from cwm_agent.protocols import Act, FinalAnswer, Spectrum
from cwm_agent.settings import BestOfSettings, LimitSettings
from cwm_agent.testing import MemoryFiles, MemoryRecorder, ScriptedPolicy, ScriptedWorld, Step, tree
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry
from tests.unit.core.stage import Stage, opened

BASE = {"a.py": "value = 'base'\n", "test_a.py": "def test_2():\n    old\n"}
NAME = "test_cwm_reproduction.py"


def edit(after: str) -> Act:
    return Act(ToolCall("edit", f"a.py\n<<<<<<< SEARCH\nvalue = 'base'\n=======\nvalue = '{after}'\n>>>>>>> REPLACE"))


def writes(text: str) -> list[Step]:
    """A test that passes where the value has this word in it; `import` and `base` stand for tests that do not count."""
    return [Act(ToolCall("create", f"{NAME}\n{text}\n")), FinalAnswer("There.")]


class WordBench:
    """Runs tests that are words: a test of ours passes where the value of a.py holds it."""

    recorded = 0

    def __init__(self, files: MemoryFiles, hall: Hall) -> None:
        self._files = files
        self._hall = hall

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        value = self._files.now[b"a.py"].content.decode()
        await asyncio.sleep(self._hall.slow)
        if targets:
            return Spectrum(tuple(self._generated(path, value) for path in targets), {})
        if "broken" in value or self._hall.problem:
            return Spectrum((), {}, self._hall.problem or "the suite does not import")
        kept = "failed" if "loses" in value else "passed"
        repaired = "passed" if "repairs" in value else "failed"
        return Spectrum(
            (protocols.TestResult("test_a.py::test_1", kept), protocols.TestResult("test_a.py::test_2", repaired)), {}
        )

    def _generated(self, path: str, value: str) -> protocols.TestResult:
        word = self._files.now[path.encode()].content.decode().strip()
        if word == "import":
            return protocols.TestResult(
                path, "error", message="ModuleNotFoundError: No module named 'nowhere'", path=path
            )
        if word == "name":
            return protocols.TestResult(
                f"{path}::test", "failed", message="NameError: name 'x' is not defined", path=path
            )
        return protocols.TestResult(
            f"{path}::test", "passed" if word in value else "failed", message="assert False", path=path
        )

    def verify(self, *_: object) -> AsyncIterator[object]:
        raise NotImplementedError

    async def aclose(self) -> None:
        pass


class Hall:
    """Places and courts in memory: the k-th rollout follows the k-th script. Counts what is open."""

    def __init__(self, *scripts: Sequence[Step] | Exception, tests: Sequence[Sequence[Step]] = (), at_once: int = 8):
        self.scripts = list(scripts)
        self.tests = list(tests)
        self.at_once = at_once
        self.slow = 0.0
        self.problem = ""
        self.open = self.most = self.places = 0
        self.records: dict[str, MemoryRecorder] = {}
        self.policies: dict[str, ScriptedPolicy] = {}
        self.court_error: Callable[[], Exception | None] = lambda: None
        self.left: list[str] = []
        self.judged: list[str] = []
        self.dreams = False

    @asynccontextmanager
    async def _opened(self, name: str) -> AsyncIterator[None]:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await asyncio.sleep(0)
            yield
        finally:
            await asyncio.sleep(0.01)
            self.open -= 1
            self.left.append(name)

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[Place]:
        script = (self.tests if name.startswith("test") else self.scripts).pop(0)
        async with self._opened(name):
            if isinstance(script, Exception):
                raise script
            self.policies[name] = ScriptedPolicy(script)
            self.records[name] = MemoryRecorder()
            files, world = MemoryFiles(tree(BASE)), ScriptedWorld({"pytest -q": "3 passed in 0.10s\n"})
            yield Place(
                policy=self.policies[name],
                real=world,
                files=files,
                recorder=self.records[name],
                imagined=Dreamer(files) if self.dreams else None,
            )

    @asynccontextmanager
    async def court(self) -> AsyncIterator[Court]:
        async with self._opened("court"):
            if error := self.court_error():
                raise error
            files = MemoryFiles(tree(BASE))
            yield Court(files=files, bench=WordBench(files, self))  # type: ignore[arg-type] # no candidates here
            self.judged.append(files.now[b"a.py"].content.decode())

    def parts(self) -> BestOfParts:
        async def room() -> Room:
            return Room(at_once=self.at_once, words="They share a machine.")

        return BestOfParts(
            place=self.place,
            court=self.court,
            first=lambda: len([name for name in self.records if name.isdigit()]) + 1,
            room=room,
            reproduction=lambda task, path: f"Show in {path}: {task}",
            settings=BestOfSettings(tests=len(self.tests), seconds=5.0),
        )


async def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never became true")


def stage(hall: Hall, **more: object) -> Stage:
    made = Stage(base=BASE, more={"best_of": hall.parts()}, mode=Mode.REAL, **more)  # type: ignore[arg-type]
    made.answer("cd /workspace && python3 -m pytest --deselect test_a.py::test_2", "1 passed in 0.1s\n")
    made.answer("cd /workspace && python3 -m pytest", "2 passed in 0.1s\n")
    return made


async def test_the_best_becomes_the_sessions_own() -> None:
    hall = Hall(
        [edit("loses repairs"), FinalAnswer("First.")],
        [edit("repairs"), FinalAnswer("Second.")],
        [edit("nothing"), FinalAnswer("Third.")],
        [FinalAnswer("I would not know.", "gave_up")],
    )
    async with opened(stage(hall)) as on:
        rested = await on.tell(SubmitPrompt("repair it", 4))
        compared = on.last(RolloutsCompared)
        assert (compared.winner, compared.decided_by) == (2, "repaired")
        assert [(row.status, row.kept, row.repaired) for row in compared.rows] == [
            ("proposed", 0, 1),
            ("proposed", 1, 1),
            ("proposed", 1, 0),
            ("no_patch", None, None),
        ]
        assert rested == Rested("fixed")
        assert on.files.now[b"a.py"].content == b"value = 'repairs'\n"
        assert on.last(PatchProposed).verified
        review = on.session.review()
        assert review is not None
        assert [change.path for change in review.changes.changes] == [b"a.py"]
        assert on.workspace.tree[b"a.py"].content == b"value = 'base'\n", "nothing reaches the user before the review"
        await on.tell(Rewind(0))
        assert on.files.now[b"a.py"].content == b"value = 'base'\n"
    assert hall.open == 0
    assert all(policy.seen[0] == hall.policies["1"].seen[0] for name, policy in hall.policies.items()), "one prefix"


async def test_a_patch_that_no_test_needs_is_no_proof() -> None:
    tested = [edit("nothing"), Act(ToolCall("bash", "pytest -q")), FinalAnswer("")]
    for script, status in (([edit("nothing"), FinalAnswer("")], "proposed"), (tested, "fixed")):
        async with opened(stage(Hall(list(script), list(script)))) as on:
            rested = await on.tell(SubmitPrompt("repair it", 2))
            assert (rested.status if rested else "") == status
            assert on.last(PatchProposed).verified is (status == "fixed")


class Dreamer:
    """Imagines that a failing test passes where a.py holds `repairs`."""

    origin = Origin.IMAGINED

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files

    async def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        assert isinstance(request, TraceCall)
        passes = b"repairs" in self._files.now[b"a.py"].content
        event, value = (FrameKind.RETURN, "None") if passes else (FrameKind.EXCEPTION, "AssertionError: ")
        yield FrameReached(
            Frame(
                event=event,
                file="test_a.py",
                function="test_2",
                line=2,
                depth=0,
                source="    old",
                locals={},
                value=value,
            )
        )
        yield Finished(Completed(0))

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("mode", "order", "foretold"),
    [
        (Mode.VERIFY, ["repairs", "first", "last"], [(0, 1), (1, 1), (0, 1)]),
        (Mode.REAL, ["first", "repairs", "last"], [None, None, None]),
    ],
)
async def test_what_is_imagined_of_a_patch_orders_which_is_judged_first_and_decides_nothing(
    mode: Mode, order: list[str], foretold: list[tuple[int, int] | None]
) -> None:
    hall = Hall(*([edit(word), FinalAnswer("Done.")] for word in ("first", "repairs", "last")), at_once=1)
    hall.dreams = True
    async with opened(stage(hall)) as on:
        await on.tell(SetMode(mode), SubmitPrompt("mend it", 3))
        compared = on.last(RolloutsCompared)
    assert [row.foretold for row in compared.rows] == foretold
    assert compared.winner == 2
    judged = [word for text in hall.judged for word in order if word in text]
    assert judged == order


async def test_the_record_of_the_session_is_not_flooded() -> None:
    thoughts = [edit("repairs"), *[Act(ToolCall("bash", "pytest -q"))] * 20, FinalAnswer("Done.")]
    hall = Hall(list(thoughts), list(thoughts))
    async with opened(stage(hall)) as on:
        await on.tell(SubmitPrompt("repair it", 2))
        assert len(on.all(ActionProposed)) == 1, "the one that shows the winner to work"
        assert len(on.all(CheckpointMade)) == 1
    for record in hall.records.values():
        assert sum(isinstance(event, ActionProposed) for event in record.events) == 21
        assert isinstance(record.events[0], PromptAccepted)
        assert record.checkpoints[1].changes[0].path == b"a.py"


async def test_a_request_after_it_goes_on_from_there_and_rollouts_are_numbered_on() -> None:
    hall = Hall(
        [edit("repairs"), FinalAnswer("One.")], [edit("repairs"), FinalAnswer("Two.")], *[[FinalAnswer("No.")]] * 2
    )
    async with opened(stage(hall)) as on:
        await on.tell(SubmitPrompt("repair it", 2))
        assert on.last(RolloutsCompared).rows[1].patch == 1
        rested = await on.tell(SubmitPrompt("and more", 2))
        assert [row.rollout for row in on.last(RolloutsCompared).rows] == [3, 4]
        assert (rested.status if rested else "") == "no_patch"
        assert on.files.now[b"a.py"].content == b"value = 'repairs'\n"
    seen = hall.policies["3"].seen[0]
    assert [event.text for event in seen if isinstance(event, PromptAccepted)] == ["repair it", "and more"]


async def test_generated_tests_count_where_they_fail_for_a_reason_of_the_code() -> None:
    hall = Hall(
        [edit("odd"), FinalAnswer("")],
        [edit("even"), FinalAnswer("")],
        tests=[writes("even"), writes("import"), writes("name"), writes("base"), writes("even"), [FinalAnswer("No.")]],
    )
    async with opened(stage(hall)) as on:
        await on.tell(SubmitPrompt("repair it", 2))
        compared = on.last(RolloutsCompared)
        assert (compared.written, compared.reproducing, compared.counted) == (5, 2, 2)
        assert (compared.winner, compared.decided_by) == (2, "agreed")
        assert [row.agreed for row in compared.rows] == [0, 2]
        assert not any(NAME.encode() in path for path in on.files.now)


async def test_what_goes_wrong_in_a_rollout_is_its_row() -> None:
    hall = Hall(
        SandboxError("No room for a container."),
        [edit("repairs"), ModelUnavailable("The server went away.")],
        [edit("broken"), FinalAnswer("")],
        [*[Act(ToolCall("bash", "pytest -q"))] * 9, FinalAnswer("")],
        [RuntimeError("a fault")],
    )
    async with opened(stage(hall, limits=LimitSettings(turns=5))) as on:
        rested = await on.tell(SubmitPrompt("repair it", 5))
        rows = on.last(RolloutsCompared).rows
        assert [row.status for row in rows] == ["error", "error", "proposed", "limit", "error"]
        assert "No room" in rows[0].note
        assert "went away" in rows[1].note
        assert "does not import" in rows[2].note
        assert on.last(RolloutsCompared).winner == 2, "what it had changed until then counts all the same"
        assert (rested.status if rested else "") == "fixed"
    assert hall.open == 0


async def test_where_all_fail_the_request_fails() -> None:
    hall = Hall(*[ModelUnavailable("The server went away.")] * 3)
    async with opened(stage(hall)) as on:
        assert await on.tell(SubmitPrompt("repair it", 3)) == Rested("error", "The server went away.")


async def test_a_judge_that_fails_lets_nothing_pass() -> None:
    hall = Hall([edit("repairs"), FinalAnswer("")])
    asked: list[int] = []

    def second_fails() -> Exception | None:
        asked.append(1)
        return SandboxError("No room.") if len(asked) > 1 else None

    hall.court_error = second_fails
    hall.scripts.append([edit("repairs"), FinalAnswer("")])
    async with opened(stage(hall)) as on:
        rested = await on.tell(SubmitPrompt("repair it", 2))
        assert on.last(RolloutsCompared).rows[0].kept == 0
        assert "No room." in on.last(RolloutsCompared).rows[0].note
        assert rested == Rested("proposed"), "its tests run here and pass, but it was not seen to keep what passed"


async def test_without_tests_of_the_repository_the_rest_decides() -> None:
    hall = Hall([edit("x"), FinalAnswer("")], [edit("y"), FinalAnswer("")], [edit("y"), FinalAnswer("")])
    hall.problem = "pytest is missing"
    async with opened(stage(hall)) as on:
        rested = await on.tell(SubmitPrompt("repair it", 3))
        compared = on.last(RolloutsCompared)
        assert (compared.decided_by, compared.passing) == ("frequency", None)
        assert compared.winner in (2, 3)
        assert "pytest is missing" in " ".join(sentences(compared))
        assert "—" in lines(compared)[1]
        assert rested == Rested("proposed")


async def test_more_than_the_machine_has_room_for_wait() -> None:
    hall = Hall(*[[0.01, edit("repairs"), FinalAnswer("")] for _ in range(6)], at_once=2)
    async with opened(stage(hall)) as on:
        await on.tell(SubmitPrompt("repair it", 6))
        assert len(on.last(RolloutsCompared).rows) == 6
        assert on.last(Progressed).done == 6 or on.last(Progressed).total == 6
    assert hall.most == 2


async def test_an_interrupt_stops_all_and_keeps_what_came() -> None:
    hall = Hall([edit("repairs"), FinalAnswer("")], [60.0], [edit("y"), 60.0], [60.0], at_once=4)
    async with opened(stage(hall)) as on:
        await on.session.send(SubmitPrompt("repair it", 4))
        await until(lambda: "3" in hall.records and len(hall.left) >= 2)
        await asyncio.sleep(0.1)
        await on.session.send(Interrupt())
        assert await on.session.idle() == Rested("interrupted")
        rows = on.last(RolloutsCompared).rows
        assert [row.status for row in rows] == ["proposed", "interrupted", "interrupted", "interrupted"]
        assert on.last(RolloutsCompared).winner is None, "what was not compared is not chosen"
        assert hall.open == 0
        assert on.files.now[b"a.py"].content == b"value = 'base'\n"
        assert await on.tell("go on") is not None
    ended = [event for event in hall.records["3"].events if isinstance(event, Rested)]
    assert [rested.status for rested in ended] == ["interrupted"]
    assert 1 in hall.records["3"].checkpoints


async def test_closing_the_session_ends_them() -> None:
    hall = Hall([60.0], [60.0])
    on = stage(hall)
    await on.session.start()
    await on.session.send(SubmitPrompt("repair it", 2))
    await until(lambda: hall.open == 2)
    await on.session.aclose()
    assert hall.open == 0


@pytest.mark.parametrize("count", [0, -1, 65, 10**9])
async def test_a_number_that_makes_no_sense_is_refused(count: int) -> None:
    async with opened(stage(Hall())) as on:
        with pytest.raises(UsageError, match="from 2 to 64"):
            await on.session.send(SubmitPrompt("repair it", count))


async def test_a_policy_that_would_do_the_same_again_is_refused() -> None:
    async with opened(Stage(mode=Mode.REAL)) as on:
        with pytest.raises(UsageError, match="the same"):
            await on.session.send(SubmitPrompt("repair it", 2))
        await on.session.send(SetMode(Mode.IMAGINED))
    async with opened(stage(Hall())) as on:
        await on.session.send(SetMode(Mode.IMAGINED))
        with pytest.raises(UsageError, match="imagined"):
            await on.session.send(SubmitPrompt("repair it", 2))


def test_a_patch_is_judged_by_the_tests_that_there_were() -> None:
    old, new = Entry(REGULAR, b"assert f() == 1\n"), Entry(REGULAR, b"assert True\n")
    code = Change(b"a.py", None, new)
    weakened = Change(b"tests/test_a.py", old, new)
    hook = Change(b"tests/conftest.py", None, new)
    suite = Suite(frozenset({"tests/test_a.py::test_f"}))
    assert as_judged(ChangeSet((code, hook, weakened)), ChangeSet(), suite) == ChangeSet((code,))
    begun = Change(b"tests/test_a.py", old, replace_content(old, b"assert f() == 2\n"))
    assert as_judged(ChangeSet((code, weakened)), ChangeSet((begun,)), suite) == ChangeSet((code, begun))


def replace_content(entry: Entry, content: bytes) -> Entry:
    return Entry(entry.mode, content)
