"""What `apply` does to a real folder: exactly the change set, or nothing at all."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cwm_agent.errors import TreeChanged, UnsafePath, WorkspaceError
from cwm_agent.workspace.apply import apply, recover, undo
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.journal import Held, Journal
from tests.unit.trees import EVERYTHING, LINES, fast_folder, old_tree, read, shape, text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return old_tree(tmp_path / "root", EVERYTHING)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal"


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)


def one(path: bytes, old: Entry | None, new: Entry | None) -> ChangeSet:
    return ChangeSet((Change(path, old, new),))


def test_every_kind_of_change_at_once(root: Path, journal: Path) -> None:
    receipt = apply(root, EVERYTHING, journal)
    assert read(root) == {c.path: c.new for c in EVERYTHING.changes if c.new is not None}
    assert not (root / "emptied").exists()
    assert set(receipt.paths) == {c.path for c in EVERYTHING.changes} | {b"old/place/name.py"}
    assert receipt.merged == ()
    assert recover(root, journal) == ""


def test_permissions_and_the_umask_are_kept(root: Path, journal: Path) -> None:
    (root / "a.py").chmod(0o640)
    (root / "tool").chmod(0o600)
    before = os.umask(0o027)
    try:
        apply(root, EVERYTHING, journal)
    finally:
        os.umask(before)
    modes = {path: mode for path, (_, mode) in shape(root).items()}
    assert modes[b"a.py"] == 0o640
    assert modes[b"tool"] == 0o700
    assert modes[b"new/deep/file"] == 0o640
    assert modes[b"new/deep"] == 0o750


def test_edits_of_the_user_in_other_places_are_merged(root: Path, journal: Path) -> None:
    (root / "a.py").write_text("first\n" + LINES)
    (root / "old/place/name.py").write_text(LINES.replace("line 1\n", "line one\n"))
    receipt = apply(root, EVERYTHING, journal)
    assert (root / "a.py").read_text() == "first\n" + LINES.replace("line 20\n", "line twenty\n")
    assert (root / "deep/er/new name.py").read_text() == LINES.replace("line 1\n", "line one\n") + "more\n"
    assert set(receipt.merged) == {b"a.py", b"deep/er/new name.py"}


def test_what_is_done_already_is_no_conflict(root: Path, journal: Path) -> None:
    (root / "gone").unlink()
    (root / "picture").write_bytes(b"\0" * 3000)
    assert set(apply(root, EVERYTHING, journal).merged) == {b"gone", b"picture"}


@pytest.mark.parametrize(
    ("path", "spoil"),
    [
        (b"a.py", lambda p: p.write_text(LINES.replace("line 20\n", "line XX\n"))),
        (b"a.py", lambda p: p.unlink()),
        (b"a.py", lambda p: (p.unlink(), p.mkdir())),
        (b"a.py", lambda p: (p.unlink(), os.mkfifo(p))),
        (b"a.py", lambda p: (p.unlink(), p.symlink_to("tool"))),
        (b"gone", lambda p: p.write_text("changed\n")),
        (b"picture", lambda p: p.write_bytes(b"\0\2")),
        (b"link", lambda p: (p.unlink(), p.symlink_to("gone"))),
        (b"new/deep/file", lambda p: (p.parent.mkdir(parents=True), p.write_text("mine\n"))),
        (b"new/deep/file", lambda p: p.mkdir(parents=True)),
        (b"new", lambda p: p.write_text("a file\n")),
        (b"was", lambda p: (p / "another").write_text("mine\n")),
        (b"deep/er/new name.py", lambda p: (p.parent.mkdir(parents=True), p.write_text("mine\n"))),
        (b"old/place/name.py", lambda p: p.unlink()),
    ],
)
def test_a_conflict_touches_nothing(root: Path, journal: Path, path: bytes, spoil: object) -> None:
    place = root / os.fsdecode(path)
    assert callable(spoil)
    spoil(place)
    if path == b"new/deep/file" and place.is_dir():
        (place / "mine").write_text("mine\n")
    before = shape(root)
    with pytest.raises(TreeChanged) as caught:
        apply(root, EVERYTHING, journal)
    assert caught.value.exit_code == 5
    assert caught.value.paths
    assert shape(root) == before


def test_a_changed_mode_is_merged_with_changed_text(root: Path, journal: Path) -> None:
    (root / "a.py").chmod(0o755)
    apply(root, EVERYTHING, journal)
    assert read(root)[b"a.py"] == Entry(EXECUTABLE, LINES.replace("line 20\n", "line twenty\n").encode())


def test_folders_are_not_entered_through_links(root: Path, journal: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (root / "new").symlink_to(outside)
    (outside / "deep" / "file").write_text("new\n")
    before = shape(root)
    for change in (one(b"new/x", None, text("x")), one(b"new/deep/file", text("new\n"), None), EVERYTHING):
        with pytest.raises(UnsafePath, match="link"):
            apply(root, change, journal)
    assert shape(root) == before
    assert read(outside) == {b"deep/file": text("new\n")}


def test_a_link_through_a_link_that_points_out_is_refused(root: Path, journal: Path, tmp_path: Path) -> None:
    (root / "data").symlink_to(tmp_path)
    with pytest.raises(UnsafePath, match="out of the tree"):
        apply(root, one(b"l", None, Entry(SYMLINK, b"data/secret")), journal)


def test_names_that_differ_in_case_alone_are_refused(root: Path, journal: Path) -> None:
    for path in (b"A.PY", b"WAS/other", b"Old/x"):
        with pytest.raises(UnsafePath, match="case"):
            apply(root, one(path, None, text("x")), journal)
    apply(root, ChangeSet((Change(b"GONE", None, text("x\n")), Change(b"gone", text("gone\n"), None))), journal)


def test_a_folder_that_cannot_be_written_says_so(root: Path, journal: Path) -> None:
    (root / "old" / "place").chmod(0o555)
    before = shape(root)
    error = in_child(lambda: as_nobody(root, journal))
    assert "read-only" in error
    assert shape(root) == before


def as_nobody(root: Path, journal: Path) -> str:
    """Apply without the rights of root; the parents of the temporary folder are opened by standing in it."""
    if os.geteuid() == 0:
        for folder, _, files in os.walk(root):
            os.chown(folder, 65534, 65534)
            for name in files:
                os.chown(os.path.join(folder, name), 65534, 65534, follow_symlinks=False)  # noqa: PTH118
        journal.parent.mkdir()
        os.chown(journal.parent, 65534, 65534)
        for parent in list(root.parents)[:4]:
            if os.stat(parent).st_mode & 0o005 != 0o005:  # noqa: PTH116
                parent.chmod(0o755)
        os.setuid(65534)
    try:
        apply(root, EVERYTHING, journal)
    except WorkspaceError as error:
        return error.message
    return ""


def in_child(action: object) -> str:
    """What `action` returns in a process of its own, forked from this one."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            assert callable(action)
            writer.send(action())
        except BaseException as error:
            writer.send(repr(error))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert reader.poll(5)
    return str(reader.recv())


def test_a_file_too_large_for_the_disk_touches_nothing(root: Path, journal: Path) -> None:
    before = shape(root)
    large = one(b"large", None, text(b"x" * 300_000))

    def limited() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            apply(root, large, journal)
        except WorkspaceError as error:
            return str(error)
        return ""

    assert "disk is full" in in_child(limited)
    assert shape(root) == before
    assert recover(root, journal) == ""


class FullFrom:
    """A disk that is full from the n-th step on: what takes room fails, what gives room works."""

    def __init__(self, number: int, *, once: bool = False) -> None:
        self.steps = 0
        self.number = number
        self.once = once

    def __call__(self, step: str) -> None:
        self.steps += 1
        takes_room = step in ("create", "write", "make folder") or step.endswith((".plan", ".go"))
        if (self.once and self.steps == self.number) or (not self.once and self.steps >= self.number and takes_room):
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("once", [False, True])
def test_a_disk_that_fills_at_any_step_leaves_all_or_nothing(memory: Path, *, once: bool) -> None:
    refused = 0
    for number in range(1, 1000):
        root = old_tree(memory / str(number), EVERYTHING)
        before, folder = shape(root), memory / "j" / str(number)
        disk = FullFrom(number, once=once)
        said = refusal(lambda r=root, f=folder, d=disk: apply(r, EVERYTHING, f, d))
        recover(root, folder)
        if said is not None:
            assert "disk is full" in str(said)
            assert shape(root) == before
            refused += 1
            continue
        assert read(root) == {c.path: c.new for c in EVERYTHING.changes if c.new is not None}
        if disk.steps < number:
            break
    assert refused > 40


def refusal(action: Callable[[], object]) -> WorkspaceError | None:
    """Why nothing was written, or None when it was."""
    try:
        action()
    except WorkspaceError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("step", "path"), [("exchange", "a.py"), ("exchange", "picture"), ("move", "gone"), ("move", "new/deep/file")]
)
def test_a_write_between_the_check_and_the_rename_is_kept(memory: Path, step: str, path: str) -> None:
    """The user writes at the very last moment, before each rename in turn."""
    root, journal = old_tree(memory / "root", EVERYTHING), memory / "journal"
    hits = 0
    for number in range(1, 60):
        for place in root.rglob("mine"):
            place.unlink()
        old_tree(root, ChangeSet(tuple(c for c in EVERYTHING.changes if c.path == os.fsencode(path))))
        before = shape(root)
        steps = 0

        def watch(name: str, at: int = number) -> None:
            nonlocal steps
            steps += name == step
            if name == step and steps == at and (root / path).parent.is_dir():
                (root / path).write_text("mine, at the last moment\n")

        said = refusal(lambda w=watch: apply(root, EVERYTHING, journal, w))
        if isinstance(said, TreeChanged):
            assert os.fsencode(path) in said.paths
            assert (root / path).read_text() == "mine, at the last moment\n"
            after = shape(root)
            for place in (os.fsencode(path), b"new", b"new/deep"):
                before.pop(place, None)
                after.pop(place, None)
            assert after == before
            hits += 1
            (root / path).unlink()
            continue
        (root / path).unlink(missing_ok=True)
        if steps < number:
            break
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        for change in EVERYTHING.changes:
            if change.path == os.fsencode(path) and change.new is not None:
                (root / path).write_bytes(change.new.content)
        undo(root, journal)
    assert hits > 0


def test_two_processes_take_turns(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "journal"
    root.mkdir()
    (root / "f").write_text(LINES)
    children = []
    for number in range(4):
        at = number * 10
        child = os.fork()
        if child == 0:
            new = LINES.replace(f"line {at}\n", f"line {at} by {number}\n")
            try:
                apply(root, one(b"f", text(LINES), text(new)), folder)
            finally:
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert (root / "f").read_text() == "".join(f"line {n}" + f" by {n // 10}" * (n % 10 == 0) + "\n" for n in range(40))


def test_a_held_lock_is_named(tmp_path: Path) -> None:
    with (
        Journal(tmp_path / "j").lock(tmp_path),
        pytest.raises(Held, match="Another cwm-agent"),
        Journal(tmp_path / "j").lock(tmp_path, 0.05),
    ):
        pass
    assert recover(tmp_path, tmp_path / "j") == ""


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "j"
    root = old_tree(tmp_path / "root", EVERYTHING)
    receipt = apply(root, EVERYTHING, folder)
    plan = folder / f"{receipt.identity}.plan"
    plan.write_bytes(plan.read_bytes()[:-1])
    with pytest.raises(WorkspaceError, match="damaged"):
        undo(root, folder)


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbfx\r\n", "é\n".encode("utf-16"), b"\xe9", b"a\rb", b"$Id$\n", b"x" * 3_000_000]
)
def test_bytes_are_exact(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").mkdir()
    apply(tmp_path / "r", one(b"f", None, Entry(REGULAR, content)), tmp_path / "j")
    assert (tmp_path / "r" / "f").read_bytes() == content
