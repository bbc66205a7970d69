"""What the user's tree already has of the snapshot's changes, so that a second patch shows only what is new.

The snapshot's change set is always against the tree as it was snapshot. Where an applied patch moved the user's tree
away from that, the tree's side of a path is kept here, beside the snapshot's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from cwm_agent.workspace.changes import Change, ChangeSet, Entry

Sides = tuple[Entry | None, Entry | None]


class Applied(Struct, frozen=True):
    """Path → what stood there when the snapshot was made, and what stands there now; only where the two differ."""

    moved: Mapping[bytes, Sides] = {}

    def remaining(self, changes: ChangeSet) -> ChangeSet:
        """What differs between the user's tree as it is now and the snapshot."""
        full = {change.path: change for change in changes.changes}
        found = []
        for path in sorted(full.keys() | self.moved.keys()):
            change = full.get(path)
            base, tree = self.moved.get(path, (None, None)) if path in self.moved else (None, None)
            if path not in self.moved and change is not None:
                found.append(change)
                continue
            snapshot = change.new if change is not None else base
            if snapshot != tree:
                found.append(Change(path, tree, snapshot))
        return ChangeSet(tuple(found))

    def applied(self, changes: ChangeSet) -> Applied:
        """After `changes`, which were made against the tree as it was until now, were written to it."""
        return self._moved((path, old, new) for path, old, new in sides(changes))

    def undone(self, changes: ChangeSet) -> Applied:
        """After `changes`, which were written before, were taken back."""
        return self._moved((path, new, old) for path, old, new in sides(changes))

    def on(self, bases: Mapping[bytes, Entry | None]) -> Applied:
        """The same over a new snapshot: a path whose base is no longer what it was counts from the new one."""
        return Applied({path: pair for path, pair in self.moved.items() if bases.get(path, pair[0]) == pair[0]})

    def _moved(self, steps: Iterable[tuple[bytes, Entry | None, Entry | None]]) -> Applied:
        moved = dict(self.moved)
        for path, before, after in steps:
            base = moved[path][0] if path in moved else before
            moved[path] = (base, after)
            if base == after:
                del moved[path]
        return Applied(moved)


def sides(changes: ChangeSet) -> Iterable[tuple[bytes, Entry | None, Entry | None]]:
    """Path, before and after, a rename as what it does to both of its paths."""
    for change in changes.changes:
        if change.renamed_from is None:
            yield change.path, change.old, change.new
        else:
            yield change.renamed_from, change.old, None
            yield change.path, None, change.new
