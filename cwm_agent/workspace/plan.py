"""From a change set and the tree as it is now to the steps that will be taken, or to why none can be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cwm_agent.errors import TreeChanged, UnsafePath, WorkspaceError
from cwm_agent.text import printable_name
from cwm_agent.workspace.changes import SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.journal import Plan, Step
from cwm_agent.workspace.merge import merge_entries
from cwm_agent.workspace.safety import check, check_entry, folded, is_git
from cwm_agent.workspace.tree import Standing, Tree

Moves = list[tuple[bytes, Entry | None, Entry | None, int | None]]


class _Draft:
    """A plan in the making: what stands where, read once, and what has been decided so far."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.look = cache(tree.look)
        self.names = cache(tree.names)
        self.steps: dict[bytes, tuple[Entry | None, Entry | None]] = {}
        self.merged: list[bytes] = []
        self.moves: list[tuple[bytes, bytes]] = []
        self.conflicts: list[bytes] = []

    def gone(self, path: bytes) -> bool:
        """Whether the plan removes what stands at the path."""
        return path in self.steps and self.steps[path][1] is None

    def decide(self, change: Change) -> None:
        """Take one change in, merged with what the user did since, or note the conflict."""
        source = change.renamed_from or change.path
        now = self.look(source)
        target = self.look(change.path) if change.renamed_from else now
        if change.renamed_from and now.kind == "nothing" and target.entry == change.new:
            return self.merged.append(change.path)
        made_room = now.kind == "folder" and change.old is None
        occupied = target.kind != "nothing" if change.renamed_from else False
        if now.kind == "other" or (now.kind == "folder" and not made_room) or (occupied and target.kind != "folder"):
            return self.conflicts.append(source)
        result = merge_entries(change.old, now.entry, change.new)
        if result is None:
            return self.conflicts.append(source)
        if now.entry != change.old:
            self.merged.append(change.path)
        if change.renamed_from:
            self.moves.append((source, change.path))
            self._step(source, now.entry, None)
            return self._step(change.path, None, result[0])
        return self._step(change.path, now.entry, result[0])

    def _step(self, path: bytes, before: Entry | None, after: Entry | None) -> None:
        if before != after:
            self.steps[path] = (before, after)


def make_plan(tree: Tree, root: Path, changes: ChangeSet, identity: str, undone: Plan | None = None) -> Plan:
    """The steps for `changes`; UnsafePath or TreeChanged where they cannot be taken. Nothing is written.

    `undone` is the plan that these changes take back: its folders go, the folders that it removed come again.
    """
    check(changes)
    draft = _Draft(tree)
    for change in changes.changes:
        draft.decide(change)
    cleared = _cleared(draft)
    _check_parents(draft)
    if draft.conflicts:
        raise conflict(draft.conflicts)
    _check_links(draft, root)
    _check_case(draft)
    permissions = {step.path: step.permissions for step in undone.steps} if undone else {}
    steps = tuple(
        _step(draft, cleared, f"{identity}-{number}", path, permissions.get(path))
        for number, path in enumerate(sorted(draft.steps))
    )
    _check_writable(tree, steps)
    return Plan(
        identity=identity,
        undoes=undone.identity if undone else "",
        steps=steps,
        made=tuple(_made(draft, cleared, undone)),
        cleared=tuple(cleared),
        pruned=tuple(_pruned(draft, undone)),
        moves=tuple(draft.moves),
        merged=tuple(draft.merged),
    )


def conflict(paths: Iterable[bytes]) -> TreeChanged:
    """The error for files that are not what the patch was made from."""
    found = tuple(sorted(set(paths)))
    names = ", ".join(printable_name(path) for path in found[:5]) + (" …" if len(found) > 5 else "")
    return TreeChanged(
        f"Changed since the patch was made, in the same places: {names}.",
        paths=found,
        remedy="Nothing was changed. Save or undo your own changes there, or ask for a new patch.",
    )


def parents(path: bytes) -> list[bytes]:
    """The folders above a path, nearest first, without the root."""
    found = []
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


def _step(draft: _Draft, cleared: list[bytes], name: str, path: bytes, permissions: int | None) -> Step:
    before, after = draft.steps[path]
    hold = next((p for p in parents(path) if draft.look(p).kind == "folder" and p not in cleared), b"")
    temporary = b"%b/.cwm-agent-%b" % (hold, name.encode()) if hold else b".cwm-agent-" + name.encode()
    standing: Standing = draft.look(path)
    kept = standing.permissions if before is not None and before.mode != SYMLINK else permissions
    return Step(path, before, after, temporary, kept)


def _cleared(draft: _Draft) -> list[bytes]:
    """Folders that stand where a file will, children first; a conflict where one holds more than the plan removes."""
    found: list[bytes] = []

    def empties(folder: bytes) -> bool:
        for name in draft.names(folder):
            path = folder + b"/" + name
            if draft.look(path).kind == "folder":
                if not empties(path):
                    return False
            elif not draft.gone(path):
                return False
        found.append(folder)
        return True

    for path, (_, after) in draft.steps.items():
        if after is not None and draft.look(path).kind == "folder" and not empties(path):
            draft.conflicts.append(path)
    return found


def _check_parents(draft: _Draft) -> None:
    for path, (_, after) in draft.steps.items():
        for parent in parents(path) if after is not None else []:
            if draft.look(parent).kind in ("file", "other") and not draft.gone(parent):
                draft.conflicts.append(parent)


def _made(draft: _Draft, cleared: list[bytes], undone: Plan | None) -> list[tuple[bytes, int | None]]:
    modes = dict(undone.pruned) if undone else {}
    needed = {parent for path, (_, after) in draft.steps.items() if after is not None for parent in parents(path)}
    missing = sorted(p for p in needed if draft.look(p).kind != "folder" or p in cleared)
    return [(path, modes.get(path)) for path in missing]


def _pruned(draft: _Draft, undone: Plan | None) -> list[tuple[bytes, int]]:
    """Folders above removed files, children first; an undo takes away only folders that were made."""
    above = {parent for path in draft.steps if draft.gone(path) for parent in parents(path)}
    if undone is not None:
        above = {path for path, _ in undone.made}
    return [(path, draft.look(path).permissions) for path in sorted(above, key=len, reverse=True)]


def _check_links(draft: _Draft, root: Path) -> None:
    """Refuse a link that leads out of the tree by way of a link that is there already."""
    top = os.fsencode(root.resolve())
    for path, (_, after) in draft.steps.items():
        if after is None:
            continue
        check_entry(path, after)
        if after.mode == SYMLINK:
            folder = os.path.join(top, path.rpartition(b"/")[0])  # noqa: PTH118 - pathlib has no paths of bytes
            end = os.path.realpath(os.path.join(folder, after.content))  # noqa: PTH118 - as above
            inside = end == top or end.startswith(top + b"/")
            if not inside or any(is_git(part) for part in end[len(top) :].split(b"/")):
                raise UnsafePath(
                    f"{printable_name(path)} is not written: it is a link that leads out of the tree.",
                    remedy="Nothing was changed. Reject this file.",
                )


def _check_case(draft: _Draft) -> None:
    """Refuse a new name beside one that differs in case alone: elsewhere they would be one file."""
    for path, (before, after) in draft.steps.items():
        if before is not None or after is None:
            continue
        for one in (path, *parents(path)):
            folder, _, name = one.rpartition(b"/")
            for other in draft.names(folder):
                beside = folder + b"/" + other if folder else other
                if other != name and folded(other) == folded(name) and not draft.gone(beside):
                    raise UnsafePath(
                        f"{printable_name(path)} is not written: {printable_name(beside)} differs in case alone.",
                        remedy="Nothing was changed. Reject this file.",
                    )


def _check_writable(tree: Tree, steps: tuple[Step, ...]) -> None:
    for folder in sorted({step.temporary.rpartition(b"/")[0] for step in steps}):
        if not tree.writable(folder):
            raise WorkspaceError(
                f"The folder {printable_name(folder) or '.'} is read-only.",
                remedy="Nothing was changed. Make it writable and apply again.",
            )
