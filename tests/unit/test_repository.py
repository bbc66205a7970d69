"""Finding and reading the user's repository, in every shape that people have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwm_agent.errors import NotARepository, WorkspaceError
from cwm_agent.workspace.listing import list_files
from cwm_agent.workspace.repository import Repository
from tests.shapes import git, new, put


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD").strip()


def paths(folder: Path) -> list[bytes]:
    return sorted(list_files(Repository.open(folder)).files)


def test_an_ordinary_one(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    found = Repository.open(root)
    assert (found.root, found.branch, found.head, found.is_git) == (str(root), "main", head(root), True)


def test_from_a_sub_folder_and_from_a_file(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"x/y/a.py": b"1\n"})
    assert Repository.open(root / "x/y").root == str(root)
    assert Repository.open(root / "x/y/a.py").root == str(root)


def test_through_a_link_to_the_folder(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    (tmp_path / "link").symlink_to(root)
    assert Repository.open(tmp_path / "link").root == str(root)


def test_without_commits(tmp_path: Path) -> None:
    root = new(tmp_path / "r")
    put(root / "a.py")
    found = Repository.open(root)
    assert (found.head, found.branch) == (None, "main")
    assert paths(root) == [b"a.py"]


def test_detached(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "checkout", "-q", "--detach")
    found = Repository.open(root)
    assert (found.head, found.branch) == (head(root), None)


def test_packed_refs_and_a_branch_with_a_slash(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "checkout", "-q", "-b", "feature/ünï")
    git(root, "pack-refs", "--all")
    found = Repository.open(root)
    assert (found.head, found.branch) == (head(root), "feature/ünï")


def test_a_linked_worktree(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "worktree", "add", "-q", "-b", "side", str(tmp_path / "w"))
    put(tmp_path / "w/b.py")
    found = Repository.open(tmp_path / "w")
    assert (found.root, found.branch, found.head) == (str(tmp_path / "w"), "side", head(root))
    assert found.common_dir == str(root / ".git")
    assert paths(tmp_path / "w") == [b"a.py", b"b.py"]


def test_a_worktree_whose_repository_is_gone(tmp_path: Path) -> None:
    put(tmp_path / "w/.git", f"gitdir: {tmp_path}/gone/.git/worktrees/w\n".encode())
    with pytest.raises(WorkspaceError, match="not a git directory") as caught:
        Repository.open(tmp_path / "w")
    assert "git worktree repair" in caught.value.remedy


def test_a_submodule_and_its_parent(tmp_path: Path) -> None:
    inner = new(tmp_path / "inner", {"i.py": b"1\n", ".gitignore": b"*.tmp\n"})
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "sub")
    put(root / "sub/new.py")
    put(root / "sub/x.tmp")
    listing = list_files(Repository.open(root))
    assert sorted(listing.files) == [b".gitmodules", b"a.py", b"sub/.gitignore", b"sub/i.py", b"sub/new.py"]
    assert listing.nested == (b"sub",)
    assert Repository.open(root / "sub").git_dir == str(root / ".git/modules/sub")


def test_a_submodule_that_is_not_checked_out(tmp_path: Path) -> None:
    inner = new(tmp_path / "inner", {"i.py": b"1\n"})
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "submodule", "--quiet", "add", str(inner), "sub")
    git(root, "submodule", "--quiet", "deinit", "-f", "sub")
    assert paths(root) == [b".gitmodules", b"a.py"]


def test_bare(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "b.git")
    with pytest.raises(WorkspaceError, match="no files to work on") as caught:
        Repository.open(tmp_path / "b.git")
    assert "clone" in caught.value.remedy.lower()


def test_shallow(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    put(root / "a.py", b"2\n")
    git(root, "commit", "-qam", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{root}", "s")
    assert paths(tmp_path / "s") == [b"a.py"]


def test_sha256(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    git(root, "init", "-q", "-b", "main", "--object-format=sha256")
    put(root / "a.py")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    assert len(Repository.open(root).head or "") == 64
    assert paths(root) == [b"a.py"]


def test_of_a_foreign_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("only root can give files away; run the tests as root")
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    for path in (root, root / ".git", root / ".git/config"):
        os.chown(path, 12345, 12345)
    assert "dubious" in git_errors(root)
    assert paths(root) == [b"a.py"]


def git_errors(root: Path) -> str:
    import subprocess

    from tests.shapes import ENVIRONMENT

    done = subprocess.run(["git", "status"], cwd=root, env=ENVIRONMENT, capture_output=True, text=True)
    return done.stderr


def test_borrowed_objects(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(tmp_path, "clone", "-q", "--shared", str(root), "c")
    assert paths(tmp_path / "c") == [b"a.py"]


def test_a_merge_under_way_with_conflicts(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "checkout", "-qb", "side")
    put(root / "a.py", b"2\n")
    git(root, "commit", "-qam", "side")
    git(root, "checkout", "-q", "main")
    put(root / "a.py", b"3\n")
    git(root, "commit", "-qam", "main")
    git(root, "merge", "side", check=False)
    assert b"<<<<<<<" in (root / "a.py").read_bytes()
    assert paths(root) == [b"a.py"]


def test_a_locked_index(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    put(root / ".git/index.lock", b"")
    assert paths(root) == [b"a.py"]


def test_a_split_index(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    git(root, "update-index", "--split-index")
    put(root / "b.py")
    git(root, "add", "b.py")
    assert list((root / ".git").glob("sharedindex.*"))
    assert paths(root) == [b"a.py", b"b.py"]


def test_a_corrupt_index(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    (root / ".git/index").write_bytes(b"nonsense" * 10)
    with pytest.raises(WorkspaceError, match="could not read") as caught:
        paths(root)
    assert "git fsck" in caught.value.remedy


def test_a_corrupt_head(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})
    (root / ".git/HEAD").write_bytes(b"ref: refs/heads/../../../escape\n")
    found = Repository.open(root)
    assert (found.head, found.branch) == (None, None)
    assert paths(root) == [b"a.py"]


def test_without_git(tmp_path: Path) -> None:
    put(tmp_path / "plain/x/a.py")
    put(tmp_path / "plain/.gitignore", b"*.log\n")
    put(tmp_path / "plain/a.log")
    with pytest.raises(NotARepository, match="not under git") as caught:
        Repository.open(tmp_path / "plain")
    assert "git init" in caught.value.remedy
    found = Repository.open(tmp_path / "plain", create=True)
    assert (found.is_git, found.root, found.head) == (False, str(tmp_path / "plain"), None)
    assert sorted(list_files(found).files) == [b".gitignore", b"x/a.py"]
    assert not (tmp_path / "plain/.git").exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="no folder"):
        Repository.open(tmp_path / "gone")


def test_nothing_of_the_user_is_touched(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"a.py": b"1\n"})

    def state() -> dict[str, tuple[int, int]]:
        return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_ctime_ns) for p in root.rglob("*")}

    before = state()
    paths(root)
    assert state() == before
