"""Git repositories of many shapes, made by the git of this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
}


def git(folder: Path, *arguments: str, env: dict[str, str] | None = None, check: bool = True) -> str:
    """What git says, in an environment that is the same everywhere."""
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder,
        env={**ENVIRONMENT, "HOME": str(folder), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=check,
    )
    return done.stdout.decode("utf-8", "replace")


def new(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """A repository on branch main with these files committed; none makes no commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    for name, content in (files or {}).items():
        put(folder / name, content)
    if files:
        git(folder, "add", "-A", "-f")
        git(folder, "commit", "-q", "-m", "first")
    return folder


def put(path: Path, content: bytes = b"content\n", mode: int = 0o644) -> Path:
    """A file, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path
