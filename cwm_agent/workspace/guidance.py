"""What a repository says to agents: its AGENTS.md, and those of its folders, as a snapshot shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from msgspec import Struct

from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, Entry

NAME = b"AGENTS.md"
MOST_BYTES = 32 * 1024
"""How much such files may say together."""
MOST_FILES = 16


class Guidance(Struct, frozen=True):
    """`text` is what would be followed, word for word; `names` are its files, `left_out` says of others why not."""

    text: str = ""
    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def guidance(paths: Iterable[bytes], read: Callable[[bytes], Entry]) -> Guidance:
    """Gather it from regular UTF-8 files; the one of the root first, each other below a line that names its folder."""
    found = sorted(
        (path for path in paths if path.rpartition(b"/")[2] == NAME), key=lambda path: (path.count(b"/"), path)
    )
    parts: list[str] = []
    names: list[str] = []
    left_out: list[str] = []
    room = MOST_BYTES
    for path in found:
        content, why = _content(read(path), room) if len(names) < MOST_FILES else ("", "there are too many")
        name = printable_name(path)
        if why:
            left_out.append(f"{name} is not followed: {why}.")
        elif content:
            folder = printable_name(path[: -len(NAME)])
            parts.append(f"## In {folder}\n\n{content}" if folder else content)
            names.append(name)
            room -= len(content.encode())
    return Guidance("\n\n".join(parts), tuple(names), tuple(left_out))


def _content(entry: Entry, room: int) -> tuple[str, str]:
    """The text of a file, or why it cannot be followed."""
    if entry.mode not in (REGULAR, EXECUTABLE):
        return "", "it is a link"
    if len(entry.content) > room:
        return "", f"it is larger than the {room:,} bytes that are left for it"
    try:
        text = entry.content.decode("utf-8")
    except UnicodeDecodeError:
        return "", "it is not UTF-8"
    return ("", "it is not text") if "\0" in text else (text.strip(), "")
