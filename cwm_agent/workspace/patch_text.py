"""A change set as text in git's own format, which `git apply` turns back into the same bytes.

The format is the one of git-diff(1), "Generating patch text with -p", with `GIT binary patch` for what is not text.
"""

from __future__ import annotations

import zlib
from base64 import b85encode
from collections.abc import Iterator
from hashlib import sha1

from cwm_agent.workspace.changes import SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.hunks import CONTEXT, Hunk, hunks, is_binary, split_lines
from cwm_agent.workspace.renames import similarity

_SHORT = 10
_NO_BLOB = "0" * 40
_ESCAPES = {7: b"\\a", 8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 12: b"\\f", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}


def unified(change_set: ChangeSet) -> bytes:
    """The whole change set as one patch."""
    return b"".join(piece for change in change_set.changes for piece in _change(change))


def blob_id(content: bytes) -> str:
    """The name that git gives to this content."""
    return sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def quoted(path: bytes) -> bytes:
    """A path as git writes it: as it is, or in double quotes with C escapes where it holds anything unusual."""
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in path):
        return path
    return b'"' + b"".join(_escaped(byte) for byte in path) + b'"'


def _escaped(byte: int) -> bytes:
    if byte in _ESCAPES:
        return _ESCAPES[byte]
    return bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte


def _change(change: Change) -> Iterator[bytes]:
    old, new = change.old, change.new
    if old is not None and new is not None and (old.mode == SYMLINK) != (new.mode == SYMLINK):
        yield from _change(Change(change.renamed_from or change.path, old, None))
        yield from _change(Change(change.path, None, new))
        return
    binary = any(entry is not None and is_binary(entry.content) for entry in (old, new))
    yield from _header(change, full=binary)
    before, after = old.content if old else b"", new.content if new else b""
    if before == after:
        return
    if binary:
        yield b"GIT binary patch\n"
        yield from _literal(after)
        yield from _literal(before)
        return
    yield _name_line(b"--- ", b"a/", (change.renamed_from or change.path) if old else None)
    yield _name_line(b"+++ ", b"b/", change.path if new else None)
    lines = split_lines(before)
    for hunk in hunks(before, after):
        yield from _hunk(lines, hunk)


def _header(change: Change, *, full: bool) -> Iterator[bytes]:
    old, new = change.old, change.new
    source = change.renamed_from or change.path
    yield b"diff --git %b %b\n" % (quoted(b"a/" + source), quoted(b"b/" + change.path))
    if old and new and old.mode != new.mode:
        yield b"old mode %06o\nnew mode %06o\n" % (old.mode, new.mode)
    elif new and not old:
        yield b"new file mode %06o\n" % new.mode
    elif old and not new:
        yield b"deleted file mode %06o\n" % old.mode
    if change.renamed_from is not None and old and new:
        yield b"similarity index %d%%\n" % similarity(old.content, new.content)
        yield b"rename from %b\nrename to %b\n" % (quoted(source), quoted(change.path))
    if not (old and new and old.content == new.content):
        yield _index(old, new, None if full else _SHORT)


def _index(old: Entry | None, new: Entry | None, length: int | None) -> bytes:
    before = (blob_id(old.content) if old else _NO_BLOB)[:length]
    after = (blob_id(new.content) if new else _NO_BLOB)[:length]
    mode = f" {new.mode:06o}" if old and new and old.mode == new.mode else ""
    return f"index {before}..{after}{mode}\n".encode()


def _name_line(start: bytes, side: bytes, path: bytes | None) -> bytes:
    """A `---` or `+++` line; a tab ends a name with a space in it, so that no date is looked for there."""
    if path is None:
        return start + b"/dev/null\n"
    return start + quoted(side + path) + (b"\t\n" if b" " in path else b"\n")


def _hunk(before: list[bytes], hunk: Hunk) -> Iterator[bytes]:
    first = max(0, hunk.old_start - 1 - CONTEXT)
    above = before[first : hunk.old_start - 1]
    end = hunk.old_start - 1 + len(hunk.old_lines)
    below = before[end : end + CONTEXT]
    around = len(above) + len(below)
    yield b"@@ -%b +%b @@\n" % (
        _range(hunk.old_start - len(above), len(hunk.old_lines) + around),
        _range(hunk.new_start - len(above), len(hunk.new_lines) + around),
    )
    rows = [(" ", line) for line in above] + list(hunk.rows()) + [(" ", line) for line in below]
    for mark, line in rows:
        yield mark.encode() + line
        if not line.endswith(b"\n"):
            yield b"\n\\ No newline at end of file\n"


def _range(start: int, length: int) -> bytes:
    if length == 1:
        return b"%d" % start
    return b"%d,%d" % (start if length else start - 1, length)


def _literal(content: bytes) -> Iterator[bytes]:
    """Git's binary form: at most 52 bytes a line, the first character their number (A-Z is 1-26, a-z 27-52)."""
    yield b"literal %d\n" % len(content)
    packed = zlib.compress(content)
    for at in range(0, len(packed), 52):
        piece = packed[at : at + 52]
        size = len(piece)
        yield bytes([size + 64 if size <= 26 else size + 70]) + b85encode(piece, pad=True) + b"\n"
    yield b"\n"
