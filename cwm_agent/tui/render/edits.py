"""What an edit or create call would change, for the eye only: the call's own text as a small diff."""

from __future__ import annotations

from msgspec import Struct

from cwm_agent.events import ToolCall

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"


class Edit(Struct, frozen=True):
    """A file's name and the lines that go and come."""

    path: str
    old: tuple[str, ...]
    new: tuple[str, ...]


def edit_of(call: ToolCall) -> Edit | None:
    """The edit that a call asks for; None when it is no edit, or not of the format (it is then shown as it is)."""
    lines = call.content.split("\n")
    path = lines[0].strip()
    if call.tool == "create" and path:
        body = lines[1:-1] if lines[-1] == "" else lines[1:]
        return Edit(path, (), tuple(body))
    if call.tool != "edit":
        return None
    try:
        start = lines.index(SEARCH)
        middle = lines.index(DIVIDER, start)
        end = lines.index(REPLACE, middle)
    except ValueError:
        return None
    return Edit(path, tuple(lines[start + 1 : middle]), tuple(lines[middle + 1 : end]))


def trimmed(edit: Edit) -> tuple[list[str], list[str], list[str], list[str]]:
    """The edit as common head, old lines, new lines, common tail."""
    old, new = list(edit.old), list(edit.new)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return old[:head], old[head : len(old) - tail], new[head : len(new) - tail], old[len(old) - tail :]
