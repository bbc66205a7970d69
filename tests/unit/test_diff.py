"""Diffs against git itself: what `git apply` makes of our text, and what each choice of hunks makes of a file."""

from __future__ import annotations

import os
import subprocess
import time
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.diff import assemble, blob_id, hunks, is_binary, pair_renames, split_lines, stat, unified
from tests.unit.trees import read, write

GIT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}

LINE = st.sampled_from(
    [b"a\n", b"b\n", b"c\r\n", b"\n", b"  d \n", b"\re\n", b"-- x\n", b"\xff\xfe\n", b"\\ No newline\n"]
)
TEXT = st.builds(
    lambda lines, tail: b"".join(lines) + tail, st.lists(LINE, max_size=25), st.sampled_from([b"", b"z", b"\r"])
)
CONTENT = st.one_of(TEXT, st.binary(max_size=120))
NAME = st.one_of(
    st.sampled_from(
        [b"a.py", b"a b", b"tab\there", b'quo"te', b"back\\slash", b"new\nline", b"\xff\xfe", b"-x", "é".encode()]
    ),
    st.binary(min_size=1, max_size=8).filter(
        lambda n: b"/" not in n and b"\0" not in n and n.lower() not in (b".", b"..", b".git")
    ),
)
FILE = st.one_of(
    st.builds(Entry, st.sampled_from([REGULAR, EXECUTABLE]), CONTENT),
    st.builds(Entry, st.just(SYMLINK), st.sampled_from([b"a.py", b"nowhere", b"x\ny"])),
)


@st.composite
def edited(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with some lines replaced, removed or added."""
    lines = split_lines(content)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines)))
        lines[at : at + draw(st.integers(0, 2))] = draw(st.lists(LINE, max_size=2))
    return b"".join(lines)


@st.composite
def change_sets(draw: st.DrawFn) -> ChangeSet:
    found = []
    for number in range(draw(st.integers(1, 4))):
        path = b"%d/" % number + draw(NAME)
        old = draw(st.none() | FILE)
        if old is not None and old.mode != SYMLINK and draw(st.booleans()):
            new: Entry | None = Entry(draw(st.sampled_from([REGULAR, EXECUTABLE])), draw(edited(old.content)))
        else:
            new = draw(FILE if old is None else st.none() | FILE)
        if old is not None and new is not None and draw(st.booleans()):
            found += [Change(path, old, None), Change(b"moved-" + path, None, new)]
        elif old != new:
            found.append(Change(path, old, new))
    return ChangeSet(tuple(sorted(found, key=lambda c: c.path)))


def git_applies(root: Path, changes: ChangeSet) -> None:
    """What git makes of the text of `changes` is exactly their new side."""
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True, env=GIT)
    for change in changes.changes:
        if change.old is not None:
            write(root, change.renamed_from or change.path, change.old)
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "--allow-empty", "-"],
        cwd=root,
        input=unified(changes),
        capture_output=True,
        env=GIT,
    )
    assert done.returncode == 0, done.stderr
    assert read(root) == {c.path: c.new for c in changes.changes if c.new is not None}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=change_sets())
def test_git_apply_turns_old_into_new(changes: ChangeSet, tmp_path_factory: pytest.TempPathFactory) -> None:
    git_applies(tmp_path_factory.mktemp("git") / "repo", pair_renames(changes))


@given(data=st.data(), old=TEXT)
def test_any_choice_of_hunks_changes_exactly_these_regions(data: st.DataObject, old: bytes) -> None:
    new = data.draw(edited(old))
    found = hunks(old, new)
    news = {n: h.new_lines for n, h in enumerate(found)}
    assert assemble(old, found, news) == new
    assert assemble(old, found, {}) == old
    for chosen in [set(c) for size in range(len(found) + 1) for c in combinations(range(len(found)), size)][:40]:
        result = assemble(old, found, {n: news[n] for n in chosen})
        shift, lines = 0, split_lines(result)
        for number, hunk in enumerate(found):
            want = hunk.new_lines if number in chosen else hunk.old_lines
            start = hunk.old_start - 1 + shift
            assert tuple(lines[start : start + len(want)]) == want
            shift += len(want) - len(hunk.old_lines)
        assert len(lines) == len(split_lines(old)) + shift


@given(old=TEXT, new=TEXT)
def test_hunks_are_far_apart_and_hold_their_lines(old: bytes, new: bytes) -> None:
    before, after = split_lines(old), split_lines(new)
    found = hunks(old, new)
    for hunk in found:
        assert tuple(before[hunk.old_start - 1 :][: len(hunk.old_lines)]) == hunk.old_lines
        assert tuple(after[hunk.new_start - 1 :][: len(hunk.new_lines)]) == hunk.new_lines
        rows = list(hunk.rows())
        assert tuple(line for mark, line in rows if mark != "+") == hunk.old_lines
        assert tuple(line for mark, line in rows if mark != "-") == hunk.new_lines
    for one, two in pairwise(found):
        assert two.old_start - (one.old_start + len(one.old_lines)) > 6


def test_hunks_group_like_git(tmp_path: Path) -> None:
    old = b"".join(b"%d\n" % n for n in range(60))
    new = (
        old.replace(b"\n10\n", b"\nten\n")
        .replace(b"\n17\n", b"\nx\n")
        .replace(b"\n25\n", b"\ny\n")
        .replace(b"\n40\n", b"\n")
    )
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    done = subprocess.run(["git", "diff", "--no-index", "old", "new"], cwd=tmp_path, capture_output=True, env=GIT)
    theirs = [line.split(b" @@")[0] for line in done.stdout.splitlines() if line.startswith(b"@@")]
    ours = unified(ChangeSet((Change(b"new", Entry(REGULAR, old), Entry(REGULAR, new)),)))
    assert [line.split(b" @@")[0] for line in ours.splitlines() if line.startswith(b"@@")] == theirs
    assert len(theirs) == 3


@pytest.mark.parametrize("repeated", [False, True])
def test_a_large_file_with_few_edits_is_fast(*, repeated: bool) -> None:
    lines = [b"\n" if repeated and n % 3 else b"line %d\n" % n for n in range(50_000)]
    edits = list(lines)
    for n in (5, 20_000, 33_333, 49_990):
        edits[n] = b"edited\n"
    old, new = b"".join(lines), b"".join(edits)
    best = min(_seconds(old, new) for _ in range(3))
    assert len(hunks(old, new)) == 4
    assert best < 0.3  # 0.08 s on an idle core; several suites share it


def _seconds(old: bytes, new: bytes) -> float:
    start = time.process_time()
    hunks(old, new)
    return time.process_time() - start


def test_the_worst_middle_ends_soon() -> None:
    old = b"a\nb\n" * 40_000
    new = b"b\nb\na\n" * 30_000
    start = time.process_time()
    found = hunks(old, new)
    assert assemble(old, found, {n: h.new_lines for n, h in enumerate(found)}) == new
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        (b"a\rb\rc", b"a\rB\rc"),
        (b"a\nb", b"a\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"", b"x"),
        (b"x\n", b""),
        ("\ufeffa\n".encode("utf-16"), "\ufeffb\n".encode("utf-16")),
        (b"\xe9t\xe9\n", b"\xe9T\xe9\n"),
        (b"$Id$\n", b"$Id: 1$\n"),
        (bytes(range(256)) * 40, bytes(range(255, -1, -1)) * 40),
        (b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n", b"--- a/x\n+++ b/y\n@@ -1 +1 @@\n"),
    ],
)
def test_bytes_survive_git_apply(tmp_path: Path, old: bytes, new: bytes) -> None:
    git_applies(tmp_path / "r", ChangeSet((Change(b"f", Entry(REGULAR, old), Entry(REGULAR, new)),)))


def test_every_kind_of_change_survives_git_apply(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % n for n in range(30))
    changes = (
        Change(b"empty-gone", Entry(REGULAR, b""), None),
        Change(b"empty-new", None, Entry(REGULAR, b"")),
        Change(b"exec", Entry(REGULAR, text), Entry(EXECUTABLE, text)),
        Change(b"exec-and-text", Entry(EXECUTABLE, text), Entry(REGULAR, text + b"more\n")),
        Change(b"link", Entry(SYMLINK, b"exec"), Entry(SYMLINK, b"empty-new")),
        Change(b"link-to-file", Entry(SYMLINK, b"exec"), Entry(REGULAR, b"now a file\n")),
        Change(b"new dir/na me", None, Entry(EXECUTABLE, b"#!/bin/sh\n")),
        Change(b"picture", Entry(REGULAR, b"\0\1"), Entry(REGULAR, b"\0" * 1000)),
        Change(b"picture-gone", Entry(REGULAR, b"\0\1"), None),
        Change(b"renamed/to", Entry(REGULAR, text), Entry(REGULAR, text + b"x\n"), renamed_from=b"from it"),
        Change(b"same/to", Entry(REGULAR, b"\0same"), Entry(EXECUTABLE, b"\0same"), renamed_from=b"same/from"),
    )
    git_applies(tmp_path / "r", ChangeSet(changes))


def test_renames_are_paired_by_content_then_by_lines() -> None:
    text = b"".join(b"line %d\n" % n for n in range(10))
    like = text.replace(b"line 3", b"LINE 3")
    paired = pair_renames(
        ChangeSet(
            (
                Change(b"a", Entry(REGULAR, text), None),
                Change(b"b", Entry(REGULAR, b"other\n"), None),
                Change(b"x", None, Entry(REGULAR, like)),
                Change(b"y", None, Entry(REGULAR, b"other\n")),
                Change(b"z", None, Entry(REGULAR, b"nothing like it\n")),
            )
        )
    )
    assert [(c.renamed_from, c.path) for c in paired.changes] == [(b"a", b"x"), (b"b", b"y"), (None, b"z")]


def test_blob_ids_are_gits() -> None:
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_stat_names_what_is_safe_to_print() -> None:
    found = stat(Change(b"a\x1b[2Jb", None, Entry(REGULAR, b"1\n2\n")))
    assert (found.added, found.removed, found.status, found.binary) == (2, 0, "added", False)
    assert "\x1b" not in found.name


def test_a_nul_anywhere_makes_it_binary() -> None:
    assert is_binary(b"x" * 9000 + b"\0")
    assert not is_binary(b"\xff\xfe\x01")
