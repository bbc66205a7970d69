"""The one way by which a change reaches the user's tree: all of it or nothing, and a way back.

A plan is journalled, its files are prepared beside their targets, then they change places in one rename each. A
process that is killed at any point leaves what `recover` finishes or takes back.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cwm_agent.errors import CwmAgentError, NothingToUndo, WorkspaceError
from cwm_agent.protocols import Receipt
from cwm_agent.text import printable_name
from cwm_agent.workspace.carry import Meanwhile, backward, discard, forward, prepare, settle, strictly
from cwm_agent.workspace.changes import Change, ChangeSet
from cwm_agent.workspace.journal import Held, Journal, Plan
from cwm_agent.workspace.plan import conflict, make_plan
from cwm_agent.workspace.tree import Tree, Watch, unwatched


def apply(root: Path, changes: ChangeSet, folder: Path, watch: Watch = unwatched) -> Receipt:
    """Write all of `changes` below `root` or nothing; `folder` is the tree's journal.

    TreeChanged, UnsafePath or WorkspaceError say why nothing was written. `watch` is told of each step before it is
    taken.
    """
    with _opened(root, folder, watch) as (tree, journal):
        return _carry_out(tree, journal, lambda identity: make_plan(tree, root, changes, identity))


def undo(root: Path, folder: Path, watch: Watch = unwatched) -> Receipt:
    """Take back what the last apply that still stands wrote, and nothing else; NothingToUndo where there is none.

    What the user changed since is kept where the two can be merged; TreeChanged where they cannot.
    """
    with _opened(root, folder, watch) as (tree, journal):
        done = [identity for identity in journal.identities() if journal.state(identity) == "clean"]
        if not done:
            raise NothingToUndo("No applied patch is left to undo here.")
        last = journal.read(done[-1])
        receipt = _carry_out(
            tree, journal, lambda identity: make_plan(tree, root, inverse(last), identity, undone=last)
        )
        with suppress(OSError):
            _forget_undone(journal)
        return receipt


def recover(root: Path, folder: Path, watch: Watch = unwatched) -> str:
    """Finish or take back what a killed process left half done, and say which; empty when there was nothing."""
    if not folder.is_dir():
        return ""
    journal = Journal(folder, watch)
    try:
        with journal.lock(root), _named(), Tree(root, watch) as tree:
            return _recovered(tree, journal)
    except Held:
        return ""


def inverse(plan: Plan) -> ChangeSet:
    """The changes that take a plan back."""
    sides = {step.path: step for step in plan.steps}
    renamed = {target: source for source, target in plan.moves if source in sides and target in sides}
    sources = set(renamed.values())
    changes = []
    for path, step in sides.items():
        if path in renamed:
            source = renamed[path]
            changes.append(Change(source, step.after, sides[source].before, renamed_from=path))
        elif path not in sources:
            changes.append(Change(path, step.after, step.before))
    return ChangeSet(tuple(sorted(changes, key=lambda change: change.path)))


@contextmanager
def _opened(root: Path, folder: Path, watch: Watch) -> Iterator[tuple[Tree, Journal]]:
    """The tree and its journal, locked, with nothing half done in it."""
    journal = Journal(folder, watch)
    with _named(), journal.lock(root), Tree(root, watch) as tree:
        _recovered(tree, journal)
        yield tree, journal


def _carry_out(tree: Tree, journal: Journal, planned: Callable[[str], Plan]) -> Receipt:
    plan = planned(journal.new_identity())
    try:
        journal.begin(plan)
        prepare(tree, plan)
        journal.mark(plan.identity, "go")
    except BaseException:
        discard(tree, plan.steps)
        journal.drop(plan.identity)
        raise
    try:
        strictly(tree, plan)
        journal.mark(plan.identity, "done")
    except BaseException as error:
        _take_back(tree, journal, plan, error)
        raise
    with suppress(OSError):
        _close(tree, journal, plan)
        journal.shorten()
    return Receipt(plan.identity, plan.paths, plan.merged, plan.undoes)


def _take_back(tree: Tree, journal: Journal, plan: Plan, error: BaseException) -> None:
    """After a failure in the middle: everything as it was, then the reason in words."""
    with suppress(OSError):
        journal.mark(plan.identity, "back")
    left = backward(tree, plan)
    journal.drop(plan.identity)
    if isinstance(error, Meanwhile):
        raise conflict([error.path, *left]) from error


def _recovered(tree: Tree, journal: Journal) -> str:
    try:
        return _recover(tree, journal)
    except OSError as error:
        raise WorkspaceError(
            f"An interrupted patch can be neither finished nor taken back: {error.strerror}.",
            remedy=f"Make the folders writable or free some space, and start again; {journal.folder} keeps every file.",
        ) from error


def _recover(tree: Tree, journal: Journal) -> str:
    said = []
    for identity in journal.identities():
        state = journal.state(identity)
        if state == "clean":
            continue
        plan = journal.read(identity)
        what = "undo" if plan.undoes else "patch"
        if state == "done":
            _close(tree, journal, plan)
        elif state is None:
            discard(tree, plan.steps)
            journal.drop(identity)
            said.append(f"A {what} that was interrupted before it touched any file was dropped.")
        elif state == "back" or not _finished(tree, journal, plan):
            said.append(f"A {what} that was interrupted was taken back{_except(_taken_back(tree, journal, plan))}.")
        else:
            left = _except(_still_other(tree, plan))
            said.append(f"A {what} that was interrupted was finished: {len(plan.steps)} files{left}.")
    _forget_undone(journal)
    return " ".join(said)


def _finished(tree: Tree, journal: Journal, plan: Plan) -> bool:
    """Finish an interrupted plan; False where that fails, which must then be taken back."""
    try:
        forward(tree, plan)
        journal.mark(plan.identity, "done")
    except OSError:
        journal.mark(plan.identity, "back")
        return False
    _close(tree, journal, plan)
    return True


def _close(tree: Tree, journal: Journal, plan: Plan) -> None:
    """What remains when all steps are taken."""
    settle(tree, plan)
    journal.mark(plan.identity, "clean")


def _taken_back(tree: Tree, journal: Journal, plan: Plan) -> list[bytes]:
    left = backward(tree, plan)
    journal.drop(plan.identity)
    return left


def _still_other(tree: Tree, plan: Plan) -> list[bytes]:
    return [step.path for step in plan.steps if tree.look(step.path).entry != step.after]


def _except(left: list[bytes]) -> str:
    if not left:
        return ""
    names = ", ".join(printable_name(path) for path in left)
    return f", except what was changed since and is left alone: {names}"


def _forget_undone(journal: Journal) -> None:
    """An undo that is done ends both its own plan and the one that it took back."""
    for identity in journal.identities():
        if journal.state(identity) == "clean":
            undone = journal.read(identity).undoes
            if undone:
                journal.drop(undone)
                journal.drop(identity)


@contextmanager
def _named() -> Iterator[None]:
    """An error of the system, in words."""
    try:
        yield
    except CwmAgentError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise WorkspaceError(
                "The disk is full.", remedy="Nothing was changed. Free some space and apply again."
            ) from error
        name = printable_name(error.filename if isinstance(error.filename, bytes) else str(error.filename).encode())
        raise WorkspaceError(
            f"{name if error.filename else 'The tree'} cannot be written: {error.strerror}.",
            remedy="Nothing was changed.",
        ) from error
