"""Which files a snapshot has."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from cwm_agent.workspace.ignored import IgnoreRules
from cwm_agent.workspace.listing import list_files
from cwm_agent.workspace.repository import Repository
from cwm_agent.workspace.secrets import is_secret
from tests.shapes import git, new, put


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path / "home"


def paths(folder: Path) -> list[bytes]:
    return sorted(list_files(Repository.open(folder)).files)


def test_tracked_staged_unstaged_and_untracked_but_not_ignored(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"kept": b"1", "deleted": b"1", ".gitignore": b"*.o\nbuild/\n", "forced.o": b"1"})
    put(root / "staged")
    git(root, "add", "staged")
    put(root / "untracked/x")
    put(root / "a.o")
    put(root / "build/x")
    (root / "deleted").unlink()
    assert paths(root) == [b".gitignore", b"forced.o", b"kept", b"staged", b"untracked/x"]


def test_odd_names(tmp_path: Path) -> None:
    names = [
        b"new\nline",
        b"-option",
        b"\xff\xfe",
        b"tab\t",
        b'quote"',
        b"back\\slash",
        b" blank ",
        "ü".encode(),
        b"A",
        b"a",
    ]
    root = new(tmp_path / "r")
    for name in names[:5]:
        put(root / os.fsdecode(name))
    git(root, "add", "-A")
    for name in names[5:]:
        put(root / os.fsdecode(name))
    assert paths(root) == sorted(names)


def test_secrets_that_are_not_tracked_stay_out_and_are_named(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"tracked/.env": b"1"})
    for name in (".env", ".env.local", "x/id_rsa", "server.pem", ".env.example", "key.py"):
        put(root / name)
    listing = list_files(Repository.open(root))
    assert sorted(listing.files) == [b".env.example", b"key.py", b"tracked/.env"]
    (note,) = listing.notes
    assert "secrets" in note
    assert all(name in note for name in (".env, .env.local", "server.pem", "x/id_rsa"))


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        (b".env", True),
        (b"a/.env.production", True),
        (b".env.sample", False),
        (b"id_ed25519", True),
        (b"id_ed25519.pub", False),
        (b"id_rsa.bak", True),
        (b"TLS.KEY", True),
        (b".ssh/work", True),
        (b".ssh/config", False),
        (b".npmrc", True),
        (b"credentials.json", True),
        (b"credentials.py", False),
        (b"service-account-prod.json", True),
        (b"prod.tfvars", True),
        (b"keyboard.py", False),
        (b"environment.yml", False),
        (b"secrets.py", False),
        (b"secrets.yaml", True),
    ],
)
def test_what_counts_as_a_secret(name: bytes, secret: bool) -> None:
    assert is_secret(name) is secret


def test_links_are_listed_and_never_followed(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"d/f": b"1", "x": b"1"})
    put(tmp_path / "outside/f", b"private")
    (root / "d/f").unlink()
    (root / "d").rmdir()
    (root / "d").symlink_to(tmp_path / "outside")
    (root / "dangling").symlink_to("nowhere")
    listing = list_files(Repository.open(root))
    assert sorted(listing.files) == [b"d", b"dangling", b"x"]
    assert stat.S_ISLNK(listing.files[b"d"][4])


def test_pipes_and_sockets_are_left_out_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = new(tmp_path / "r", {"x": b"1", "was-a-file": b"1"})
    (root / "was-a-file").unlink()
    os.mkfifo(root / "was-a-file")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listing = list_files(Repository.open(root))
    assert sorted(listing.files) == [b"x"]
    assert "was-a-file" in listing.notes[0]


def test_a_file_that_became_a_folder_and_the_other_way(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"f": b"1", "d/x": b"1"})
    (root / "f").unlink()
    put(root / "f/inner")
    (root / "d/x").unlink()
    (root / "d").rmdir()
    put(root / "d")
    assert paths(root) == [b"d", b"f/inner"]


def test_a_repository_within_that_is_not_tracked(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"x": b"1"})
    new(root / "vendor/lib", {"l.py": b"1", ".gitignore": b"*.tmp\n"})
    put(root / "vendor/lib/l.tmp")
    put(root / "vendor/lib/.env")
    listing = list_files(Repository.open(root))
    assert sorted(listing.files) == [b"vendor/lib/.gitignore", b"vendor/lib/l.py", b"x"]
    assert "vendor/lib/.env" in listing.notes[0]


def test_sparse_checkout(tmp_path: Path) -> None:
    root = new(tmp_path / "r", {"in/a": b"1", "out/b": b"1", "top": b"1"})
    git(root, "sparse-checkout", "set", "--cone", "--sparse-index", "in")
    assert paths(root) == [b"in/a", b"top"]


def test_rules_of_the_user_and_of_the_repository_and_ours(tmp_path: Path, home: Path) -> None:
    root = new(tmp_path / "r", {"x": b"1"})
    put(home / ".gitconfig", b"[core]\n\texcludesFile = ~/my-ignore\n")
    put(home / "my-ignore", b"*.global\n")
    put(root / ".git/info/exclude", b"*.local\n")
    for name in ("a.global", "a.local", "__pycache__/a.pyc", ".pytest_cache/v", "kept.py"):
        put(root / name)
    assert paths(root) == [b"kept.py", b"x"]


def test_the_usual_place_of_global_rules(tmp_path: Path, home: Path) -> None:
    root = new(tmp_path / "r", {"x": b"1"})
    put(home / ".config/git/ignore", b"*.swp\n")
    put(root / "x.swp")
    assert paths(root) == [b"x"]


def test_ignore_rules_for_files_that_exist_in_a_sandbox_alone(tmp_path: Path) -> None:
    inner = new(tmp_path / "inner", {".gitignore": b"*.in\n"})
    root = new(tmp_path / "r", {".gitignore": b"*.o\nbuild/\n!keep.o\n", "x": b"1"})
    git(root, "submodule", "--quiet", "add", str(inner), "sub")
    (root / "link").symlink_to("x")
    rules = IgnoreRules(Repository.open(root), list_files(Repository.open(root)).nested)
    asked = [b"a.o", b"keep.o", b"build/x/y", b"new/", b"build/", b"sub/a.in", b"sub/a.o", b"a.in", b"link/a.o"]
    asked += [b"-z", b"\xff.o", b"n\nl.o", b":(top)x", b'"q.o']
    expected = {b"a.o", b"build/x/y", b"build/", b"sub/a.in", b"\xff.o", b"n\nl.o", b'"q.o'}
    assert rules.ignored(asked) == expected
    assert rules.ignored(asked) == expected, "answers are remembered"
