"""A patch under review: its files and hunks in a fixed order, and what follows from the user's decisions on them.

A decision names a file and a hunk by number. Every hunk is taken or left on its own. What is not lines goes with them:
a file's new name and new mode are taken as soon as one of its hunks is, and a file without lines (binary, mode or name
only, empty) has one hunk, number 0, that stands for all of it. A hunk without a decision is rejected; where a hunk is
decided twice, the last decision counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.events import Decision, FileStat
from cwm_agent.text import printable, printable_name
from cwm_agent.workspace.changes import Change, ChangeSet, Entry
from cwm_agent.workspace.diff import Hunk, assemble, has_lines, hunks_of, pair_renames, split_lines, stat
from cwm_agent.workspace.flags import Flag, Kind, flags

Chosen = dict[int, Decision]


class ReviewFile(Struct, frozen=True):
    """One file of a review: the change, its hunks (never none), its numbers, and what to look out for."""

    change: Change
    hunks: tuple[Hunk, ...]
    stat: FileStat
    flags: tuple[Flag, ...]

    @property
    def serious(self) -> bool:
        """Whether the file should not be accepted without having been looked at."""
        return any(flag.serious for flag in self.flags)


class Review(Struct, frozen=True, dict=True):
    """A change set as the user reviews it; renames are paired, files stand in the order of their paths."""

    changes: ChangeSet

    @cached_property
    def files(self) -> tuple[ReviewFile, ...]:
        """The files, numbered from 0 in this order."""
        ordered = sorted(pair_renames(self.changes).changes, key=lambda change: change.path)
        return tuple(_file(change) for change in ordered)

    def default_decisions(self) -> tuple[Decision, ...]:
        """Accept what shows all that it does; leave a file that could do harm unseen to the user's own eyes."""
        return tuple(
            Decision(number, hunk, "reject" if file.serious else "accept", _why(file) if file.serious else "")
            for number, file in enumerate(self.files)
            for hunk in range(len(file.hunks))
        )

    def accept_all(self) -> tuple[Decision, ...]:
        """Accept every hunk of every file."""
        return tuple(
            Decision(number, hunk, "accept")
            for number, file in enumerate(self.files)
            for hunk in range(len(file.hunks))
        )

    def accepted(self, decisions: Sequence[Decision]) -> ChangeSet:
        """The changes that the user takes; UsageError where a decision names no hunk, or edits what has no lines."""
        by_file = self._by_file(decisions)
        taken = (_taken(file, by_file.get(number, {})) for number, file in enumerate(self.files))
        return ChangeSet(tuple(change for change in taken if change is not None))

    def notes(self, decisions: Sequence[Decision]) -> str:
        """What was rejected or edited and why, for the policy: path, lines of its own version, note; or empty."""
        by_file = self._by_file(decisions)
        lines = []
        for number, file in enumerate(self.files):
            chosen = by_file.get(number, {})
            lines += [
                f"- {_place(file, hunk)}: {_judged(chosen.get(at))}"
                for at, hunk in enumerate(file.hunks)
                if at not in chosen or chosen[at].verdict != "accept" or chosen[at].note
            ]
        if not lines:
            return ""
        return "\n".join(["The user reviewed the patch and did not take all of it as it is:", *lines])

    def _by_file(self, decisions: Sequence[Decision]) -> dict[int, Chosen]:
        found: dict[int, Chosen] = {}
        for decision in decisions:
            self._check(decision)
            found.setdefault(decision.file, {})[decision.hunk] = decision
        return found

    def _check(self, decision: Decision) -> None:
        if not 0 <= decision.file < len(self.files):
            raise UsageError(f"The patch has no file number {decision.file}.", remedy="Open the review again.")
        file = self.files[decision.file]
        if not 0 <= decision.hunk < len(file.hunks):
            raise UsageError(f"{file.stat.name} has no hunk number {decision.hunk}.", remedy="Open the review again.")
        if decision.verdict == "edit" and decision.edited is None:
            raise UsageError(f"The edit of {file.stat.name} has no text.", remedy="Accept or reject it instead.")
        if decision.verdict == "edit" and not has_lines(file.change):
            raise UsageError(f"{file.stat.name} has no lines to edit.", remedy="Accept or reject it instead.")


def _file(change: Change) -> ReviewFile:
    parts = hunks_of(change)
    return ReviewFile(change, parts, stat(change), flags(change, parts))


def _why(file: ReviewFile) -> str:
    kinds: list[Kind] = sorted({flag.kind for flag in file.flags if flag.serious})
    return f"needs a look first ({', '.join(kinds)})"


def _taken(file: ReviewFile, chosen: Chosen) -> Change | None:
    """The part of a file's change that was chosen; None where that is nothing."""
    change = file.change
    picked = {at: decision for at, decision in chosen.items() if decision.verdict != "reject"}
    if not picked:
        return None
    edited = any(decision.verdict == "edit" for decision in picked.values())
    if len(picked) == len(file.hunks) and not edited:
        return change
    before = change.old.content if change.old else None
    content = assemble(before, file.hunks, {at: _lines(file, at, decision) for at, decision in picked.items()})
    side = change.new or change.old
    if side is None or (change.new is None and not content):
        return change
    new = Entry(side.mode, content)
    return (
        None
        if new == change.old and change.renamed_from is None
        else Change(change.path, change.old, new, change.renamed_from)
    )


def _lines(file: ReviewFile, at: int, decision: Decision) -> Sequence[bytes]:
    """A hunk's new lines, the user's own where edited; an edit before other lines ends as they do, in a newline."""
    hunk = file.hunks[at]
    if decision.verdict != "edit" or decision.edited is None:
        return hunk.new_lines
    edited = decision.edited
    before = split_lines(file.change.old.content) if file.change.old else []
    below = before[hunk.old_start - 1 + len(hunk.old_lines) :]
    if below and edited and not edited.endswith(b"\n"):
        edited += b"\r\n" if below[0].endswith(b"\r\n") else b"\n"
    return split_lines(edited)


def _place(file: ReviewFile, hunk: Hunk) -> str:
    change = file.change
    name = file.stat.name
    if change.renamed_from is not None:
        name = f"{printable_name(change.renamed_from)} renamed to {name}"
    if change.old is None:
        return f"{name}, new file"
    if change.new is None:
        return f"{name}, deleted"
    if not hunk.regions:
        return f"{name}, the whole file"
    if not hunk.new_lines:
        return f"{name}, lines removed before line {hunk.new_start}"
    last = hunk.new_start + len(hunk.new_lines) - 1
    return f"{name}, line {last}" if last == hunk.new_start else f"{name}, lines {hunk.new_start}-{last}"


def _judged(decision: Decision | None) -> str:
    if decision is None:
        return "rejected."
    words = {"accept": "accepted", "reject": "rejected", "edit": "accepted with an edit of the user's own"}
    note = f": {printable(decision.note)}" if decision.note else "."
    edited = ""
    if decision.verdict == "edit" and decision.edited is not None:
        text = printable(decision.edited.decode("utf-8", "replace"))
        edited = "\n  It now reads:\n" + "\n".join(f"    {line}" for line in text.splitlines()[:40])
    return words[decision.verdict] + note + edited
