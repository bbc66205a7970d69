"""Three-way merges: both sides' changes, or none of them; checked against `git merge-file`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwm_agent.workspace.changes import EXECUTABLE, Entry
from cwm_agent.workspace.merge import merge, merge_entries
from tests.unit.test_diff import GIT
from tests.unit.trees import LINES, text

BASE = LINES.encode()


def changed(**lines: str) -> bytes:
    out = BASE
    for name, new in lines.items():
        out = out.replace(f"line {name[1:]}\n".encode(), new.encode())
    return out


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        (changed(_1="one\n"), changed(_30="thirty\n"), changed(_1="one\n", _30="thirty\n")),
        (changed(_5=""), changed(_9="nine\nand more\n"), changed(_5="", _9="nine\nand more\n")),
        (changed(_5="same\n"), changed(_5="same\n"), changed(_5="same\n")),
        (changed(_5="same\n"), changed(_5="same\n", _30="x\n"), changed(_5="same\n", _30="x\n")),
        (b"top\n" + BASE, BASE + b"end", b"top\n" + BASE + b"end"),
        (changed(_5="a\n"), changed(_5="b\n"), None),
        (changed(_5="a\n"), changed(_6="b\n"), None),
        (changed(_5=""), changed(_5="b\n"), None),
        (BASE + b"a\n", BASE + b"b\n", None),
        (BASE.replace(b"\n", b"\r\n"), changed(_5="b\n"), None),
        (b"\0" + BASE, BASE + b"x\n", None),
    ],
)
def test_merge(ours: bytes, theirs: bytes, merged: bytes | None) -> None:
    assert merge(BASE, ours, theirs) == merged
    assert merge(BASE, theirs, ours) == merged


@st.composite
def edits(draw: st.DrawFn) -> bytes:
    lines = [b"line %d\n" % n for n in range(16)]
    for at in draw(st.lists(st.integers(0, 15), max_size=3, unique=True)):
        lines[at] = draw(st.sampled_from([b"", b"new %d\n" % at, b"other %d\nand more %d\n" % (at, at)]))
    return b"".join(lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=edits(), theirs=edits())
def test_git_agrees(ours: bytes, theirs: bytes, tmp_path: Path) -> None:
    base = b"".join(b"line %d\n" % n for n in range(16))
    for name, content in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=tmp_path, env=GIT, capture_output=True
    )
    found = merge(base, ours, theirs)
    assert found == (done.stdout if done.returncode == 0 else None) or (found is None and done.returncode == 0)
    assert merge(base, ours, base) == ours
    assert merge(base, base, theirs) == theirs


def test_entries() -> None:
    a, b, c = text("a\n"), text("b\n"), text("c\n")
    tool = Entry(EXECUTABLE, b"a\n")
    assert merge_entries(a, a, b) == (b,)
    assert merge_entries(a, b, b) == (b,)
    assert merge_entries(a, b, c) is None
    assert merge_entries(a, b, None) is None
    assert merge_entries(a, None, b) is None
    assert merge_entries(a, None, None) == (None,)
    assert merge_entries(None, a, b) is None
    assert merge_entries(a, tool, b) == (Entry(EXECUTABLE, b"b\n"),)
    assert merge_entries(a, b, tool) == (Entry(EXECUTABLE, b"b\n"),)
