"""What the file tools have in common: paths as the sandbox means them, text files line by line, answers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from msgspec import Struct

from cwm_agent.observations import Completed, Finished, OutputWritten, WorldEvent
from cwm_agent.protocols import Files
from cwm_agent.text import printable_line
from cwm_agent.workspace.changes import SYMLINK, Entry

ROOT = "/workspace"


class BadCall(Exception):
    """A call that cannot be carried out; its text is the answer."""


class TextFile(Struct, frozen=True):
    """A file of text: its mode, its lines without their ends, and the end of each ("" where the last has none)."""

    mode: int
    lines: tuple[str, ...]
    ends: tuple[str, ...]

    def entry(self) -> Entry:
        """The file as bytes again."""
        return Entry(self.mode, "".join(map(str.__add__, self.lines, self.ends)).encode("utf-8"))


def sound(content: str) -> str:
    """A call's content with U+FFFD for lone surrogates, which no file and no command can hold."""
    return content.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def path_of(text: str) -> bytes:
    """A path of a call, relative to the snapshot where it lies in it, else absolute."""
    if not text:
        raise BadCall("The first line must be the path of the file.")
    if "\0" in text:
        raise BadCall("A path cannot hold a NUL character.")
    whole = posixpath.normpath(posixpath.join(ROOT, text))
    inside = posixpath.relpath(whole, ROOT)
    name = whole if inside == ".." or inside.startswith("../") else inside
    if name == ".":
        raise BadCall(f"{text} is a directory.")
    return name.encode("utf-8")


async def read_text(files: Files, path: bytes, name: str) -> TextFile:
    """Read a file of text; BadCall says why it cannot be edited."""
    try:
        entry = await files.read(path)
    except FileNotFoundError:
        raise BadCall(f"{name} does not exist.") from None
    except OSError as error:
        raise BadCall(f"{name} cannot be read: {error.strerror or error}.") from error
    if entry.mode == SYMLINK:
        target = printable_line(entry.content.decode("utf-8", "replace"))
        raise BadCall(f"{name} is a symbolic link to {target}. Name the file itself.")
    return text_file(entry, name)


def text_file(entry: Entry, name: str) -> TextFile:
    """The lines of a file; BadCall where it is not UTF-8 text."""
    try:
        text = entry.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadCall(
            f"{name} is not UTF-8 text (byte {error.start}). "
            "Use bash to change it, with a program that knows its encoding."
        ) from None
    if "\0" in text:
        raise BadCall(f"{name} is a binary file.")
    pieces = text.split("\n")
    lines = [piece.removesuffix("\r") for piece in pieces[:-1]]
    ends = ["\r\n" if piece.endswith("\r") else "\n" for piece in pieces[:-1]]
    if pieces[-1]:
        lines.append(pieces[-1])
        ends.append("")
    return TextFile(entry.mode, tuple(lines), tuple(ends))


async def write(files: Files, path: bytes, entry: Entry, name: str) -> None:
    """Write a file; BadCall says why it cannot be written."""
    try:
        await files.write(path, entry)
    except OSError as error:
        raise BadCall(f"{name} cannot be written: {error.strerror or error}.") from error


def numbered(lines: Sequence[str], first: int, last: int) -> str:
    """Lines `first` to `last`, counted from 1, with their numbers."""
    first, last = max(1, first), min(len(lines), last)
    width = len(str(last))
    return "".join(f"{at:>{width}}\t{lines[at - 1]}\n" for at in range(first, last + 1))


def done(text: str) -> Iterator[WorldEvent]:
    """The answer to a call that was carried out."""
    yield OutputWritten(text)
    yield Finished(Completed(0))


def refused(error: BadCall) -> Iterator[WorldEvent]:
    """The answer to a call that was not."""
    yield OutputWritten(f"{error}\n")
    yield Finished(Completed(2))
