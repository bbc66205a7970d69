"""The sandbox's files as the host sees and writes them: the far end of `sandbox/runner/filed.py`."""

from __future__ import annotations

import asyncio
import errno
import os

from msgspec import Struct

from cwm_agent.containers.channel import Channel
from cwm_agent.containers.container import Container
from cwm_agent.containers.file_channel import Connect, FileChannel, raise_errno
from cwm_agent.containers.file_records import KIND, MODE, Suspect, check_path, nonsense, suspects
from cwm_agent.containers.framing import Header
from cwm_agent.containers.generation import mode_of
from cwm_agent.containers.snapshot import WORKSPACE, Snapshot
from cwm_agent.containers.toolbox import RUNNER, TOOLBOX_PYTHON
from cwm_agent.containers.trees import add_parents
from cwm_agent.errors import SandboxError
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.ignored import IgnoreRules

FILE_BYTES = 64 * 1024**2
"""The largest file that a change set may hold."""
TOTAL_BYTES = 256 * 1024**2
"""How much all files of a change set may hold together."""

_PART = 4 * 1024**2
_FETCH = 200
_TRIES = 4


class _Kept(Struct, frozen=True):
    """A file that was fetched before, and what it was known by then."""

    suspect: Suspect
    entry: Entry


class ContainerFiles:
    """Satisfies `protocols.Files` for a running container over a snapshot.

    One request at a time. A service that a command killed is started again; ContainerDied where that is not possible,
    SandboxError where it answers nonsense. Links are not followed: reading one gives its target.
    """

    def __init__(self, snapshot: Snapshot, connect: Connect) -> None:
        self._snapshot = snapshot
        self._base = snapshot.base
        self._channel = FileChannel(snapshot, connect, most=2 * TOTAL_BYTES)
        self._turn = asyncio.Lock()
        self._rules: IgnoreRules | None = None
        self._passed_by: set[bytes] = set()
        self._kept: dict[bytes, _Kept] = {}
        self._folders: set[bytes] | None = None

    @classmethod
    def of(cls, container: Container, snapshot: Snapshot) -> ContainerFiles:
        """The files of this container; the service starts with the first request."""
        argv = [*TOOLBOX_PYTHON, f"{RUNNER}/filed.py", WORKSPACE]
        return cls(snapshot, lambda: Channel.over(container, argv))

    async def aclose(self) -> None:
        """End the service."""
        await self._channel.close()

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        """The file's mode and content; OSError(EFBIG) past `limit` bytes."""
        async with self._turn:
            return (await self._read([path], limit))[0]

    async def write(self, path: bytes, entry: Entry) -> None:
        """Write a file whose folder exists; in one step, and whatever file stood there is gone."""
        async with self._turn:
            await self._write(path, entry, parents=False)

    async def is_directory(self, path: bytes) -> bool:
        """Whether the path is a folder, links followed."""
        async with self._turn:
            return (await self._ask("is_directory", path)).get("yes") is True

    async def changes(self) -> ChangeSet:
        """What differs from the snapshot as it was taken; new files that the user's rules ignore are left out."""
        async with self._turn:
            return await self._changes()

    async def restore(self, changes: ChangeSet) -> None:
        """Make the files differ from the snapshot as it was taken by exactly `changes`; ignored ones stay."""
        wanted: dict[bytes, Entry | None] = {}
        for change in changes.changes:
            if change.renamed_from is not None:
                wanted.setdefault(change.renamed_from, None)
            wanted[change.path] = change.new
        async with self._turn:
            present = {change.path: change.new for change in (await self._changes()).changes}
            target: dict[bytes, Entry | None] = {}
            for path in present.keys() | wanted.keys():
                check_path(path)
                goal = wanted[path] if path in wanted else await self._original(path)
                now = present[path] if path in present else await self._original(path)
                if goal != now:
                    target[path] = goal
            for path in sorted((path for path, goal in target.items() if goal is None), reverse=True):
                await self._ask("remove", path)
            for path, entry in sorted(target.items()):
                if entry is not None:
                    await self._write(path, entry, parents=True)

    async def _original(self, path: bytes) -> Entry | None:
        if path not in self._base.stamps:
            return None
        return await asyncio.to_thread(self._base.read, path)

    async def _changes(self) -> ChangeSet:
        for _ in range(_TRIES - 1):
            try:
                return await self._compared()
            except FileNotFoundError:
                continue  # a process in the sandbox removed it between the two looks
        return await self._compared()

    async def _compared(self) -> ChangeSet:
        found = await self._differing(await self._scan())
        entries = await self._contents([suspect for suspect in found if suspect.mode is not None])
        changes = []
        for suspect in sorted(found, key=lambda suspect: suspect.path):
            old = await self._original(suspect.path)
            new = entries.get(suspect.path)
            if old != new:
                changes.append(Change(suspect.path, old, new))
        return ChangeSet(tuple(changes))

    async def _scan(self) -> dict[bytes, Suspect]:
        found: dict[bytes, Suspect] = {}
        skipped = b"\0".join(sorted(self._passed_by))
        for header, payload in await self._channel.ask([({"op": "scan"}, skipped)], base=True):
            raise_errno(header, b"")
            for suspect in suspects(payload):
                if suspect.path in found or (suspect.mode is None and suspect.path not in self._base.stamps):
                    raise nonsense(f"{printable_name(suspect.path)} twice, or gone without having been there")
                found[suspect.path] = suspect
        return found

    async def _differing(self, found: dict[bytes, Suspect]) -> list[Suspect]:
        """Those that are not what the snapshot has, and that git does not ignore."""
        stamps, digests = self._base.stamps, self._base.digests
        differing, new = [], []
        for suspect in found.values():
            stamp = stamps.get(suspect.path)
            if stamp is None:
                new.append(suspect)
            elif suspect.mode != mode_of(stamp) or suspect.digest != digests[suspect.path]:
                differing.append(suspect)
        return differing + (await asyncio.to_thread(self._not_ignored, new) if new else [])

    def _not_ignored(self, new: list[Suspect]) -> list[Suspect]:
        """The new files that git would add. An ignored new folder is asked about once, and then passed by."""
        if self._rules is None:
            self._rules = IgnoreRules(self._snapshot.repository, self._base.nested)
        if self._folders is None:
            self._folders = {b""}
            for path in self._base.stamps:
                add_parents(path, self._folders)
        tops = {suspect.path: self._new_folder(suspect.path) for suspect in new}
        ignored = self._rules.ignored({top for top in tops.values() if top})
        self._passed_by |= {top.rstrip(b"/") for top in ignored}
        rest = [suspect for suspect in new if tops[suspect.path] not in ignored]
        ignored = self._rules.ignored(suspect.path for suspect in rest)
        return [suspect for suspect in rest if suspect.path not in ignored]

    def _new_folder(self, path: bytes) -> bytes:
        """The topmost folder on the way that the snapshot has not, with a slash; empty where there is none."""
        assert self._folders is not None
        at = path.find(b"/")
        while at >= 0:
            if path[:at] not in self._folders:
                return path[: at + 1]
            at = path.find(b"/", at + 1)
        return b""

    async def _contents(self, wanted: list[Suspect]) -> dict[bytes, Entry]:
        """Fetch the files, save those that have not changed since the last time."""
        if sum(suspect.size for suspect in wanted) > TOTAL_BYTES or any(s.size > FILE_BYTES for s in wanted):
            largest = max(wanted, key=lambda suspect: suspect.size)
            raise SandboxError(
                f"The changed files are too large to be proposed; the largest is {printable_name(largest.path)}"
                f" with {largest.size:,} bytes.",
                remedy="Remove it in the sandbox, or let git ignore it.",
            )
        kept = {s.path: self._kept[s.path] for s in wanted if s.path in self._kept and self._kept[s.path].suspect == s}
        missing = [suspect for suspect in wanted if suspect.path not in kept]
        total = 0
        for start in range(0, len(missing), _FETCH):
            batch = missing[start : start + _FETCH]
            entries = await self._read([suspect.path for suspect in batch], FILE_BYTES)
            kept |= {suspect.path: _Kept(suspect, entry) for suspect, entry in zip(batch, entries, strict=True)}
            total += sum(len(entry.content) for entry in entries)
            if total > TOTAL_BYTES:
                raise SandboxError("The changed files grew past what can be proposed while they were read.")
        self._kept = kept
        return {path: one.entry for path, one in kept.items()}

    async def _read(self, paths: list[bytes], limit: int) -> list[Entry]:
        """The files, in order; the first that fails raises its OSError."""
        if any(b"\0" in path for path in paths):
            raise ValueError("a path with a zero byte")
        request: tuple[Header, bytes] = ({"op": "read", "limit": limit}, b"\0".join(paths))
        frames = await self._channel.ask([request], answers=len(paths))
        entries, parts, size = [], list[bytes](), 0
        waiting = iter(paths)
        for header, payload in frames:
            parts.append(payload)
            size += len(payload)
            if header.get("last"):
                path, kind = next(waiting), header.get("kind")
                raise_errno(header, path)
                mode = MODE.get(kind) if isinstance(kind, int) else None
                if mode is None or size > limit:
                    raise nonsense(f"{printable_name(path)} is no file, or longer than was asked for")
                entries.append(Entry(mode, b"".join(parts)))
                parts, size = [], 0
        return entries

    async def _write(self, path: bytes, entry: Entry, *, parents: bool) -> None:
        parts = [entry.content[at : at + _PART] for at in range(0, max(len(entry.content), 1), _PART)]
        if entry.mode not in KIND or (len(parts) > 1 and entry.mode == SYMLINK) or b"\0" in path:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        requests: list[tuple[Header, bytes]] = []
        for number, part in enumerate(parts, 1):
            place = {"path": len(path), "first": number == 1, "last": number == len(parts), "parents": parents}
            requests.append(({"op": "write", "kind": KIND[entry.mode], **place}, path + part))
        header, _ = (await self._channel.ask(requests))[-1]
        raise_errno(header, path)

    async def _ask(self, operation: str, path: bytes) -> Header:
        header, _ = (await self._channel.ask([({"op": operation}, path)]))[-1]
        raise_errno(header, path)
        return header
