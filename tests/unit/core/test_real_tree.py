"""Sessions over a folder on this machine: what reaches it, and whose patch an undo takes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.events import Noticed, PatchApplied, PatchRefused, PatchUndone, UndoApply
from cwm_agent.protocols import FinalAnswer, Workspace
from cwm_agent.testing import MemoryWorkspace, tree
from cwm_agent.workspace.local import LocalWorkspace
from tests.unit.core.stage import TREE, Stage, bash, opened
from tests.unit.core.test_session import accept

DONE = FinalAnswer("Done.")


class Folder(MemoryWorkspace):
    """The real workspace of a folder, with the dictionary that the stage's snapshot is made from."""

    def __init__(self, root: Path) -> None:
        super().__init__(tree(TREE))
        self.real: Workspace = LocalWorkspace(root, None)
        self.apply = self.real.apply  # type: ignore[method-assign]
        self.undo = self.real.undo  # type: ignore[method-assign]
        self.recover = self.real.recover  # type: ignore[method-assign]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    root = tmp_path / "project"
    root.mkdir()
    for name, text in TREE.items():
        (root / name).write_text(text)
    return root


def writing(folder: Path, name: str, text: str) -> Stage:
    stage = Stage([bash("fix"), DONE], workspace=Folder(folder))
    stage.writes("fix", name, text)
    return stage


async def test_what_is_accepted_stands_in_the_folder_and_undo_removes_it(folder: Path) -> None:
    stage = writing(folder, "c.py", "new\n")
    async with opened(stage):
        await stage.tell("go")
        await stage.tell(accept(stage))
        assert (folder / "c.py").read_text() == "new\n"
        await stage.tell(UndoApply())
        assert not (folder / "c.py").exists()
        assert stage.last(PatchUndone).receipt == stage.last(PatchApplied).receipt
        await stage.tell(UndoApply())
        assert stage.last(Noticed).text == "No applied patch is left to undo here."


async def test_two_sessions_on_one_folder_know_whose_patch_was_taken_back(folder: Path) -> None:
    first, second = writing(folder, "c.py", "one\n"), writing(folder, "d.py", "two\n")
    async with opened(first), opened(second):
        for stage in (first, second):
            await stage.tell("go")
            await stage.tell(accept(stage))
        await first.tell(UndoApply())
        assert not (folder / "d.py").exists(), "the last patch of the folder is the second session's"
        assert first.last(PatchUndone).receipt == second.last(PatchApplied).receipt
        assert first.session.review() is None, "its own patch still stands"
        await first.tell(UndoApply())
        assert first.session.review() is not None


async def test_the_users_later_edit_of_the_same_line_is_never_overwritten(folder: Path) -> None:
    stage = writing(folder, "a.py", "x = 2\n")
    async with opened(stage):
        await stage.tell("go")
        (folder / "a.py").write_text("x = 3\n")
        await stage.tell(accept(stage))
        assert stage.last(PatchRefused).names == ("a.py",)
        assert (folder / "a.py").read_text() == "x = 3\n"
