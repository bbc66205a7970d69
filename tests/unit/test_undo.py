"""The way back: exactly the touched paths, level by level, with what the user did since."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.errors import NothingToUndo, TreeChanged
from cwm_agent.protocols import Workspace
from cwm_agent.workspace.apply import apply, recover, undo
from cwm_agent.workspace.changes import Change, ChangeSet
from cwm_agent.workspace.local import LocalWorkspace
from tests.unit.trees import EVERYTHING, LINES, old_tree, shape, text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return old_tree(tmp_path / "root", EVERYTHING)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_undo_restores_files_folders_and_permissions(root: Path, journal: Path) -> None:
    (root / "gone").chmod(0o600)
    (root / "emptied").chmod(0o700)
    (root / "tool").chmod(0o640)
    (root / "empty folder").mkdir()
    before = shape(root)
    applied = apply(root, EVERYTHING, journal)
    taken_back = undo(root, journal)
    assert shape(root) == before
    assert set(taken_back.paths) == set(applied.paths)
    with pytest.raises(NothingToUndo):
        undo(root, journal)
    assert [path.suffix for path in journal.iterdir() if "-" in path.name] == []


def test_a_folder_that_was_empty_before_stays(root: Path, journal: Path) -> None:
    (root / "new").mkdir()
    before = shape(root)
    apply(root, EVERYTHING, journal)
    undo(root, journal)
    assert shape(root) == before


def test_several_levels_and_other_files_are_left_alone(root: Path, journal: Path) -> None:
    states = [shape(root)]
    for number in range(4):
        apply(root, ChangeSet((Change(b"n%d" % number, None, text("x")), Change(b"f", *_step(number)))), journal)
        states.append(shape(root))
    for state in reversed(states[:-1]):
        undo(root, journal)
        assert shape(root) == state
    (root / "mine").write_text("mine")
    apply(root, EVERYTHING, journal)
    (root / "mine").write_text("mine, later")
    undo(root, journal)
    assert (root / "mine").read_text() == "mine, later"


def _step(number: int) -> tuple[object, object]:
    return (text(f"{number}") if number else None, text(f"{number + 1}"))


def test_what_the_user_changed_since_is_kept(root: Path, journal: Path) -> None:
    apply(root, EVERYTHING, journal)
    (root / "a.py").write_text("mine\n" + (root / "a.py").read_text())
    renamed = root / "deep/er/new name.py"
    renamed.write_text(renamed.read_text().replace("line 3\n", "line three\n"))
    receipt = undo(root, journal)
    assert (root / "a.py").read_text() == "mine\n" + LINES
    assert (root / "old/place/name.py").read_text() == LINES.replace("line 3\n", "line three\n")
    assert set(receipt.merged) == {b"a.py", b"old/place/name.py"}


@pytest.mark.parametrize("path", ["a.py", "picture", "new/deep/file", "link", "deep/er/new name.py"])
def test_a_conflict_undoes_nothing(root: Path, journal: Path, path: str) -> None:
    apply(root, EVERYTHING, journal)
    (root / path).unlink()
    (root / path).write_text("quite another thing\n")
    before = shape(root)
    with pytest.raises(TreeChanged):
        undo(root, journal)
    assert shape(root) == before
    assert recover(root, journal) == ""


def test_a_mode_is_undone_beside_new_text(root: Path, journal: Path) -> None:
    apply(root, EVERYTHING, journal)
    (root / "tool").write_text("mine\n")
    assert undo(root, journal).merged == (b"tool",)
    assert (root / "tool").read_text() == "mine\n"
    assert not (root / "tool").stat().st_mode & 0o111


async def test_the_workspace_does_the_same(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    workspace: Workspace = LocalWorkspace(root, "main")
    before = shape(root)
    assert await workspace.recover() == ""
    receipt = await workspace.apply(EVERYTHING)
    assert receipt.paths
    assert (workspace.root, workspace.branch) == (str(root), "main")
    await workspace.undo()
    assert shape(root) == before
    with pytest.raises(NothingToUndo):
        await workspace.undo()
    kept = list((tmp_path / "home" / "state" / "journals").iterdir())
    assert len(kept) == 1
    assert kept[0].stat().st_mode & 0o077 == 0
