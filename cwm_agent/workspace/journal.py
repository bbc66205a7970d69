"""What was done to a tree, on disk before it is done: enough to finish it or to take it back after a kill.

    journals/<hash of the root>/
        root                 the folder's path, for people
        lock                 held while a process writes
        <identity>.plan      every step with the bytes before and after, checksummed
        <identity>.go        all is prepared: a killed process is finished from here on
        <identity>.back      something failed: a killed process is taken back from here on
        <identity>.done      all steps are taken, temporary files may be left
        <identity>.clean     nothing is left to do

A plan has one mark at most, the last one that was set; setting one over another is a rename, for which a full disk has
room. A plan without a mark has touched nothing but its own temporary files.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from cwm_agent.errors import WorkspaceError
from cwm_agent.resources import private_folder, state_folder
from cwm_agent.workspace.changes import Entry
from cwm_agent.workspace.tree import Watch, unwatched

Mark = Literal["go", "back", "done", "clean"]
MARKS: tuple[Mark, ...] = ("clean", "done", "back", "go")
KEPT = 50
WAIT_SECONDS = 3.0


class Step(Struct, frozen=True):
    """One path from `before` to `after` (None: it does not exist), through a temporary file of its own.

    `temporary` stands in `hold`, the nearest folder that is there all the time. `permissions` are those of the file
    before; they are for giving it back.
    """

    path: bytes
    before: Entry | None
    after: Entry | None
    temporary: bytes
    permissions: int | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that one apply or undo does.

    `made` are folders that it makes, parents first; `cleared` folders that stand where a file will, children first;
    `pruned` folders that are removed if they are empty afterwards, children first, with their permissions. `moves`
    are renames (from, to); `undoes` names the plan that an undo takes back.
    """

    identity: str
    undoes: str = ""
    steps: tuple[Step, ...] = ()
    made: tuple[tuple[bytes, int | None], ...] = ()
    cleared: tuple[bytes, ...] = ()
    pruned: tuple[tuple[bytes, int], ...] = ()
    moves: tuple[tuple[bytes, bytes], ...] = ()
    merged: tuple[bytes, ...] = ()

    @property
    def paths(self) -> tuple[bytes, ...]:
        """The paths that it touches."""
        return tuple(step.path for step in self.steps)


class Held(WorkspaceError):
    """Another process is writing to this tree."""


def journal_folder(root: Path) -> Path:
    """Where the journal of this tree is."""
    real = os.fsencode(root.resolve())
    return state_folder() / "journals" / sha256(real).hexdigest()[:24]


class Journal:
    """The journal in `folder`; `watch` is told of each step that writes, before it is taken."""

    def __init__(self, folder: Path, watch: Watch = unwatched) -> None:
        self.folder = folder
        self._watch = watch

    @contextmanager
    def lock(self, root: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Be the only process that writes; Held after waiting for `seconds`. The lock ends with the process."""
        private_folder(self.folder.parent)
        private_folder(self.folder)
        with (self.folder / "lock").open("ab") as file:
            deadline = time.monotonic() + seconds
            while not _locked(file.fileno()):
                if time.monotonic() > deadline:
                    raise Held(
                        f"Another cwm-agent is writing to {root}.",
                        remedy="Nothing was changed. Try again when it is done.",
                    )
                time.sleep(0.02)
            self._tidy(root)
            yield

    def _tidy(self, root: Path) -> None:
        for half in self.folder.glob("*.tmp"):
            half.unlink()
        for mark in self.folder.glob("*-*.*"):
            if not mark.with_suffix(".plan").exists():
                mark.unlink()
        if not (self.folder / "root").exists():
            self._write("root", os.fsencode(root.resolve()))

    def new_identity(self) -> str:
        """A name that sorts after all others."""
        names = self.identities()
        last = int(names[-1].partition("-")[0]) if names else 0
        return f"{last + 1:08d}-{secrets.token_hex(4)}"

    def identities(self) -> list[str]:
        """Every plan that is kept, oldest first."""
        return sorted(path.stem for path in self.folder.glob("*.plan"))

    def begin(self, plan: Plan) -> None:
        """Store a plan; from here on a kill is recovered from."""
        body = msgspec.msgpack.encode(plan)
        self._write(f"{plan.identity}.plan", sha256(body).digest() + body)

    def read(self, identity: str) -> Plan:
        """A stored plan; WorkspaceError where the disk lost some of it."""
        path = self.folder / f"{identity}.plan"
        stored = path.read_bytes()
        if sha256(stored[32:]).digest() != stored[:32]:
            raise WorkspaceError(f"The journal {path} is damaged.", remedy="Look at your files, then remove it.")
        return msgspec.msgpack.decode(stored[32:], type=Plan)

    def mark(self, identity: str, mark: Mark) -> None:
        """Note how far a plan is."""
        state = self.state(identity)
        if state is None:
            return self._write(f"{identity}.{mark}", b"")
        self._watch(f"journal {identity}.{mark}")
        (self.folder / f"{identity}.{state}").replace(self.folder / f"{identity}.{mark}")
        return self._sync()

    def state(self, identity: str) -> Mark | None:
        """How far a plan is; None while it only prepares."""
        for mark in MARKS:
            if (self.folder / f"{identity}.{mark}").exists():
                return mark
        return None

    def drop(self, identity: str) -> None:
        """Forget a plan."""
        for suffix in ("plan", *MARKS):
            self._watch("forget")
            (self.folder / f"{identity}.{suffix}").unlink(missing_ok=True)

    def shorten(self) -> None:
        """Forget the oldest plans that are done."""
        for identity in self.identities()[:-KEPT]:
            if self.state(identity) == "clean":
                self.drop(identity)

    def _write(self, name: str, content: bytes) -> None:
        half = self.folder / f"{name}.tmp"
        try:
            self._watch(f"journal {name}")
            with half.open("wb") as file:
                file.write(content)
                file.flush()
                self._watch(f"journal {name} sync")
                os.fsync(file.fileno())
            self._watch(f"journal {name} rename")
            half.replace(self.folder / name)
        except OSError:
            half.unlink(missing_ok=True)
            raise
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
