"""The user's repository on this machine, as the core sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cwm_agent.protocols import Receipt
from cwm_agent.workspace import apply as writing
from cwm_agent.workspace.changes import ChangeSet
from cwm_agent.workspace.journal import journal_folder


class LocalWorkspace:
    """The folder `root`, on `branch`; writes happen in a thread and run to their end even when the caller is gone."""

    def __init__(self, root: Path, branch: str | None) -> None:
        self._root = root.resolve()
        self._branch = branch
        self._journal = journal_folder(self._root)

    @property
    def root(self) -> str:
        """The folder, absolute."""
        return str(self._root)

    @property
    def branch(self) -> str | None:
        """The branch's short name, or None when detached or without git."""
        return self._branch

    async def apply(self, changes: ChangeSet) -> Receipt:
        """Write all of `changes` or nothing; TreeChanged or UnsafePath say why nothing."""
        return await asyncio.to_thread(writing.apply, self._root, changes, self._journal)

    async def undo(self) -> Receipt:
        """Take the last applied change set back; NothingToUndo or TreeChanged say why not."""
        return await asyncio.to_thread(writing.undo, self._root, self._journal)

    async def recover(self) -> str:
        """Finish or take back what a killed process left half done, and say which; empty when there was nothing."""
        return await asyncio.to_thread(writing.recover, self._root, self._journal)
