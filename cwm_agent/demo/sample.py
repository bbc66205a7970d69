"""Makes the sample: a small library with a history, whose last commits left a bug and the test that shows it.

`repository/` is the library as it stands, `history.toml` says how it came to be that. Both are for reading and editing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import tomllib
from datetime import datetime
from pathlib import Path

from msgspec import Struct, convert

from cwm_agent.errors import MissingError, UsageError

PROMPT = (
    "tests/test_statement.py::test_closing_balance_of_a_month_with_large_orders fails: "
    "a customer was charged too much. Please find out why and fix it."
)
"""What the demo asks for."""

_HERE = Path(__file__).parent
_AUTHOR = "cwm-agent demo <demo@localhost>"


class _Edit(Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    now: str
    before: str


class _Commit(Struct, frozen=True, forbid_unknown_fields=True):
    date: str
    subject: str
    body: str = ""
    files: tuple[str, ...] = ()
    edit: tuple[_Edit, ...] = ()

    @property
    def message(self) -> str:
        """Subject and body, as git wants them."""
        return f"{self.subject}\n\n{self.body.strip()}\n" if self.body else f"{self.subject}\n"


def _commits() -> tuple[_Commit, ...]:
    found = tomllib.loads((_HERE / "history.toml").read_text(encoding="utf-8"))
    return convert(found["commit"], tuple[_Commit, ...])


def _present(commits: tuple[_Commit, ...]) -> dict[str, str]:
    root = _HERE / "repository"
    return {path: (root / path).read_text(encoding="utf-8") for commit in commits for path in commit.files}


def _undo(edit: _Edit, tree: dict[str, str]) -> None:
    text = tree[edit.path]
    if text.count(edit.now) != 1:
        raise ValueError(f"history.toml: the text stands {text.count(edit.now)} times in {edit.path}: {edit.now!r}")
    tree[edit.path] = text.replace(edit.now, edit.before)


def history() -> list[tuple[_Commit, dict[str, str]]]:
    """Every commit with the whole tree (path → text) that it left, oldest first; worked out from the end backwards."""
    commits = _commits()
    tree = _present(commits)
    steps = []
    for commit in reversed(commits):
        steps.append((commit, dict(tree)))
        for edit in reversed(commit.edit):
            _undo(edit, tree)
        for path in commit.files:
            del tree[path]
    return steps[::-1]


def _data(text: str) -> bytes:
    content = text.encode()
    return b"data %d\n%s\n" % (len(content), content)


def _stream() -> bytes:
    """The history in the language of `git fast-import`."""
    parts = []
    before: dict[str, str] = {}
    for commit, tree in history():
        date = datetime.fromisoformat(commit.date)
        stamp = f"{int(date.timestamp())} {date:%z}"
        parts.append(f"commit refs/heads/main\nauthor {_AUTHOR} {stamp}\ncommitter {_AUTHOR} {stamp}\n".encode())
        parts.append(_data(commit.message))
        for path, text in tree.items():
            if before.get(path) != text:
                parts.append(f"M 100644 inline {path}\n".encode() + _data(text))
        before = tree
    return b"".join(parts)


def create_sample(folder: Path) -> Path:
    """Make the repository in `folder`, which must be empty or not exist; returns it. UsageError, MissingError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty.", remedy="Name a folder that does not exist yet.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as empty:
        _git(folder, empty, "init", "--quiet", f"--template={empty}", "--initial-branch=main")
        _git(folder, empty, "fast-import", "--quiet", stream=_stream())
        _git(folder, empty, "reset", "--quiet", "--hard", "main")
    return folder


def _git(folder: Path, home: str, *arguments: str, stream: bytes = b"") -> None:
    """Run git on a folder of ours, with nothing of the user's configuration or environment."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent),
        "LC_ALL": "C",
    }
    try:
        subprocess.run(["git", *arguments], cwd=folder, env=environment, input=stream, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise MissingError("git is not installed.", remedy="Install git, version 2.28 or later.") from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"The sample cannot be made in {folder}: {words}") from error
