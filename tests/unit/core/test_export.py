"""A recorded session as a file: the same bytes from every front end, and never in the place of another file."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from cwm_agent import compose_sessions
from cwm_agent.core import export, sessions
from cwm_agent.core.record import Record
from cwm_agent.errors import UsageError
from cwm_agent.events import CheckpointMade, PromptAccepted, Rested, SessionOpened
from cwm_agent.observations import Mode
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recorded session with a checkpoint."""
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    record = Record(sessions.sessions_folder() / "20260101-000000-abcd")
    record.append(SessionOpened(record.folder.name, "/r", "main", "forager", Mode.VERIFY, None, "0"))
    record.append(PromptAccepted("mend it"))
    record.keep(1, ChangeSet((Change(b"a.py", None, Entry(REGULAR, b"x = 1\n")),)))
    record.append(CheckpointMade(1, 1, ()))
    record.append(Rested("fixed"))
    record.close()
    return record.folder


def test_a_recorded_session_is_its_conversation_or_its_patch(folder: Path) -> None:
    assert export.recorded(folder, "markdown").decode().startswith("# Session 20260101-000000-abcd\n")
    assert export.recorded(folder, "patch").endswith(b"@@ -0,0 +1 @@\n+x = 1\n")


@pytest.mark.parametrize("format_", get_args(export.Format))
def test_what_is_printed_is_what_is_written(
    folder: Path, tmp_path: Path, format_: export.Format, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    place = tmp_path / "out"
    said = export.write(place, export.recorded(folder, format_))
    compose_sessions.show_sessions("export", repo=tmp_path, session=folder.name, format_=format_)
    assert capfdbinary.readouterr().out == place.read_bytes()
    assert said == f"Written: {place}, {place.stat().st_size:,} bytes."


@pytest.mark.parametrize(("name", "why"), [("mine.md", "File exists"), ("no/where.md", "No such file or directory")])
def test_a_file_that_cannot_be_written_is_named_and_nothing_is_replaced(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "mine.md").write_bytes(b"my own words\n")
    with pytest.raises(UsageError, match=rf"{name} cannot be written: {why}\."):
        export.write(tmp_path / name, b"other words\n")
    assert (tmp_path / "mine.md").read_bytes() == b"my own words\n"
