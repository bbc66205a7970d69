"""A trace of a session becomes a test of the patch: what is written, what is said, and when nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.core.pins.file import OWN
from cwm_agent.events import (
    ActionBegan,
    CheckpointMade,
    HunkImagined,
    Noticed,
    PatchProposed,
    PinTrace,
    Rewind,
    RunInSandbox,
    TraceBegan,
    TraceEntry,
    TracePinned,
)
from cwm_agent.observations import Completed, LimitReached, Mode, Origin
from cwm_agent.protocols import FinalAnswer
from cwm_agent.testing import Answer, MemoryFiles, ScriptedWorld
from cwm_agent.traces.frames import Frame
from cwm_agent.workspace.changes import REGULAR, ChangeSet, Entry
from tests.unit.core.debugger.stage import SUM, recorded, traced
from tests.unit.core.stage import Stage, bash, opened

TREE = {"f.py": SUM, "tests/test_other.py": "def test_other():\n    pass\n"}
CALL = "total([1, 2])"
PINNED = "tests/test_f_pinned.py"


def stage(
    *entries: str,
    mode: Mode = Mode.REAL,
    dreams: dict[str, Sequence[Frame]] | None = None,
    tree: dict[str, str] = TREE,
    scripts: Sequence[Any] = (),
    **more: object,
) -> Stage:
    """A session whose real world answers entries with what the real tracer recorded of them."""
    imagining: dict[str, Any] = {}
    if dreams is not None:
        script = {entry: Answer(frames=tuple(frames)) for entry, frames in dreams.items()}
        imagining = {
            "imagined": ScriptedWorld(script, Origin.IMAGINED),
            "imagines_commands": False,
            "imagines_calls": True,
            "world_model": "tiny",
        }
    made = Stage(*scripts, base=tree, mode=mode, more={**imagining, **more})
    for entry in entries:
        frames, code = traced(entry)
        made.world.script[entry] = Answer(frames=frames, outcome=Completed(code))
    return made


async def pinned(on: Stage, *entries: str, path: str = "f.py") -> str:
    """Trace calls, pin each of them, and return what the file of the last one says."""
    for entry in entries:
        await on.tell(TraceEntry(path, entry))
        await on.tell(PinTrace(on.last(TraceBegan).trace))
    return on.files.now[on.last(TracePinned).path.encode()].content.decode()


def nothing_written(on: Stage) -> bool:
    return not on.all(TracePinned) and not on.all(CheckpointMade) and on.files.now == on.files.base


def pytest_says(on: Stage, folder: Path) -> str:
    for path, entry in on.files.now.items():
        place = folder / path.decode()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(entry.content)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "tests"]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60).stdout


async def test_what_ran_is_pinned_and_pytest_agrees(tmp_path: Path) -> None:
    entries = (CALL, "check(-1)", "double(n=4)", "check(2)")
    async with opened(stage(*entries)) as on:
        text = await pinned(on, *entries)
        assert on.last(TracePinned) == TracePinned(4, Origin.REAL, PINNED, "test_check_2_returns")
        assert on.workspace.tree == on.files.base, "the user's files are as they were"
        review = on.session.review()
        assert review is not None
        assert [file.change.path for file in review.files] == [PINNED.encode()]
    assert text.startswith(OWN)
    assert "imagined" not in text
    assert "with pytest.raises(Bad) as raised:" in text
    assert "5 passed" in pytest_says(on, tmp_path)
    (tmp_path / "f.py").unlink()
    on.files.put("f.py", SUM.replace("t += double(x)", "t += x"))
    assert "1 failed, 4 passed" in pytest_says(on, tmp_path)


async def test_the_fact_is_pinned_and_not_the_guess() -> None:
    wrong = [*recorded(CALL)[:-1], recorded("total([])")[-1]]
    async with opened(stage(CALL, mode=Mode.VERIFY, dreams={CALL: wrong})) as on:
        text = await pinned(on, CALL)
    assert [each.origin for each in on.all(TraceBegan)] == [Origin.IMAGINED, Origin.REAL]
    assert "assert total([1, 2]) == 6" in text
    assert on.last(TracePinned).origin is Origin.REAL


async def test_what_was_only_imagined_says_who_imagined_it_and_nothing_runs() -> None:
    async with opened(stage(mode=Mode.IMAGINED, dreams={CALL: recorded(CALL)})) as on:
        text = await pinned(on, CALL)
        assert on.world.requests == [], "nothing was run"
    assert '"""The expectation was imagined by tiny; the call never ran."""' in text
    name = "test_total_1_2_returns_as_imagined"
    assert on.last(TracePinned) == TracePinned(1, Origin.IMAGINED, PINNED, name, "tiny")
    assert not on.all(ActionBegan)


async def test_a_real_trace_that_was_cut_short_is_not_replaced_by_the_guess() -> None:
    on = stage(mode=Mode.VERIFY, dreams={CALL: recorded(CALL)})
    on.world.script[CALL] = Answer(frames=recorded(CALL)[:4], outcome=LimitReached("frames"))
    async with opened(on):
        await on.tell(TraceEntry("f.py", CALL), PinTrace(1))
        assert on.last(Noticed).text == f"The trace does not show how {CALL} ends."
        assert on.last(Noticed).remedy == f"Trace it again: /trace f.py::{CALL}"
        assert nothing_written(on)


VALUES = SUM + "\n\ndef same(x):\n    return x\n\n\ndef long():\n    return 'a' * 9000\n"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("same(object())", "no literal"),
        ("same(float('nan'))", "no literal"),
        ("long()", "middle was left out"),
        ("double(1) + 1", "is not a call"),
        ("list(count(2))", "its last call is not a plain one"),
    ],
)
async def test_what_no_test_could_hold_is_one_sentence(entry: str, words: str) -> None:
    on = stage(tree={**TREE, "f.py": VALUES})
    frames, code = traced(entry, VALUES)
    on.world.script[entry] = Answer(frames=frames, outcome=Completed(code))
    async with opened(on):
        await on.tell(TraceEntry("f.py", entry), PinTrace(1))
        assert words in " ".join(each.text for each in on.all(Noticed))
        assert nothing_written(on)
        await on.tell(PinTrace(7))
        assert on.last(Noticed).text == "There is no trace 7."


async def test_an_infinite_value_is_compared() -> None:
    entry = "same(-float('inf'))"
    on = stage(tree={**TREE, "f.py": VALUES})
    on.world.script[entry] = Answer(frames=recorded(entry, VALUES))
    async with opened(on):
        assert "== float('-inf')" in await pinned(on, entry)


async def test_code_that_changed_since_is_not_pinned() -> None:
    on = stage(CALL)
    on.writes("edit", "f.py", SUM.replace("n * 2", "n * 3"))
    on.writes("other", "g.py", "x = 1\n")
    async with opened(on):
        await on.tell(TraceEntry("f.py", CALL), RunInSandbox("other"), PinTrace(1))
        assert on.last(TracePinned).trace == 1, "another file changed"
        await on.tell(Rewind(0), RunInSandbox("edit"), PinTrace(1))
        assert "may have changed since it was traced" in on.last(Noticed).text
        assert on.last(Noticed).remedy == f"Trace it again: /trace f.py::{CALL}"
        await on.tell(Rewind(0), PinTrace(1))
        assert len(on.all(TracePinned)) == 2


async def test_a_trace_of_the_review_is_of_other_code() -> None:
    async with opened(stage(CALL, mode=Mode.IMAGINED, dreams={CALL: recorded(CALL)})) as first:
        await first.tell(TraceEntry("f.py", CALL))
    began = first.session.history.index(first.last(TraceBegan))
    asked = HunkImagined(checkpoint=1, file=0, hunk=0, call=CALL, path="f.py", trace=1)
    events = [*first.session.history[1:began], asked, *first.session.history[began:-1]]
    async with opened(stage()) as on:
        for event in events:
            on.session._bus.publish(event)
        await on.tell(PinTrace(1))
        assert "may have changed since it was traced" in on.last(Noticed).text
        assert nothing_written(on)


async def test_a_trace_of_an_earlier_sandbox_is_not_pinned() -> None:
    async with opened(stage(CALL)) as first:
        await first.tell(TraceEntry("f.py", CALL))
    recording = first.session.history
    async with opened(Stage(base=TREE, mode=Mode.REAL, recorded=recording)) as on:
        await on.tell(PinTrace(1))
        assert "may have changed since it was traced" in on.last(Noticed).text
        assert nothing_written(on)


async def test_the_same_is_pinned_once_and_more_goes_behind_it() -> None:
    async with opened(stage(CALL, "total([1])")) as on:
        before = await pinned(on, CALL)
        await on.tell(TraceEntry("f.py", CALL), PinTrace(2))
        assert on.last(Noticed).text == f"It is pinned already: {PINNED}::test_total_1_2_returns."
        after = await pinned(on, "total([1])")
        assert after.startswith(before)
        assert [each.action for each in on.all(CheckpointMade)] == [0, 0]


@pytest.mark.parametrize(
    "theirs",
    [
        b"x = 1\n",
        b"\xff",
        f"{OWN}\n\nfrom g import total\n\n\ndef test_a():\n    assert total\n".encode(),
        f"{OWN}\n\nfrom f import total as t\n\n\ndef test_a():\n    assert t\n".encode(),
        f"{OWN}\n\n# mine\nimport pytest\n".encode(),
        f"{OWN}\ndef (".encode(),
    ],
)
async def test_what_is_anothers_is_left_alone(theirs: bytes) -> None:
    on = stage(CALL)
    on.files.base[PINNED.encode()] = on.files.now[PINNED.encode()] = Entry(REGULAR, theirs)
    async with opened(on):
        await pinned(on, CALL)
        assert on.last(TracePinned).path == "tests/test_f_pinned_2.py"
        assert on.files.now[PINNED.encode()].content == theirs


async def test_without_a_folder_of_tests_it_stands_at_the_root() -> None:
    async with opened(stage(CALL, tree={"f.py": SUM})) as on:
        await pinned(on, CALL)
        assert on.last(TracePinned).path == "test_f_pinned.py"


async def test_a_checkpoint_leads_back() -> None:
    async with opened(stage(CALL)) as on:
        await pinned(on, CALL)
        assert on.last(PatchProposed).checkpoint == on.last(CheckpointMade).checkpoint == 1
        await on.tell(Rewind(0))
        assert on.files.now == on.files.base
        assert on.session.review() is None
        await pinned(on, CALL)


async def test_what_git_ignores_is_said_to_be_in_no_patch() -> None:
    class Ignoring(MemoryFiles):
        async def changes(self) -> ChangeSet:
            return ChangeSet()

    on = stage(CALL)
    on.files.__class__ = Ignoring
    async with opened(on):
        await pinned(on, CALL)
        assert on.last(Noticed).text == f"{PINNED} is in no patch, for git ignores it."
        assert not on.all(PatchProposed)


async def test_a_pinned_test_joins_the_open_patch_which_is_not_proved_any_more() -> None:
    on = stage(CALL, scripts=[[bash("fix"), bash("pytest -q"), FinalAnswer("Fixed.")]])
    on.writes("fix", "g.py", "x = 1\n")
    on.writes("touch", "h.py", "x = 1\n")
    async with opened(on):
        await on.tell("go")
        assert [each.verified for each in on.all(PatchProposed)] == [True]
        await pinned(on, CALL)
        assert (on.last(PatchProposed).verified, on.last(PatchProposed).summary) == (False, "Fixed.")
        assert [file.name for file in on.last(PatchProposed).files] == ["g.py", PINNED]
        await on.tell(RunInSandbox("touch"), RunInSandbox("pytest -q"))
        assert not on.last(PatchProposed).verified, "something else changed too"


async def test_a_proved_patch_is_proved_again_when_its_pinned_test_ran() -> None:
    on = stage(CALL, scripts=[[bash("fix"), bash("pytest -q"), FinalAnswer("Fixed.")]])
    on.writes("fix", "g.py", "x = 1\n")
    on.answer("ls", "g.py\n")
    async with opened(on):
        await on.tell("go")
        await pinned(on, CALL)
        await on.tell(RunInSandbox("ls"))
        assert not on.last(PatchProposed).verified
        await on.tell(RunInSandbox("pytest -q"))
        assert on.last(PatchProposed).verified
        await on.tell(RunInSandbox("pytest -q"))
        assert len(on.all(PatchProposed)) == 3
