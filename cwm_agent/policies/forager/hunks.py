"""A change of a file as calls of the edit tool: whole lines that occur once, and what replaces them."""

from __future__ import annotations

import difflib

MARKS = ("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE")
_NEAR = 3


def contents(path: str, before: str, after: str) -> tuple[str, ...]:
    """The calls that, one after the other, turn `before` into `after`; ValueError when the format cannot say it."""
    found: list[str] = []
    now = before.split("\n")
    new = after.split("\n")
    shift = 0
    for start, end, new_start, new_end in _blocks(now, new):
        lines = before.split("\n") if not found else now
        text = new[new_start:new_end]
        low, high, replacement = _unique(lines, start + shift, end + shift, text)
        search = lines[low:high]
        if any(line.rstrip("\r") in MARKS for line in (*search, *replacement)):
            raise ValueError(f"{path}: the lines look like the edit format's own marks")
        found.append("\n".join([path, MARKS[0], *search, MARKS[1], *replacement, MARKS[2]]))
        now = [*lines[:low], *replacement, *lines[high:]]
        shift += len(text) - (end - start)
    return tuple(found)


def parts(content: str) -> tuple[str, str, str] | None:
    """Path, searched lines and replacement of an edit call; None when it is not one."""
    path, _, rest = content.partition(f"\n{MARKS[0]}\n")
    search, middle, replacement = rest.partition(f"\n{MARKS[1]}\n")
    replacement, end, _ = replacement.rpartition(f"\n{MARKS[2]}")
    return (path.strip(), search, replacement) if middle and end else None


def applied(text: str, search: str, replacement: str) -> str | None:
    """The text with whole lines replaced; None unless they occur exactly once."""
    lines, wanted = text.split("\n"), search.split("\n")
    places = [n for n in range(len(lines) - len(wanted) + 1) if lines[n : n + len(wanted)] == wanted]
    if len(places) != 1:
        return None
    at = places[0]
    return "\n".join([*lines[:at], *replacement.split("\n"), *lines[at + len(wanted) :]])


def _blocks(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """Changed line ranges of both texts; ranges with few lines between them are one."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    middle = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    found: list[tuple[int, int, int, int]] = []
    for kind, a, b, c, d in middle.get_opcodes():
        if kind == "equal":
            continue
        block = (a + head, b + head, c + head, d + head)
        if found and block[0] - found[-1][1] <= _NEAR:
            last = found.pop()
            block = (last[0], block[1], last[2], block[3])
        found.append(block)
    return found


def _unique(lines: list[str], low: int, high: int, new: list[str]) -> tuple[int, int, list[str]]:
    """The range widened by equal lines until it is not empty, stays not empty, and occurs once."""
    new = list(new)
    upward = True
    while low == high or not new or _count(lines, lines[low:high]) != 1:
        if (upward and low > 0) or high >= len(lines):
            if low == 0:
                break
            low -= 1
            new.insert(0, lines[low])
        else:
            new.append(lines[high])
            high += 1
        upward = not upward
    return low, high, new


def _count(lines: list[str], wanted: list[str]) -> int:
    first, size = wanted[0], len(wanted)
    return sum(line == first and lines[n : n + size] == wanted for n, line in enumerate(lines))
