"""Recorded sessions get titles, and are copied without touching the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.core import sessions
from cwm_agent.core.record import EVENTS, Record, read, read_checkpoint
from cwm_agent.errors import SessionLocked
from cwm_agent.events import CheckpointMade, PromptAccepted, Rested, SessionOpened
from cwm_agent.observations import Mode
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry

CHANGES = ChangeSet((Change(b"a.py", None, Entry(REGULAR, b"x = 1\n")),))


def recorded(root: Path, name: str = "20260101-000000-abcd") -> Path:
    record = Record(root / name)
    record.append(SessionOpened(name, "/r", "main", "forager", Mode.VERIFY, None, "0"))
    record.append(PromptAccepted("mend it"))
    record.keep(1, CHANGES)
    record.append(CheckpointMade(1, 1, ()))
    record.append(Rested("fixed"))
    record.close()
    return root / name


def test_a_title_is_listed_and_taken_away_again(tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    assert sessions.rename(folder, "  the refund\nbug \x1b[31m") == sessions.list_sessions(tmp_path)[0].title
    assert sessions.list_sessions(tmp_path)[0].title.startswith("the refund")
    assert "\x1b" not in sessions.list_sessions(tmp_path)[0].title
    sessions.rename(folder, "")
    assert sessions.list_sessions(tmp_path)[0].title == ""


def test_a_fork_has_all_of_it_and_goes_its_own_way(tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    made = sessions.fork(folder, tmp_path)
    assert made.name != folder.name
    assert read(made).events == read(folder).events
    assert read_checkpoint(made, 1) == CHANGES
    before = (folder / EVENTS).read_bytes()
    record = Record(made)
    record.append(PromptAccepted("another way"))
    record.close()
    assert (folder / EVENTS).read_bytes() == before
    assert {each.identity for each in sessions.list_sessions(tmp_path)} == {folder.name, made.name}
    assert next(each for each in sessions.list_sessions(tmp_path) if each.folder == made).title.startswith("fork of")


def test_an_open_session_can_be_forked_and_its_torn_last_line_stays_behind(tmp_path: Path) -> None:
    folder = recorded(tmp_path)
    writer = Record(folder)
    with pytest.raises(SessionLocked):
        Record(folder)
    with (folder / EVENTS).open("ab") as file:
        file.write(b'{"n":5,"time":1.0,"crc"')
    made = sessions.fork(folder, tmp_path)
    writer.close()
    assert read(made).bad == 0
    assert read(made).events == read(folder).events


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recorded(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sessions.shutil, "copytree", full)
    with pytest.raises(sessions.SessionError, match="No space left"):
        sessions.fork(folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
