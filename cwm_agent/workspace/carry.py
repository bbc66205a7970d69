"""Takes the steps of a plan in a tree, or takes them back. Each can be begun again after a kill at any point.

A step's temporary file is always whole. Before its step is taken it holds what will stand at the path; afterwards it
holds what stood there. So a file that somebody wrote in between is never lost: it is seen after the exchange and put
back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from cwm_agent.errors import UnsafePath
from cwm_agent.workspace.changes import Entry
from cwm_agent.workspace.journal import Plan, Step
from cwm_agent.workspace.tree import NOTHING, Tree


class Meanwhile(Exception):
    """A file is neither what it was nor what it shall be."""

    def __init__(self, path: bytes) -> None:
        super().__init__(path)
        self.path = path


def prepare(tree: Tree, plan: Plan) -> None:
    """Write the temporary files; nothing that the user sees by name is touched."""
    for step in plan.steps:
        if step.after is not None:
            tree.write(step.temporary, step.after, tree.look(step.path), step.permissions)


def discard(tree: Tree, steps: Sequence[Step]) -> None:
    """Remove temporary files, whole and half."""
    for step in steps:
        tree.remove(step.temporary)
        tree.remove(step.temporary + b"~")


def forward(tree: Tree, plan: Plan) -> list[bytes]:
    """Take every step not taken yet; the paths whose files are neither before nor after are left as they are."""
    left = []
    for step in _removing(plan):
        left += _attempt(_take_away, tree, step)
    for path in plan.cleared:
        tree.remove_folder(path)
    for path, permissions in plan.made:
        tree.make_folder(path, permissions)
    for step in _writing(plan):
        left += _attempt(_put, tree, step)
    _sync(tree, plan)
    return left


def strictly(tree: Tree, plan: Plan) -> None:
    """The same, but Meanwhile at the first file that is not what the plan was made from."""
    for step in _removing(plan):
        _take_away(tree, step)
    for path in plan.cleared:
        if not tree.remove_folder(path):
            raise Meanwhile(path)
    for path, permissions in plan.made:
        tree.make_folder(path, permissions)
    for step in _writing(plan):
        _put(tree, step)
    _sync(tree, plan)


def settle(tree: Tree, plan: Plan) -> None:
    """After all steps: remove what stood there before, and folders left empty."""
    discard(tree, plan.steps)
    for path, _ in plan.pruned:
        with suppress(OSError):
            tree.remove_folder(path)
    _sync(tree, plan)


def backward(tree: Tree, plan: Plan) -> list[bytes]:
    """Take every step back that was taken; the paths that somebody wrote since are left as they are."""
    left = []
    for step in reversed(_writing(plan)):
        left += _attempt(_take_back, tree, step)
    for path, _ in reversed(plan.made):
        with suppress(OSError):
            tree.remove_folder(path)
    for path in reversed(plan.cleared):
        tree.make_folder(path)
    for step in reversed(_removing(plan)):
        left += _attempt(_give_back, tree, step)
    discard(tree, plan.steps)
    _sync(tree, plan)
    return left


def _removing(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if step.after is None]


def _writing(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if step.after is not None]


def _attempt(action: Callable[[Tree, Step], None], tree: Tree, step: Step) -> list[bytes]:
    try:
        action(tree, step)
    except Meanwhile as found:
        return [found.path]
    except UnsafePath:
        return [step.path]
    return []


def _is(tree: Tree, path: bytes, entry: Entry | None) -> bool:
    standing = tree.look(path)
    return standing == NOTHING if entry is None else standing.entry == entry


def _put(tree: Tree, step: Step) -> None:
    if step.after is None or _put_already(tree, step):
        return
    if not _is(tree, step.temporary, step.after):
        tree.remove(step.temporary)
        tree.write(step.temporary, step.after, tree.look(step.path), step.permissions)
    if step.before is None:
        try:
            tree.move(step.temporary, step.path)
        except FileExistsError:
            raise Meanwhile(step.path) from None
    elif not _is(tree, step.path, step.before):
        raise Meanwhile(step.path)
    else:
        _swap(tree, step)


def _put_already(tree: Tree, step: Step) -> bool:
    """Whether the file is there; one that the user wrote just before the exchange is put back first."""
    if not _is(tree, step.path, step.after):
        return False
    displaced = tree.look(step.temporary).entry
    if displaced is not None and displaced not in (step.before, step.after):
        tree.exchange(step.temporary, step.path)
        raise Meanwhile(step.path)
    return True


def _swap(tree: Tree, step: Step) -> None:
    if tree.exchange(step.temporary, step.path) and not _is(tree, step.temporary, step.before):
        tree.exchange(step.temporary, step.path)
        raise Meanwhile(step.path)


def _take_away(tree: Tree, step: Step) -> None:
    if not _is(tree, step.path, None):
        if not _is(tree, step.path, step.before):
            raise Meanwhile(step.path)
        tree.move(step.path, step.temporary)
    if not _is(tree, step.temporary, None) and not _is(tree, step.temporary, step.before):
        tree.move(step.temporary, step.path)
        raise Meanwhile(step.path)


def _take_back(tree: Tree, step: Step) -> None:
    """Undo a `_put`: what was displaced comes back; where that is lost, what the journal kept."""
    if not _is(tree, step.path, step.after):
        if not _is(tree, step.path, step.before):
            raise Meanwhile(step.path)
        return
    if step.before is None:
        tree.remove(step.temporary)
        tree.move(step.path, step.temporary)
        if not _is(tree, step.temporary, step.after):
            tree.move(step.temporary, step.path)
            raise Meanwhile(step.path)
        return
    displaced = tree.look(step.temporary).entry
    if displaced is None or displaced == step.after:
        tree.remove(step.temporary)
        tree.write(step.temporary, step.before, tree.look(step.path), step.permissions)
    if tree.exchange(step.temporary, step.path) and not _is(tree, step.temporary, step.after):
        tree.exchange(step.temporary, step.path)
        raise Meanwhile(step.path)


def _give_back(tree: Tree, step: Step) -> None:
    """Undo a `_take_away`."""
    if not _is(tree, step.path, None):
        if not _is(tree, step.path, step.before):
            raise Meanwhile(step.path)
        return
    if step.before is not None and _is(tree, step.temporary, None):
        tree.write(step.temporary, step.before, NOTHING, step.permissions)
    tree.move(step.temporary, step.path)


def _sync(tree: Tree, plan: Plan) -> None:
    """Have every name that was changed on disk."""
    for folder in sorted({path.rpartition(b"/")[0] for step in plan.steps for path in (step.path, step.temporary)}):
        tree.sync(folder)
