"""The law of second patches: what is shown is always exactly what the user's tree does not have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.core.applied import Applied
from cwm_agent.testing import _with
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry

Tree = dict[bytes, Entry]
trees = st.dictionaries(
    st.sampled_from([b"a", b"b", b"c", b"d"]), st.sampled_from([Entry(REGULAR, b"%d" % n) for n in range(4)])
)
steps = st.lists(st.tuples(st.sampled_from(["edit", "apply", "undo"]), trees, st.sets(st.integers(0, 3))), max_size=12)


def difference(before: Tree, after: Tree) -> ChangeSet:
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return ChangeSet(tuple(Change(path, before.get(path), after.get(path)) for path in paths))


@given(base=trees, steps=steps)
def test_what_remains_is_the_difference_between_the_tree_and_the_snapshot(
    base: Tree, steps: list[tuple[str, Tree, set[int]]]
) -> None:
    user, snapshot = dict(base), dict(base)
    applied, done = Applied(), list[tuple[ChangeSet, Tree]]()
    for kind, files, chosen in steps:
        remaining = applied.remaining(difference(base, snapshot))
        if kind == "edit":
            snapshot = dict(files)
        elif kind == "apply":
            taken = ChangeSet(tuple(change for at, change in enumerate(remaining.changes) if at in chosen))
            done.append((taken, user))
            user = _with(user, taken)
            applied = applied.applied(taken)
        elif done:
            taken, user = done.pop()
            applied = applied.undone(taken)
        assert applied.remaining(difference(base, snapshot)) == difference(user, snapshot)
        assert all(old != new for old, new in applied.moved.values())


def test_a_rename_is_what_it_does_to_both_paths() -> None:
    entry = Entry(REGULAR, b"x")
    renamed = ChangeSet((Change(b"new", entry, entry, renamed_from=b"old"),))
    full = ChangeSet((Change(b"new", None, entry), Change(b"old", entry, None)))
    applied = Applied().applied(renamed)
    assert applied.remaining(full) == ChangeSet()
    assert applied.undone(renamed).remaining(full) == full


def test_over_a_new_snapshot_paths_count_from_it() -> None:
    old, new = Entry(REGULAR, b"old"), Entry(REGULAR, b"new")
    applied = Applied().applied(ChangeSet((Change(b"a", old, new), Change(b"b", None, new))))
    assert set(applied.on({b"a": new, b"b": None}).moved) == {b"b"}
