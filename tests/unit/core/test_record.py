"""A session on disk: cut anywhere, damaged, locked, full, listed, taken up again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from cwm_agent.core import record as records
from cwm_agent.core import sessions
from cwm_agent.core.export import last_checkpoint, markdown, patch
from cwm_agent.core.lines import decode, encode
from cwm_agent.core.record import EVENTS, TORN, Record, read, read_checkpoint
from cwm_agent.core.scribe import INTERVAL
from cwm_agent.errors import SessionError, SessionLocked, SessionNotFound
from cwm_agent.events import (
    ActionEnded,
    ActionOutput,
    AgentEvent,
    CheckpointMade,
    Noticed,
    PatchProposed,
    PromptAccepted,
    Rested,
    RunInSandbox,
    SessionOpened,
    SessionResumed,
    SubmitPrompt,
    TextWritten,
    ThoughtWritten,
    UndoApply,
    Unqueue,
    Unqueued,
)
from cwm_agent.observations import Mode
from cwm_agent.protocols import FinalAnswer, Recorder
from cwm_agent.testing import MemoryWorkspace, tree
from cwm_agent.workspace.changes import EXECUTABLE, SYMLINK, Change, ChangeSet, Entry
from tests.unit.core.grammar import check
from tests.unit.core.stage import TREE, Stage, bash, opened
from tests.unit.core.test_session import accept, until

ROOT = Path(__file__).parents[3]
DONE = FinalAnswer("Done.")
OPENED = SessionOpened("s1", "/r", "main", "scripted", Mode.REAL, None, "0")
CHANGES = ChangeSet(
    (
        Change(b"a\xff", None, Entry(EXECUTABLE, b"\0\xff")),
        Change(b"b", Entry(SYMLINK, b"a"), None),
        Change(b"c", Entry(EXECUTABLE, b"1"), Entry(EXECUTABLE, b""), renamed_from=b"d"),
    )
)


def proves_conformance(folder: Path) -> Recorder:
    return Record(folder)


async def recorded_session(folder: Path) -> Stage:
    """A whole session, written by a real recorder."""
    stage = Stage([ThoughtWritten("Hm."), bash("fix"), bash("pytest -q"), DONE], recorder=Record(folder))
    stage.writes("fix", "a.py", "x = 2 \u2013\n")
    async with opened(stage):
        await stage.tell("fix it")
        await stage.tell(accept(stage))
    return stage


async def test_what_was_taken_back_is_recorded_and_not_begun_when_the_session_is_taken_up(tmp_path: Path) -> None:
    stage = Stage([DONE], recorder=Record(tmp_path / "s1"))
    async with opened(stage):
        for command in (SubmitPrompt("go"), SubmitPrompt("more of it"), RunInSandbox("ls")):
            await stage.session.send(command)
        await stage.tell(Unqueue(), Unqueue())
    assert [each.request for each in stage.all(Unqueued)] == [RunInSandbox("ls"), SubmitPrompt("more of it")]
    assert read(tmp_path / "s1").events == stage.session.history
    async with opened(again := resumed(tmp_path / "s1", workspace=stage.workspace)):
        assert not again.session.busy
        assert [each.text for each in again.all(PromptAccepted)] == ["go"]


async def test_what_is_read_is_what_happened(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "s1")
    assert read(tmp_path / "s1").events == stage.session.history
    assert read_checkpoint(tmp_path / "s1", 1) == await stage.files.changes()


async def test_a_record_cut_at_every_byte_is_read_and_taken_up(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "s1")
    data = (tmp_path / "s1" / EVENTS).read_bytes()
    whole = 0
    for cut in range(len(data) + 1):
        found = decode(data[:cut])
        whole = data[:cut].count(b"\n")
        assert found.events == stage.session.history[:whole]
        assert (found.good, found.bad) == (data.rfind(b"\n", 0, cut) + 1, cut - data.rfind(b"\n", 0, cut) - 1)
        check(found.events, cut_off=True)
    for cut in random.Random(7).sample(range(len(data)), 25):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / EVENTS).write_bytes(data[:cut])
        record = Record(folder)
        record.append(Noticed("info", "on"))
        record.close()
        bad = cut - data.rfind(b"\n", 0, cut) - 1
        assert (str(bad) in record.lost) if bad else not record.lost
        assert read(folder).events == (*stage.session.history[: data[:cut].count(b"\n")], Noticed("info", "on"))
        assert not bad or (folder / TORN).read_bytes() == data[cut - bad : cut]


async def test_a_record_damaged_at_any_byte_gives_only_what_stands_before(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "s1")
    data = bytearray((tmp_path / "s1" / EVENTS).read_bytes())
    chosen = random.Random(3)
    for _ in range(400):
        at, bit = chosen.randrange(len(data)), 1 << chosen.randrange(8)
        data[at] ^= bit
        number = data.count(b"\n", 0, at)
        try:
            found = decode(bytes(data)).events
        except SessionError:
            pytest.fail("a damaged record is not one of a newer version")
        assert found[:number] == stage.session.history[:number]
        assert all(event in stage.session.history for event in found), "nothing is made up"
        data[at] ^= bit


def test_a_whole_record_of_a_kind_that_is_not_known_is_not_thrown_away(tmp_path: Path) -> None:
    record = Record(tmp_path / "s1")
    record.append(OPENED)
    record.close()
    line = encode(2, 0.0, Noticed("info", "x"))
    import zlib

    event = b'{"type":"from_the_future"}'
    newer = b'{"n":2,"time":0,"crc":"%08x","event":%b}\n' % (zlib.crc32(event), event)
    file = tmp_path / "s1" / EVENTS
    before = file.read_bytes()
    file.write_bytes(before + newer)
    with pytest.raises(SessionError, match="version"):
        Record(tmp_path / "s1")
    assert file.read_bytes() == before + newer
    file.write_bytes(before + line)
    Record(tmp_path / "s1").close()


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    record = Record(tmp_path / "s1")
    record.append(OPENED)
    record.keep(1, CHANGES)
    record.close()
    for path in [tmp_path / "s1", *(tmp_path / "s1").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_checkpoints_are_kept_byte_for_byte_and_each_content_once(tmp_path: Path) -> None:
    record = Record(tmp_path / "s1")
    record.keep(1, CHANGES)
    record.keep(2, CHANGES)
    record.keep(-1, ChangeSet())
    assert [record.checkpoint(number) for number in (0, 1, 2, -1)] == [ChangeSet(), CHANGES, CHANGES, ChangeSet()]
    blobs = [path for path in (tmp_path / "s1" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == len({b"\0\xff", b"a", b"1", b""})
    many = ChangeSet(tuple(Change(b"%04d" % n, None, Entry(EXECUTABLE, b"%d" % n)) for n in range(200)))
    record.keep(3, many)
    assert record.checkpoint(3) == many
    record.close()


@pytest.mark.parametrize("where", ["checkpoints/1.msgpack", "blobs"])
def test_a_damaged_checkpoint_is_named_not_used(tmp_path: Path, where: str) -> None:
    record = Record(tmp_path / "s1")
    record.keep(1, CHANGES)
    path = tmp_path / "s1" / where
    if path.is_dir():
        path = max((each for each in path.rglob("*") if each.is_file()), key=lambda each: each.stat().st_size)
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(SessionError):
        record.checkpoint(1)
    with pytest.raises(SessionError):
        record.checkpoint(2)
    record.close()


def test_a_second_writer_is_told_who_has_it(tmp_path: Path) -> None:
    first = Record(tmp_path / "s1")
    with pytest.raises(SessionLocked, match=rf"pid {os.getpid()}"):
        Record(tmp_path / "s1")
    first.close()
    first.close()
    Record(tmp_path / "s1").close()


def test_a_session_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    Record(tmp_path / "s1").close()
    assert list(tmp_path.iterdir()) == []
    record = Record(tmp_path / "s2")
    record.keep(1, CHANGES)
    record.close()
    assert (tmp_path / "s2").is_dir()


def test_a_full_disk_leaves_the_record_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record(tmp_path / "s1")
    record.append(OPENED)
    write = os.write
    full = [True]

    def half(handle: int, data: bytes) -> int:
        """As a disk does that fills up in the middle: a part is taken, then nothing."""
        if full == [True]:
            full.append(True)
            return write(handle, data[: len(data) // 2])
        if full:
            raise OSError(28, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(records.os, "write", half)
    with pytest.raises(OSError, match="No space"):
        record.append(PromptAccepted("go"))
    assert read(tmp_path / "s1").events == (OPENED,)
    full.clear()
    record.append(PromptAccepted("go"))
    record.close()
    assert read(tmp_path / "s1").events == (OPENED, PromptAccepted("go"))


async def test_streams_are_joined_in_the_record(tmp_path: Path) -> None:
    pieces = [TextWritten(f"{number} ") for number in range(400)]
    steps = [step for piece in pieces for step in (piece, 0.001)]
    stage = Stage([*steps, DONE], recorder=Record(tmp_path / "s1"))
    began = time.monotonic()
    async with opened(stage):
        await stage.tell("go")
        seconds = time.monotonic() - began
        assert [e for e in stage.session.history if isinstance(e, TextWritten)][:400] == pieces
    kept = [e for e in read(tmp_path / "s1").events if isinstance(e, TextWritten)]
    assert "".join(e.text for e in kept) == "".join(e.text for e in pieces) + "Done."
    assert len(kept) <= seconds / INTERVAL + 3


async def test_a_stream_that_stalls_is_recorded_all_the_same(tmp_path: Path) -> None:
    stage = Stage([TextWritten("a"), TextWritten("b"), 60.0], recorder=Record(tmp_path / "s1"))
    async with opened(stage):
        await stage.session.send(SubmitPrompt("go"))
        await until(stage, TextWritten)
        await asyncio.sleep(4 * INTERVAL)
        kept = [e.text for e in read(tmp_path / "s1").events if isinstance(e, TextWritten)]
        assert "".join(kept) == "ab"


def resumed(folder: Path, *scripts: Sequence[object], workspace: MemoryWorkspace, **more: object) -> Stage:
    record = Record(folder)
    return Stage(*scripts, recorder=record, recorded=record.recorded.events, workspace=workspace, **more)  # type: ignore[arg-type]


async def test_a_session_is_taken_up_where_it_was(tmp_path: Path) -> None:
    stage = Stage([bash("fix"), DONE], recorder=Record(tmp_path / "s1"))
    stage.writes("fix", "a.py", "x = 2\n")
    async with opened(stage):
        await stage.tell("fix it")
    again = resumed(tmp_path / "s1", [bash("pytest -q"), DONE], workspace=stage.workspace)
    async with opened(again):
        assert again.last(SessionResumed).lost == ""
        assert again.files.now[b"a.py"].content == b"x = 2\n"
        await again.tell("run the tests")
        assert [type(e) for e in again.policy.seen[0]].count(PromptAccepted) == 2
        assert again.last(ActionEnded).action == 2
        await again.tell(accept(again))
        assert again.workspace.tree[b"a.py"].content == b"x = 2\n"
    assert read(tmp_path / "s1").events == again.session.history


async def test_a_resumed_session_shows_only_what_the_tree_does_not_have(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "s1")
    again = resumed(tmp_path / "s1", [bash("more"), DONE], workspace=stage.workspace)
    again.writes("more", "c.py", "new\n")
    async with opened(again):
        assert again.session.review() is None, "everything was applied before"
        await again.tell("more")
        assert [stat.name for stat in again.last(PatchProposed).files] == ["c.py"]
        await again.tell(accept(again))
        await again.tell(UndoApply())
        await again.tell(UndoApply())
        assert again.workspace.tree == tree(TREE)
        review = again.session.review()
        assert review is not None
        assert [file.stat.name for file in review.files] == ["a.py", "c.py"]


async def test_what_the_user_changed_meanwhile_is_merged_or_stays(tmp_path: Path) -> None:
    stage = Stage([bash("fix"), DONE], recorder=Record(tmp_path / "s1"))
    stage.answer(
        "fix",
        effect=lambda: (
            stage.files.put("a.py", "x = 2\n"),
            stage.files.put("b.py", TREE["b.py"].replace("one", "ONE")),
        ),
    )
    async with opened(stage):
        await stage.tell("fix it")
    now = MemoryWorkspace(tree({"a.py": "x = 3\n", "b.py": TREE["b.py"].replace("last", "LAST")}))
    again = resumed(tmp_path / "s1", workspace=now)
    async with opened(again):
        assert "a.py" in again.last(SessionResumed).lost
        assert again.files.now[b"a.py"].content == b"x = 3\n"
        assert again.files.now[b"b.py"].content.decode() == TREE["b.py"].replace("one", "ONE").replace("last", "LAST")


async def test_a_session_that_died_in_the_middle_is_closed_in_order(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "whole")
    history = stage.session.history
    for length in range(1, len(history) + 1):
        folder = tmp_path / str(length)
        record = Record(folder)
        for event in history[:length]:
            record.append(event)
        record.keep(1, await stage.files.changes())
        record.close()
        again = resumed(folder, [DONE], workspace=MemoryWorkspace(tree(TREE)))
        async with opened(again):
            assert (await again.tell("go on")) in (Rested("answered"), Rested("proposed"))
            made = any(isinstance(event, CheckpointMade) for event in history[:length])
            assert (again.files.now[b"a.py"].content != b"x = 1\n") == made
        check(read(folder).events)


CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cwm_agent.core.record import Record
from cwm_agent.events import *
from cwm_agent.workspace.changes import *
record = Record(Path(sys.argv[1]))
count = len(record.recorded.events)
while True:
    count += 1
    if count % 7 == 0:
        record.keep(count, ChangeSet((Change(b"f", None, Entry(REGULAR, b"%d" % count * 1000)),)))
        event = CheckpointMade(count, 1, ())
    else:
        event = Noticed("info", str(count) * (count % 50 + 1))
    record.append(event)
    print(count, flush=True)
"""


def test_a_process_killed_at_any_moment_loses_at_most_the_record_that_it_was_writing(tmp_path: Path) -> None:
    folder = tmp_path / "s1"
    chosen = random.Random(11)
    said = 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(root=str(ROOT)), str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        said = int(child.stdout.readline())
        time.sleep(chosen.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
        child.wait()
        told = [int(line) for line in rest.splitlines() if line.isdigit()] if rest.endswith("\n") else []
        said = max([said, *told])
        record = Record(folder)
        events = record.recorded.events
        assert said <= len(events) <= said + 1 or not told
        assert len(events) >= said
        for event in events[-20:]:
            if isinstance(event, CheckpointMade):
                assert record.checkpoint(event.checkpoint).changes[0].path == b"f"
        record.close()
    assert said > 100


def test_sessions_are_listed_and_found(tmp_path: Path) -> None:
    assert sessions.list_sessions(tmp_path / "none") == ()
    for number, repository in enumerate(["/a", "/b", "/a"]):
        record = Record(tmp_path / f"2026-{number}", clock=lambda number=number: 1000.0 + number)
        for event in (
            SessionOpened("x", repository, None, "p", Mode.REAL, None, "0"),
            PromptAccepted(f"task {number}"),
            ActionOutput(1, "real", "x" * 300_000),  # type: ignore[arg-type]
            *([Rested("fixed")] if number else []),
        ):
            record.append(event)
        if number < 2:
            record.close()
    (tmp_path / "other").mkdir()
    listed = sessions.list_sessions(tmp_path)
    assert [(s.identity, s.prompt, s.status) for s in listed] == [
        ("2026-2", "task 2", "running"),
        ("2026-1", "task 1", "fixed"),
        ("2026-0", "task 0", "cut off"),
    ]
    record.close()
    assert sessions.latest("/a", tmp_path).name == "2026-2"
    assert sessions.find("2026-1", tmp_path).name == "2026-1"
    assert sessions.find("oth", tmp_path).name == "other"
    for name in ("2026", "x", ""):
        with pytest.raises(SessionNotFound):
            sessions.find(name, tmp_path)
    with pytest.raises(SessionNotFound):
        sessions.latest("/c", tmp_path)
    with pytest.raises(SessionNotFound):
        read(tmp_path / "gone")


async def test_a_session_is_exported(tmp_path: Path) -> None:
    stage = await recorded_session(tmp_path / "s1")
    text = markdown(stage.session.history)
    assert "## fix it" in text
    assert "> Hm." in text
    assert "```\n3 passed in 0.10s\n```" in text
    assert "**Applied** to a.py." in text
    changes = read_checkpoint(tmp_path / "s1", last_checkpoint(stage.session.history))
    assert patch(changes).startswith(b"diff --git a/a.py b/a.py\n")


def test_an_export_shows_hostile_text_and_does_not_obey_it() -> None:
    hostile: list[AgentEvent] = [PromptAccepted("a\x1b]52;c;AAAA\x07"), TextWritten("````\n\x1b[2J")]
    text = markdown(hostile)
    assert "\x1b" not in text
    assert "\x07" not in text


def test_a_long_session_opens_fast(tmp_path: Path) -> None:
    """500 requests, 50 MB of output: what a resume must read."""
    record = Record(tmp_path / "s1")
    record.append(OPENED)
    output = ActionOutput(1, "real", "some line of output, as long as lines are\n" * 2400)  # type: ignore[arg-type]
    with (tmp_path / "s1" / EVENTS).open("ab") as file:
        for number in range(500):
            file.write(encode(2 + number, 0.0, output))
    record.close()
    assert (tmp_path / "s1" / EVENTS).stat().st_size > 50e6
    began = time.perf_counter()
    assert len(read(tmp_path / "s1").events) == 501
    assert time.perf_counter() - began < 1.5
