"""Names of files and of tests where there is little room: the file stays, and folders in the middle go."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from cwm_agent.text import printable_line
from cwm_agent.views.spans import beginning, middle

_LEAST = 8
"""Cells of a test's name below which it is left out rather than its file."""


def short(name: str, room: int) -> str:
    """A path or the id of a test, safe to print, in at most `room` cells; what is left out is one `…`."""
    return next(each for each in _shorter(printable_line(name), room) if cell_len(each) <= room)


def subject(text: str, room: int) -> str:
    """What a trace is of: the id of a test as a name, a call as a value is shown."""
    return short(text, room) if ".py::" in text.partition("(")[0] else middle(text, room)


def _shorter(name: str, room: int) -> Iterator[str]:
    """The name, then with fewer and fewer folders, those in the middle going first, then with less of the test."""
    yield name
    path, sign, test = name.partition("::")
    *folders, file = path.split("/")
    for kept in range(len(folders) - 1, -1, -1):
        first, last = folders[: (kept + 1) // 2], folders[len(folders) - kept // 2 :]
        yield "/".join([*first, "…", *last, f"{file}{sign}{test}"])
    yield f"{file}{sign}{test}"
    left = room - cell_len(f"{file}::")
    if test and left >= _LEAST:
        yield f"{file}::{_cut(test, left)}"
    yield _cut(file, room)


def _cut(name: str, room: int) -> str:
    """Both ends of a name, or all of it where it fits."""
    if cell_len(name) <= room:
        return name
    kept = max(0, room - 1)
    tail = beginning(name[::-1], kept // 2)[::-1]
    return f"{beginning(name, kept - cell_len(tail))}…{tail}" if room > 0 else ""
