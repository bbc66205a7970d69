"""The recorded sessions of this machine: listed, found by name, named, copied, and the newest of a repository."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path

from msgspec import Struct

from cwm_agent.core.lines import backwards, decode
from cwm_agent.core.lock import held, locked
from cwm_agent.core.record import EVENTS, read
from cwm_agent.errors import SessionError, SessionNotFound
from cwm_agent.events import PromptAccepted, Rested, SessionOpened
from cwm_agent.resources import private_folder, state_folder
from cwm_agent.text import printable_line

RUNNING = "running"
"""The status of a session that another process has open."""
_TITLE = "title"
_TITLE_LENGTH = 80
_ROLLOUTS = "rollouts"
_KEPT = ("blobs", "checkpoints", _ROLLOUTS)
_HEAD = 64 * 1024
_TAIL = 64 * 1024
_REMEDY = "cwm-agent sessions list"


class Summary(Struct, frozen=True):
    """One session: its name, when it was opened (seconds since 1970), for which repository, and what became of it.

    `status` is that of the last request, RUNNING where another process has it open, `cut off` where it died in the
    middle of a request, `new` before the first. `title` is what the user calls it, or empty.
    """

    identity: str
    started: float
    repository: str
    prompt: str
    status: str
    folder: Path
    title: str = ""


def sessions_folder() -> Path:
    """Where sessions are recorded, each in a folder of its own."""
    return state_folder() / "sessions"


def new_identity() -> str:
    """A name that sorts by time and is not taken."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def list_sessions(root: Path | None = None) -> tuple[Summary, ...]:
    """All sessions that can be read, the newest first."""
    found = [_summary(folder) for folder in _folders(root)]
    return tuple(sorted((each for each in found if each), key=lambda s: (s.started, s.identity), reverse=True))


def find(name: str, root: Path | None = None) -> Path:
    """The folder of the session with this name, or the only one whose name begins so; SessionNotFound otherwise."""
    folders = _folders(root)
    exact = [folder for folder in folders if folder.name == name]
    matching = exact or [folder for folder in folders if name and folder.name.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise SessionNotFound(f"There is no session {name!r}.", remedy=_REMEDY)
    names = ", ".join(sorted(folder.name for folder in matching)[:5])
    raise SessionNotFound(f"Several sessions begin with {name!r}: {names}.", remedy="Write more of its name.")


def latest(repository: str, root: Path | None = None) -> Path:
    """The folder of the newest session of a repository; SessionNotFound where there is none."""
    for summary in list_sessions(root):
        if summary.repository == repository:
            return summary.folder
    raise SessionNotFound(f"No session of {repository} is recorded.", remedy=_REMEDY)


def another(name: str, present: str, repository: str, root: Path | None = None) -> Path:
    """The folder of the session that can be taken up in place of the present one of the same repository.

    SessionError where there is none of that name, or where it is the present one, another repository's, or open
    in another process.
    """
    folder = find(name, root)
    if folder.name == present:
        raise SessionError(f"{folder.name} is the session that is open here.", remedy="Name another one: /sessions")
    summary = _summary(folder)
    if summary is None:
        raise SessionError(f"The session {folder.name} cannot be read.", remedy="Name another one: /sessions")
    if summary.repository != repository:
        raise SessionError(
            f"The session {folder.name} is of another repository: {printable_line(summary.repository)}.",
            remedy=f"Leave, and take it up with: cwm-agent sessions resume {folder.name}",
        )
    if summary.status == RUNNING:
        raise locked(folder)
    return folder


def rename(folder: Path, title: str) -> str:
    """Give a session a title, on one line and of at most 80 characters; an empty one takes it away."""
    title = printable_line(title.strip())[:_TITLE_LENGTH]
    place = folder / _TITLE
    if title:
        place.write_text(title, encoding="utf-8")
    else:
        place.unlink(missing_ok=True)
    return title


def rollouts_folder(folder: Path) -> Path:
    """Where the rollouts of a session are recorded, each in a folder of its own."""
    return folder / _ROLLOUTS


def rollout(folder: Path, number: int) -> Path:
    """The folder of one of a session's rollouts; SessionNotFound where there is none of that number."""
    found = rollouts_folder(folder) / str(number)
    if not (found / EVENTS).is_file():
        raise SessionNotFound(
            f"The session {folder.name} has no rollout {number}.",
            remedy=f"Its table names them: cwm-agent sessions show {folder.name}",
        )
    return found


def fork(folder: Path, root: Path | None = None) -> Path:
    """A copy of a session that goes its own way from here: its record up to its last whole line, and its checkpoints.

    The copy's folder. The original may be open; it is only read.
    """
    recorded = read(folder)
    made = (root or sessions_folder()) / new_identity()
    half = made.with_name(f".{made.name}")
    private_folder(half)
    try:
        (half / EVENTS).write_bytes((folder / EVENTS).read_bytes()[: recorded.good])
        for part in _KEPT:
            if (folder / part).is_dir():
                shutil.copytree(folder / part, half / part)
        prompt = next((event.text for event in recorded.events if isinstance(event, PromptAccepted)), "")
        rename(half, f"fork of {_title(folder) or prompt or folder.name}")
        half.rename(made)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        raise SessionError(f"The session {folder.name} cannot be copied: {error.strerror}.") from error
    return made


def _title(folder: Path) -> str:
    try:
        return printable_line((folder / _TITLE).read_text(encoding="utf-8", errors="replace"))[:_TITLE_LENGTH]
    except OSError:
        return ""


def _folders(root: Path | None) -> list[Path]:
    base = root or sessions_folder()
    try:
        return [Path(entry.path) for entry in os.scandir(base) if _is_session(entry)]
    except FileNotFoundError:
        return []


def _is_session(entry: os.DirEntry[str]) -> bool:
    """A name with a dot before it is a copy that was not finished."""
    return entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")


def _summary(folder: Path) -> Summary | None:
    """From the beginning and the end of a record; a long one is not read through."""
    try:
        with (folder / EVENTS).open("rb") as file:
            head = file.read(_HEAD)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
        recorded = decode(head)
    except (OSError, SessionError):
        return None
    opened = next((event for event in recorded.events if isinstance(event, SessionOpened)), None)
    if opened is None:
        return None
    prompt = next((event.text for event in recorded.events if isinstance(event, PromptAccepted)), "")
    status = RUNNING if held(folder) else _last_status(tail) or ("cut off" if prompt else "new")
    return Summary(folder.name, recorded.times[0], opened.repository, prompt, status, folder, _title(folder))


def _last_status(tail: bytes) -> str:
    for event in backwards(tail):
        if isinstance(event, Rested):
            return event.status
        if isinstance(event, PromptAccepted):
            return "cut off"
    return ""
