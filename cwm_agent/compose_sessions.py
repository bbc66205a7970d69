"""Recorded sessions at the command line: listed, shown, exported, named, copied, and taken up again."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from cwm_agent.core import export, record, sessions
from cwm_agent.core.history import newest
from cwm_agent.errors import UsageError
from cwm_agent.events import SessionOpened
from cwm_agent.settings import Settings
from cwm_agent.text import printable_line
from cwm_agent.transcript import Transcript
from cwm_agent.workspace.repository import Repository

_PROMPT_WIDTH = 60


def resume(settings: Settings, *, repo: Path, session: str | None, interactive: bool) -> int:
    """Take up a recorded session: the named one, or the newest of the repository."""
    folder = _folder(session, repo)
    if not interactive:
        raise UsageError(
            "A session is taken up in a terminal.", remedy=f"To see it: cwm-agent sessions show {folder.name}"
        )
    return _take_up(settings, folder, repo)


def _take_up(settings: Settings, folder: Path, repo: Path) -> int:
    from cwm_agent.compose_tui import open_tui

    opened = newest(record.read(folder).events, SessionOpened)
    repository = Repository.open(opened.repository if opened else repo, create=True)
    return open_tui(settings, repository, resumed=folder)


def fork(settings: Settings, *, repo: Path, session: str | None, interactive: bool) -> int:
    """Copy a session, and take the copy up where there is a terminal; else print the copy's name."""
    made = sessions.fork(_folder(session, repo))
    if interactive:
        return _take_up(settings, made, repo)
    print(made.name)
    return 0


def rename(*, repo: Path, session: str | None, title: str) -> int:
    """Give a session a title."""
    folder = _folder(session, repo)
    title = sessions.rename(folder, title)
    print(f"{folder.name}  {title}" if title else f"{folder.name} has no title any more.")
    return 0


def show_sessions(
    what: str, *, repo: Path, session: str | None, format_: str | None, rollout: int | None = None
) -> int:
    """Print the list of sessions, or one of them, or one of its rollouts; the exit code."""
    if what == "list":
        return _list_sessions(format_)
    folder = _folder(session, repo)
    if rollout is not None:
        folder = sessions.rollout(folder, rollout)
    return _show_session(folder) if what == "show" else _export_session(folder, format_)


def _folder(session: str | None, repo: Path) -> Path:
    return sessions.find(session) if session else sessions.latest(Repository.open(repo, create=True).root)


def in_a_line(each: sessions.Summary) -> str:
    """A session as the list shows it."""
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.started))
    words = each.title or printable_line(each.prompt)[:_PROMPT_WIDTH]
    return f"{each.identity}  {started}  {each.status:<11}  {printable_line(each.repository)}  {words}"


def _list_sessions(format_: str | None) -> int:
    found = sessions.list_sessions()
    if format_ == "json":
        print(msgspec.json.encode(found, enc_hook=str).decode())
        return 0
    for each in found:
        print(in_a_line(each))
    return 0


def _show_session(folder: Path) -> int:
    transcript = Transcript(sys.stdout)
    for event in record.read(folder).events:
        transcript.write(event)
    return 0


def _export_session(folder: Path, format_: str | None) -> int:
    sys.stdout.buffer.write(export.recorded(folder, "patch" if format_ == "patch" else "markdown"))
    return 0
