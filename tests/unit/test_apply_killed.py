"""A process that is killed at any step leaves, once recovered, all of a patch or nothing of it."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cwm_agent.errors import WorkspaceError
from cwm_agent.workspace import swap
from cwm_agent.workspace.apply import apply, recover, undo
from tests.unit.trees import EVERYTHING, fast_folder, old_tree, shape

Action = Callable[[Callable[[str], None]], object]


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)


class Killer:
    """Ends the process by SIGKILL at its n-th step."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, step: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def killed_at(number: int, action: Action) -> bool:
    """Whether a child that takes the action was killed at its n-th step; False when it came to its end before."""
    child = os.fork()
    if child == 0:
        try:
            action(Killer(number))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def each_file_is_old_or_new(root: Path, before: dict[bytes, object], after: dict[bytes, object]) -> None:
    for path, found in shape(root).items():
        if b".cwm-agent-" not in path and found[0] is not None:
            assert found in (before.get(path), after.get(path)), path


@pytest.mark.parametrize("exchanges", [True, False])
def test_killed_while_applying(memory: Path, monkeypatch: pytest.MonkeyPatch, *, exchanges: bool) -> None:
    """On a file system that can exchange two names, and on one that can only rename and link."""
    if not exchanges:
        monkeypatch.setattr(swap, "_renameat2", lambda: None)
    ends = []
    for number in range(1, 1000):
        root, folder = old_tree(memory / str(number), EVERYTHING), memory / f"{number}.j"
        before = shape(root)
        killed = killed_at(number, lambda watch, r=root, f=folder: apply(r, EVERYTHING, f, watch))
        if number == 1:
            whole = old_tree(memory / "whole", EVERYTHING)
            apply(whole, EVERYTHING, memory / "whole.j")
            after = shape(whole)
        each_file_is_old_or_new(root, before, after)
        said = recover(root, folder)
        end = shape(root)
        assert end in (before, after)
        assert ("finished" in said) <= (end == after)
        assert ("dropped" in said or "taken back" in said) <= (end == before)
        assert recover(root, folder) == ""
        if end == after:
            undo(root, folder)
            assert shape(root) == before
        ends.append(end == after)
        if not killed:
            break
    assert len(ends) > 100
    assert True in ends
    assert False in ends
    assert ends == sorted(ends)


def test_killed_while_undoing(memory: Path) -> None:
    ends = []
    for number in range(1, 1000):
        root, folder = old_tree(memory / str(number), EVERYTHING), memory / f"{number}.j"
        before = shape(root)
        apply(root, EVERYTHING, folder)
        after = shape(root)
        killed = killed_at(number, lambda watch, r=root, f=folder: undo(r, f, watch))
        each_file_is_old_or_new(root, before, after)
        recover(root, folder)
        end = shape(root)
        assert end in (before, after)
        if end == after:
            undo(root, folder)
            assert shape(root) == before
        ends.append(end == before)
        if not killed:
            break
    assert len(ends) > 100
    assert ends == sorted(ends)


@pytest.mark.parametrize("first", [30, 58, 68, 77, 90])
def test_killed_while_recovering(memory: Path, first: int) -> None:
    for number in range(1, 1000):
        root, folder = old_tree(memory / str(number), EVERYTHING), memory / f"{number}.j"
        before = shape(root)
        assert killed_at(first, lambda watch, r=root, f=folder: apply(r, EVERYTHING, f, watch))
        killed = killed_at(number, lambda watch, r=root, f=folder: recover(r, f, watch))
        recover(root, folder)
        end = shape(root)
        if number == 1:
            expected = end
        assert end == expected
        assert recover(root, folder) == ""
        if end != before:
            undo(root, folder)
            assert shape(root) == before
        if not killed:
            return


def test_killed_while_taking_back(memory: Path) -> None:
    """A patch fails in the middle because the user writes, and the process is killed while it takes it back."""
    for number in range(1, 1000):
        root, folder = old_tree(memory / str(number), EVERYTHING), memory / f"{number}.j"
        before = shape(root)
        killed = killed_at(number, lambda watch, r=root, f=folder: apply(r, EVERYTHING, f, _Writer(r, watch)))
        recover(root, folder)
        end = shape(root)
        if (root / "tool").read_text() == "mine\n":
            assert end.pop(b"tool") is not None
            assert before.pop(b"tool") is not None
        whole = read_after(memory / f"{number}.w")
        assert end in (before, whole, {p: v for p, v in whole.items() if p != b"tool"})
        if not killed:
            assert end == before
            return


class _Writer:
    """Writes to `tool` just before its exchange, the last of the patch."""

    def __init__(self, root: Path, watch: Callable[[str], None]) -> None:
        self._root = root
        self._watch = watch
        self._exchanges = 0

    def __call__(self, step: str) -> None:
        self._watch(step)
        self._exchanges += step == "exchange"
        if step == "exchange" and self._exchanges == 5:
            (self._root / "tool").write_text("mine\n")


def read_after(root: Path) -> dict[bytes, object]:
    old_tree(root, EVERYTHING)
    apply(root, EVERYTHING, root.with_suffix(".wj"))
    return dict(shape(root))


def test_a_file_changed_after_the_kill_is_left_alone_and_named(memory: Path) -> None:
    seen = set()
    for number in range(1, 1000, 3):
        root, folder = old_tree(memory / str(number), EVERYTHING), memory / f"{number}.j"
        if not killed_at(number, lambda watch, r=root, f=folder: apply(r, EVERYTHING, f, watch)):
            break
        (root / "a.py").write_text("mine\n")
        said = recover(root, folder)
        assert (root / "a.py").read_text() == "mine\n"
        assert recover(root, folder) == ""
        assert not list(root.rglob(".cwm-agent-*"))
        seen.add("a.py" in said)
    assert seen == {True, False}


def test_what_cannot_be_recovered_yet_says_so_and_is_recovered_later(memory: Path) -> None:
    root, folder = old_tree(memory / "root", EVERYTHING), memory / "journal"
    before = shape(root)
    assert killed_at(75, lambda watch: apply(root, EVERYTHING, folder, watch))

    def refuse(step: str) -> None:
        if step in ("exchange", "move", "create"):
            raise PermissionError(errno.EACCES, "Permission denied")

    for action in (recover, undo):
        with pytest.raises(WorkspaceError, match="neither finished nor taken back: Permission denied"):
            action(root, folder, refuse)
    assert "taken back" in recover(root, folder)
    assert shape(root) == before
