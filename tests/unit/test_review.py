"""A review as a value: what each set of decisions makes of a patch, and what the user is shown about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.errors import UsageError
from cwm_agent.events import Decision
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.diff import pair_renames, split_lines
from cwm_agent.workspace.flags import Kind, runs_by_itself
from cwm_agent.workspace.review import Review
from tests.unit.test_diff import change_sets
from tests.unit.trees import EVERYTHING, LINES, text


def one(old: Entry | None, new: Entry | None, path: bytes = b"a.py", source: bytes | None = None) -> Review:
    return Review(ChangeSet((Change(path, old, new, source),)))


TWO = LINES.replace("line 3\n", "line three\n").replace("line 30\n", "line thirty\n")


@given(changes=change_sets())
def test_everything_is_new_and_nothing_is_old(changes: ChangeSet) -> None:
    review = Review(changes)
    assert review.accepted(review.accept_all()) == ChangeSet(tuple(file.change for file in review.files))
    assert {c.path: c.new for c in review.accepted(review.accept_all()).changes} == {
        c.path: c.new for c in pair_renames(changes).changes
    }
    assert review.accepted(()) == ChangeSet()
    assert review.notes(review.accept_all()) == ""


@given(changes=change_sets(), data=st.data())
def test_a_choice_of_hunks_is_part_of_the_patch(changes: ChangeSet, data: st.DataObject) -> None:
    review = Review(changes)
    every = review.accept_all()
    chosen = data.draw(st.lists(st.sampled_from(every), unique_by=id)) if every else []
    taken = {change.path: change for change in review.accepted(chosen).changes}
    for number, file in enumerate(review.files):
        mine = {decision.hunk for decision in chosen if decision.file == number}
        change = taken.get(file.change.path)
        assert (change is not None) == bool(mine)
        if change is None or change.new is None or file.change.new is None or change == file.change:
            continue
        assert (change.old, change.new.mode, change.renamed_from) == (
            file.change.old,
            file.change.new.mode,
            file.change.renamed_from,
        )
        for at, hunk in enumerate(file.hunks):
            wanted = hunk.new_lines if at in mine else hunk.old_lines
            assert b"".join(wanted) in change.new.content


def test_one_of_two_hunks() -> None:
    review = one(text(LINES), text(TWO))
    assert len(review.files[0].hunks) == 2
    (change,) = review.accepted([Decision(0, 1, "accept")]).changes
    assert change.new == text(LINES.replace("line 30\n", "line thirty\n"))


def test_an_edit_replaces_the_new_lines_and_ends_in_a_newline() -> None:
    review = one(text(LINES), text(TWO))
    decisions = [Decision(0, 0, "edit", "shorter", edited=b"3\n3b"), Decision(0, 1, "reject", "not that")]
    (change,) = review.accepted(decisions).changes
    assert change.new == text(LINES.replace("line 3\n", "3\n3b\n"))
    said = review.notes(decisions)
    assert "a.py, line 4: accepted with an edit of the user's own: shorter\n  It now reads:\n    3\n    3b" in said
    assert "a.py, line 31: rejected: not that" in said


def test_an_edit_back_to_the_old_text_is_no_change() -> None:
    review = one(text("a\n"), text("b\n"))
    assert review.accepted([Decision(0, 0, "edit", edited=b"a\n")]) == ChangeSet()


def test_an_edited_deletion_keeps_the_file() -> None:
    review = one(text("a\nb\n"), None)
    assert review.accepted([Decision(0, 0, "edit", edited=b"a\n")]).changes[0].new == text("a\n")
    assert review.accepted([Decision(0, 0, "edit", edited=b"")]).changes[0].new is None


def test_name_and_mode_go_with_any_hunk() -> None:
    review = one(text(LINES), Entry(EXECUTABLE, TWO.encode()), b"b.py", b"a.py")
    (change,) = review.accepted([Decision(0, 1, "accept")]).changes
    assert (change.path, change.renamed_from) == (b"b.py", b"a.py")
    assert change.new == Entry(EXECUTABLE, LINES.replace("line 30\n", "line thirty\n").encode())
    assert review.accepted([Decision(0, 0, "reject")]) == ChangeSet()


def test_what_has_no_lines_has_one_hunk() -> None:
    for old, new in (
        (text("a"), Entry(EXECUTABLE, b"a")),
        (text(b"\0"), text(b"\1\0")),
        (None, text("")),
        (Entry(SYMLINK, b"x"), Entry(SYMLINK, b"y")),
        (Entry(SYMLINK, b"x"), text("y\nz\n" * 30)),
    ):
        review = one(old, new)
        assert len(review.files[0].hunks) == 1
        assert review.accepted([Decision(0, 0, "accept")]).changes[0].new == new
        if old != text("a") and old is not None:
            with pytest.raises(UsageError, match="no lines"):
                review.accepted([Decision(0, 0, "edit", edited=b"x")])


@pytest.mark.parametrize(
    "decision",
    [Decision(1, 0, "accept"), Decision(-1, 0, "accept"), Decision(0, 9, "reject"), Decision(0, 0, "edit")],
)
def test_a_decision_on_nothing_is_an_error(decision: Decision) -> None:
    review = one(text(LINES), text(TWO))
    with pytest.raises(UsageError):
        review.accepted([decision])
    with pytest.raises(UsageError):
        review.notes([decision])


def test_files_stand_in_the_order_of_their_paths_and_the_last_decision_counts() -> None:
    review = Review(EVERYTHING)
    paths = [file.change.path for file in review.files]
    assert paths == sorted(paths)
    assert review.accepted([Decision(0, 0, "accept"), Decision(0, 0, "reject")]) == ChangeSet()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("x = 1 \u202e # x\n", Kind.HIDDEN_CHARACTERS),
        ("x = '\u200b'\n", Kind.HIDDEN_CHARACTERS),
        ("x = '\x1b[2J'\n", Kind.HIDDEN_CHARACTERS),
        ("p\u0430ssword = 1\n", Kind.LOOK_ALIKE),
        ("x = 1  \n", Kind.TRAILING_BLANKS),
        ("x" * 400 + "\n", Kind.LONG_LINE),
    ],
)
def test_lines_that_deceive_are_flagged_where_they_stand(line: str, kind: Kind) -> None:
    (file,) = one(text(LINES), text(LINES.replace("line 7\n", line))).files
    assert [(flag.kind, flag.hunk, flag.line) for flag in file.flags] == [(kind, 0, 8)]


def test_old_lines_are_not_flagged() -> None:
    (file,) = one(text("x \nb\n"), text("x \nc\n")).files
    assert file.flags == ()


@pytest.mark.parametrize(
    "path",
    [
        b".github/workflows/ci.yml", b"sub/conftest.py", b".envrc", b".vscode/tasks.json", b"Makefile", b"setup.py",
        b"src/sitecustomize.py", b".pre-commit-config.yaml", b".husky/pre-commit", b"x.pth", b"package.json",
        b".gitlab-ci.yml", b"hooks/pre-commit", b".gitmodules", b"GNUmakefile", b"pyproject.toml", b"CONFTEST.PY",
    ],
)  # fmt: skip
def test_what_runs_by_itself_is_flagged_and_not_accepted_unseen(path: bytes) -> None:
    assert runs_by_itself(path)
    review = one(None, text("x\n"), path)
    assert [flag.kind for flag in review.files[0].flags] == [Kind.RUNS_BY_ITSELF]
    (decision,) = review.default_decisions()
    assert decision.verdict == "reject"
    assert "runs by itself" in decision.note


def test_what_is_plain_is_accepted_by_default() -> None:
    assert not runs_by_itself(b"src/refunds.py")
    review = one(text(LINES), text(TWO))
    assert review.default_decisions() == review.accept_all()


def test_modes_links_and_binaries_are_flagged() -> None:
    for old, new, kind in (
        (None, Entry(EXECUTABLE, b"x\n"), Kind.MODE),
        (text("x"), Entry(EXECUTABLE, b"x"), Kind.MODE),
        (None, Entry(SYMLINK, b"x"), Kind.SYMLINK),
        (None, text(b"\0"), Kind.BINARY),
        (None, text(b"x\n" * 600_000), Kind.LARGE),
    ):
        assert kind in {flag.kind for flag in one(old, new).files[0].flags}


def test_notes_name_undecided_hunks_and_whole_files() -> None:
    review = Review(
        ChangeSet(
            (
                Change(b"a\x1b", None, text("x\n")),
                Change(b"b", text("old\n"), None),
                Change(b"c", text("1\n2\n3\n"), text("1\n3\n")),
                Change(b"d", text("x"), Entry(EXECUTABLE, b"x")),
            )
        )
    )
    assert review.notes([Decision(1, 0, "reject", "still needed")]).splitlines()[1:] == [
        "- a\u241b, new file: rejected.",
        "- b, deleted: rejected: still needed",
        "- c, lines removed before line 2: rejected.",
        "- d, the whole file: rejected.",
    ]


def test_lines_of_a_new_file_can_be_edited() -> None:
    review = one(None, text("a\nb\n"))
    (change,) = review.accepted([Decision(0, 0, "edit", edited=b"only this")]).changes
    assert change.new == Entry(REGULAR, b"only this")
    assert split_lines(b"only this") == [b"only this"]
