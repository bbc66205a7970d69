"""When two patches are the same."""

from __future__ import annotations

import pytest

from cwm_agent.core.fingerprint import fingerprint
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry

OLD = Entry(REGULAR, b"def f(x):\n    return x\n")


def patch(text: bytes | None, path: bytes = b"a.py", mode: int = REGULAR) -> ChangeSet:
    return ChangeSet((Change(path, OLD, None if text is None else Entry(mode, text)),))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"def f(x):\n    return x + 1\n", b"def f( x ):\n    # more\n    return (x+1)\n"),
        (b"s = 'a'\n", b's = "a"\n'),
        (b"\xef\xbb\xbfx = 1\n", b"x = 1\n"),
    ],
)
def test_layout_and_remarks_make_no_other_patch(one: bytes, other: bytes) -> None:
    assert fingerprint(patch(one)) == fingerprint(patch(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (patch(b"x = 1\n"), patch(b"x = 2\n")),
        (patch(b"x = 1\n"), patch(b"x = 1\n", b"b.py")),
        (patch(b"x = 1\n"), patch(b"x = 1\n", mode=EXECUTABLE)),
        (patch(b"x = 1\n"), patch(None)),
        (patch(b"x = 1\n", b"a.txt"), patch(b"x  = 1\n", b"a.txt")),
        (patch(b"x = (\n"), patch(b"x = ( \n")),
        (patch(b"b", b"l", SYMLINK), patch(b"c", b"l", SYMLINK)),
        (patch(b"x = 1\n"), ChangeSet((*patch(b"x = 1\n").changes, Change(b"b.py", None, OLD)))),
    ],
)
def test_what_does_something_else_is_another_patch(one: ChangeSet, other: ChangeSet) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_rename_is_what_it_does_to_both_paths() -> None:
    paired = ChangeSet((Change(b"b.py", OLD, OLD, renamed_from=b"a.py"),))
    assert fingerprint(paired) == fingerprint(ChangeSet((Change(b"a.py", OLD, None), Change(b"b.py", None, OLD))))


@pytest.mark.parametrize("source", [b"(" * 5000, b"x = '\\d'\n", b"\0", b"\xff\xfe", b"-" * 50_000 + b"1\n"])
def test_nonsense_is_compared_by_its_bytes(source: bytes, recwarn: pytest.WarningsRecorder) -> None:
    assert fingerprint(patch(source)) == fingerprint(patch(source))
    assert not recwarn.list


def test_no_change_has_no_fingerprint() -> None:
    assert fingerprint(ChangeSet()) == ""
