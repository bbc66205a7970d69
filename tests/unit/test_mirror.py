"""The mirror: true, incremental, shared, and right again after a crash."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.containers import mirror
from cwm_agent.containers.generation import Generation
from cwm_agent.containers.layers import Layer, remove_tree
from cwm_agent.containers.mirror import sync
from cwm_agent.containers.trees import whiteouts
from cwm_agent.errors import SandboxDiskFull
from cwm_agent.workspace.changes import EXECUTABLE, REGULAR, SYMLINK, Entry
from cwm_agent.workspace.listing import Listing, list_files
from cwm_agent.workspace.repository import Repository
from tests.shapes import git, new, put

UID = 1000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "agent"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new(tmp_path / "r", {"a.py": b"1\n", "d/b.py": b"2\n", "d/e/c.py": b"3\n"})


def mirrored(root: Path) -> Generation:
    return sync(Repository.open(root), UID)


def shown(generation: Generation) -> dict[bytes, bytes]:
    """What an overlay of the layers would show, history left out: merged by hand, from the lowest up."""
    merged: dict[bytes, bytes] = {}
    for tree in reversed([tree for tree in generation.trees if "history" not in str(tree)]):
        for path in sorted(tree.rglob("*")):
            name = os.fsencode(path.relative_to(tree))
            mode = path.lstat().st_mode
            hides = stat.S_ISCHR(mode) or not stat.S_ISDIR(mode)
            if hides:
                for below in [p for p in merged if p == name or p.startswith(name + b"/")]:
                    del merged[below]
            if stat.S_ISLNK(mode):
                merged[name] = os.fsencode(path.readlink())
            elif stat.S_ISREG(mode):
                for part in range(name.count(b"/")):
                    merged.pop(b"/".join(name.split(b"/")[: part + 1]), None)
                merged[name] = path.read_bytes()
    return merged


def consistent(generation: Generation) -> dict[bytes, bytes]:
    """The same, after checking that the manifest says so too."""
    seen = shown(generation)
    assert {path: generation.read(path).content for path in generation.stamps} == seen
    return seen


def test_the_first_copy_is_true(root: Path) -> None:
    put(root / "run.sh", b"#!/bin/sh\r\n\xff\xfe\x00no newline", 0o755)
    (root / "link").symlink_to("../outside")
    generation = mirrored(root)
    assert generation.read(b"run.sh") == Entry(EXECUTABLE, b"#!/bin/sh\r\n\xff\xfe\x00no newline")
    assert generation.read(b"link") == Entry(SYMLINK, b"../outside")
    assert generation.read(b"a.py") == Entry(REGULAR, b"1\n")
    copy = Path(os.fsdecode(generation.locate(b"a.py")))
    assert copy.stat().st_ino != (root / "a.py").stat().st_ino
    assert copy.stat().st_nlink == 1
    assert copy.stat().st_mtime_ns == (root / "a.py").stat().st_mtime_ns
    with pytest.raises(FileNotFoundError):
        generation.read(b"nothing")


def test_an_unused_base_is_updated_in_place(root: Path) -> None:
    first = mirrored(root)
    first.release()
    put(root / "a.py", b"changed\n")
    put(root / "new/x.py")
    (root / "d/e/c.py").unlink()
    (root / "d/e").rmdir()
    second = mirrored(root)
    assert second.trees == first.trees
    assert consistent(second) == {b"a.py": b"changed\n", b"d/b.py": b"2\n", b"new/x.py": b"content\n"}
    assert not (second.trees[-1] / "d/e").exists(), "an empty folder stays away too"


def test_a_base_in_use_stays_as_it_is(root: Path) -> None:
    first = mirrored(root)
    before = consistent(first)
    put(root / "a.py", b"changed\n")
    (root / "d/b.py").unlink()
    second = mirrored(root)
    third = mirrored(root)
    assert consistent(first) == before
    assert consistent(second) == {b"a.py": b"changed\n", b"d/e/c.py": b"3\n"}
    assert len(second.trees) == 3
    assert second.trees[-1] == first.trees[-1], "the base is shared"
    assert third.trees == second.trees, "nothing changed in between"


def test_a_delta_is_folded_in_when_nobody_uses_the_base(root: Path, home: Path) -> None:
    first = mirrored(root)
    put(root / "a.py", b"changed\n")
    (root / "d/e/c.py").unlink()
    second = mirrored(root)
    first.release()
    second.release()
    put(root / "d/b.py", b"later\n")
    third = mirrored(root)
    assert len(third.trees) == 2
    assert consistent(third) == {b"a.py": b"changed\n", b"d/b.py": b"later\n"}
    assert not list(home.rglob("delta-*"))


def test_files_and_folders_that_change_places_over_a_used_base(root: Path) -> None:
    first = mirrored(root)
    remove_tree(root / "d")
    put(root / "d", b"a file now\n")
    (root / "a.py").unlink()
    put(root / "a.py/inner", b"a folder now\n")
    second = mirrored(root)
    assert consistent(second) == {b"d": b"a file now\n", b"a.py/inner": b"a folder now\n"}
    first.release()
    second.release()
    third = mirrored(root)
    assert len(third.trees) == 2
    assert consistent(third) == {b"d": b"a file now\n", b"a.py/inner": b"a folder now\n"}


def test_many_changes_over_a_used_base_make_a_new_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_LARGE_DELTA", 0)
    first = mirrored(root)
    put(root / "a.py", b"changed\n")
    put(root / "d/b.py", b"changed\n")
    second = mirrored(root)
    assert second.trees[-1] != first.trees[-1]
    assert consistent(second)[b"d/e/c.py"] == b"3\n"
    first.release()
    second.release()
    put(root / "d/e/c.py", b"in the new base alone\n")
    third = mirrored(root)
    assert consistent(third)[b"d/e/c.py"] == b"in the new base alone\n"
    assert not first.trees[-1].exists(), "the old base is removed"


def test_where_whiteouts_are_refused_there_is_a_new_base(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mknod", refuse)
    first = mirrored(root)
    (root / "a.py").unlink()
    second = mirrored(root)
    assert consistent(second) == {b"d/b.py": b"2\n", b"d/e/c.py": b"3\n"}
    assert second.trees[-1] != first.trees[-1]


def test_an_edit_within_the_same_tick_and_of_the_same_size_is_seen(root: Path) -> None:
    mirrored(root).release()
    status = (root / "a.py").stat()
    # What a coarse clock would do, by hand: content changed, and each number that lstat gives is as it was.
    put(root / "a.py", b"9\n")
    os.utime(root / "a.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode)
    original = list_files

    def coarse(*arguments: object) -> Listing:
        found = original(*arguments)  # type: ignore[arg-type]
        return Listing({**found.files, b"a.py": stamp}, found.nested, found.notes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mirror, "list_files", coarse)
        assert consistent(mirrored(root))[b"a.py"] == b"9\n"


def test_a_process_that_died_half_way_is_made_good(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored(root).release()
    (root / "d").rename(root / "moved")

    def die(self: Layer, state: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Layer, "write", die)
        with pytest.raises(KeyboardInterrupt):
            mirrored(root)
    (root / "moved").rename(root / "d")  # the stamps of the files in it are what they were
    assert consistent(mirrored(root)) == {b"a.py": b"1\n", b"d/b.py": b"2\n", b"d/e/c.py": b"3\n"}


def test_after_a_reboot_the_copies_are_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = mirrored(root)
    first.release()
    torn = Path(os.fsdecode(first.locate(b"a.py")))
    torn.write_bytes(b"")  # what a power cut leaves
    monkeypatch.setattr(mirror, "_boot", lambda: "another")
    assert consistent(mirrored(root))[b"a.py"] == b"1\n"


def test_a_full_disk_is_said_and_leaves_the_mirror_usable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored(root).release()
    put(root / "a.py", b"changed\n")
    put(root / "b.py", b"new\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mirror, "copy", full)
        with pytest.raises(SandboxDiskFull, match="No room") as caught:
            mirrored(root)
    assert "CWM_AGENT_HOME" in caught.value.remedy
    assert consistent(mirrored(root)) == {
        b"a.py": b"changed\n",
        b"b.py": b"new\n",
        b"d/b.py": b"2\n",
        b"d/e/c.py": b"3\n",
    }


def test_the_mirror_is_private_and_the_files_belong_to_the_commands(root: Path, home: Path) -> None:
    generation = mirrored(root)
    assert stat.S_IMODE((home / "cache/mirrors").stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert os.lstat(generation.locate(b"d/e/c.py")).st_uid == UID
        assert (generation.trees[-1] / "d/e").stat().st_uid == UID


def _race(root: str, number: int, barrier: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    for turn in range(8):
        put(Path(root) / f"by-{number}.py", f"{turn}\n".encode() * (turn + 1))
        generation = sync(Repository.open(root), UID)
        assert consistent(generation)[b"by-%d.py" % number] == f"{turn}\n".encode() * (turn + 1)
        generation.release()


def test_two_processes_at_once(root: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_race, args=(str(root), number, barrier)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_history_is_there_and_nothing_else_of_git(root: Path) -> None:
    git(root, "remote", "add", "origin", "https://user:pass" + "word@example.org/x.git")
    git(root, "branch", "other")
    put(root / ".git/hooks/pre-commit", b"#!/bin/sh\n", 0o755)
    put(root / "a.py", b"staged\n")
    git(root, "add", "a.py")
    put(root / "d/b.py", b"unstaged\n")
    generation = mirrored(root)
    history, work = generation.trees[-2] / ".git", generation.trees[-1]
    there = {"GIT_DIR": str(history), "GIT_WORK_TREE": str(work), "GIT_CONFIG_COUNT": "1"}
    there |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    assert git(root, "status", "--short", env=there) == "M  a.py\n M d/b.py\n"
    assert git(root, "log", "--format=%s", env=there) == "first\n"
    assert git(root, "diff", "--cached", env=there).count("staged") == 1
    assert git(root, "fsck", env=there) == ""
    assert git(root, "for-each-ref", "--format=%(refname)", env=there) == "refs/heads/main\n"
    assert not list(history.glob("hooks/*"))
    assert not [path for path in history.rglob("*") if path.is_file() and b"password" in path.read_bytes()]


def test_history_follows_new_commits_and_a_rewritten_one(root: Path) -> None:
    first = mirrored(root)
    put(root / "a.py", b"2\n")
    git(root, "commit", "-qam", "second")
    second = mirrored(root)
    git(root, "checkout", "-q", "--orphan", "fresh")
    git(root, "commit", "-qm", "root")
    git(root, "branch", "-D", "main")
    git(root, "reflog", "expire", "--expire=now", "--all")
    git(root, "gc", "-q", "--prune=now")
    third = mirrored(root)
    for generation, log in ((first, "first\n"), (second, "second\nfirst\n"), (third, "root\n")):
        there = {"GIT_DIR": str(generation.trees[-2] / ".git"), "GIT_CONFIG_COUNT": "1"}
        there |= {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        assert git(root, "log", "--format=%s", env=there) == log
        assert git(root, "fsck", "--connectivity-only", env=there) == ""
        assert not generation.notes


def test_missing_objects_are_a_note(root: Path) -> None:
    for path in (root / ".git/objects").glob("??/*"):
        path.unlink()
    generation = mirrored(root)
    assert "history is not in the sandbox" in generation.notes[0]
    assert len(consistent(generation)) == 3


@given(
    st.sets(st.sampled_from([b"a", b"a/b", b"a/b/c", b"a/d", b"e", b"e/f", b"g"])),
    st.sets(st.sampled_from([b"a", b"a/b", b"a/b/c", b"a/d", b"e", b"e/f", b"g"])),
)
@settings(max_examples=300)
def test_whiteouts_hide_exactly_what_is_gone(under: set[bytes], wanted: set[bytes]) -> None:
    def real(paths: set[bytes]) -> set[bytes]:
        """Without those that lie in what is a file."""
        return {p for p in paths if not any(p.startswith(q + b"/") for q in paths)}

    under, wanted = real(under), real(wanted)
    hidden = whiteouts(under, wanted)

    def covered(path: bytes) -> bool:
        by_folder = any(p.startswith(path + b"/") for p in wanted)
        return by_folder or any(path == h or path.startswith(h + b"/") for h in (*hidden, *wanted))

    assert all(covered(path) for path in under - wanted)
    assert not {path for path in wanted if any(path == h or path.startswith(h + b"/") for h in hidden)}
