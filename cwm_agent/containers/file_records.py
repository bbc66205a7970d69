"""What the file service says and is told, as values; nothing that it says is taken without a look. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from cwm_agent.errors import SandboxError
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK
from cwm_agent.workspace.listing import Stamp, inside_git

KIND = {REGULAR: 1, EXECUTABLE: 2, SYMLINK: 3}
MODE = {number: mode for mode, number in KIND.items()}
GONE = 0

_RECORD = struct.Struct(">HBQQ32s")
_BATCH = 100_000
_PATH_BYTES = 4096


class Suspect(Struct, frozen=True):
    """A file that may differ from the snapshot's; `mode` is None where it is gone.

    While `token` and `size` stay, so does the content. `digest` is zeros for a new file.
    """

    path: bytes
    mode: int | None
    size: int
    token: int
    digest: bytes


def suspects(payload: bytes) -> Iterator[Suspect]:
    """The records of a scan; SandboxError where they are not what they must be."""
    at = 0
    while at < len(payload):
        if len(payload) - at < _RECORD.size:
            raise nonsense("a record is cut short")
        length, kind, size, token, digest = _RECORD.unpack_from(payload, at)
        at += _RECORD.size
        path = payload[at : at + length]
        at += length
        if len(path) < length:
            raise nonsense("a path is cut short")
        check_path(path)
        if kind != GONE and kind not in MODE:
            raise nonsense(f"{printable_name(path)} is of an unknown kind")
        yield Suspect(path, MODE.get(kind), size, token, digest)


def check_path(path: bytes) -> None:
    """SandboxError unless the path names something below the root, outside of `.git`."""
    parts = path.split(b"/")
    if not path or len(path) > _PATH_BYTES or b"\0" in path or {b"", b".", b".."} & set(parts) or inside_git(path):
        raise nonsense(f"the path {printable_name(path)}")


def nonsense(what: str) -> SandboxError:
    """The error for an answer that no service of ours would give."""
    return SandboxError(f"The sandbox's file service gave an impossible answer: {what}.")


def base_batches(
    stamps: Mapping[bytes, Stamp], modes: Mapping[bytes, int], *, since: int, whole_seconds: bool
) -> Iterator[tuple[dict[str, object], bytes]]:
    """The snapshot's files as requests of which each fits a frame: paths, sizes, times, kinds."""
    unit = 1_000_000_000 if whole_seconds else 1
    paths: Sequence[bytes] = list(stamps)
    for start in range(0, max(len(paths), 1), _BATCH):
        batch = paths[start : start + _BATCH]
        names = b"\0".join(batch)
        numbers = [stamps[path][0] for path in batch]
        numbers += [stamps[path][1] // unit for path in batch]
        numbers += [KIND[modes[path]] for path in batch]
        header: dict[str, object] = {
            "op": "base",
            "first": start == 0,
            "count": len(batch),
            "paths": len(names),
            "since": since,
            "unit": unit,
        }
        yield header, names + struct.pack(f">{len(numbers)}q", *numbers)
