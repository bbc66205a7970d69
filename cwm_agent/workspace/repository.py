"""The user's repository, found and read without running anything in it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from msgspec import Struct

from cwm_agent.errors import NotARepository, WorkspaceError
from cwm_agent.text import printable_line

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BAD_REF = re.compile(r"(^|/)[.]|[.]{2}|[\x00-\x20\x7f~^:?*\[\\]|@\{|//|/$|[.]$|[.]lock(/|$)")
_SMALL = 64 * 1024
_LARGE = 64 * 1024 * 1024


class Repository(Struct, frozen=True, kw_only=True):
    """A folder of the user. `root` is its work tree; `git_dir` and `common_dir` are empty without git.

    `head` is the commit's id, None before the first one or where it cannot be read; `branch` is the short name, None
    when detached.
    """

    root: str
    git_dir: str = ""
    common_dir: str = ""
    head: str | None = None
    branch: str | None = None

    @property
    def is_git(self) -> bool:
        """Whether the folder is under git of the user's own."""
        return bool(self.git_dir)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool = False) -> Repository:
        """The repository around `path`. With `create`, a folder without git is one too, under a private git of ours.

        NotARepository says what to do about a folder without git; WorkspaceError is for a bare or broken one.
        """
        start = Path(path).expanduser()
        try:
            start = start.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise NotARepository(
                f"There is no folder {_shown(start)}.", remedy="Give the path of a git repository."
            ) from error
        if not start.is_dir():
            start = start.parent
        for folder in (start, *start.parents):
            found = _git_dir_of(folder)
            if found is not None:
                return _read(str(folder), found)
            if _looks_like_git_dir(folder):
                raise WorkspaceError(
                    f"{_shown(folder)} is a git directory or a bare repository: it has no files to work on.",
                    remedy="Clone it, and start in the clone.",
                )
        if create:
            return cls(root=str(start))
        raise NotARepository(
            f"{_shown(start)} is not under git.",
            remedy="Run `git init` there, or add --no-git: a private git directory leaves the folder as it is.",
        )


def _shown(path: Path) -> str:
    return printable_line(str(path))


def _read(root: str, git_dir: Path) -> Repository:
    common = git_dir
    pointer = read_small(git_dir / "commondir")
    if pointer is not None:
        common = Path(os.path.normpath(git_dir / os.fsdecode(pointer).strip()))
    head, branch = _resolve_head(git_dir, common)
    return Repository(root=root, git_dir=str(git_dir), common_dir=str(common), head=head, branch=branch)


def _git_dir_of(folder: Path) -> Path | None:
    """The git directory that `folder/.git` is or names; None where there is none."""
    marker = folder / ".git"
    try:
        mode = marker.stat().st_mode
    except OSError:
        return None
    if stat.S_ISDIR(mode):
        return marker.resolve() if _looks_like_git_dir(marker) else None
    content = read_small(marker)
    if content is None or not content.startswith(b"gitdir: "):
        return None
    target = Path(os.path.normpath(folder / os.fsdecode(content[8:].rstrip(b"\r\n"))))
    if not _looks_like_git_dir(target):
        raise WorkspaceError(
            f"{_shown(marker)} points to {_shown(target)}, which is not a git directory.",
            remedy="Run `git worktree repair` in the main repository, or clone again.",
        )
    return target


def _looks_like_git_dir(folder: Path) -> bool:
    if not os.path.lexists(folder / "HEAD"):
        return False
    return (folder / "commondir").is_file() or ((folder / "objects").is_dir() and (folder / "refs").is_dir())


def read_small(path: Path, limit: int = _SMALL) -> bytes | None:
    """The content of a regular file of at most `limit` bytes, links followed; None for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        try:
            return file.read(limit)
        except OSError:
            return None


def _resolve_head(git_dir: Path, common: Path) -> tuple[str | None, str | None]:
    """The commit and the branch that HEAD names, read from the files of the ref store."""
    text = _ref_text(git_dir / "HEAD")
    if text is None:
        return None, None
    if not text.startswith("ref:"):
        return (text if _SHA.fullmatch(text) else None), None
    name = text[4:].strip()
    if not name.startswith("refs/heads/") or _BAD_REF.search(name):
        return None, None
    return _resolve(name, common), name.removeprefix("refs/heads/")


def _ref_text(path: Path) -> str | None:
    content = read_small(path)
    return None if content is None else os.fsdecode(content).strip()


def _resolve(name: str, common: Path) -> str | None:
    for _ in range(5):
        text = _ref_text(common / name)
        if text is None or not text.startswith("ref:"):
            break
        name = text[4:].strip()
        if not name.startswith("refs/") or _BAD_REF.search(name):
            return None
    else:
        return None
    if text is not None:
        return text if _SHA.fullmatch(text) else None
    return _packed(common, name)


def _packed(common: Path, name: str) -> str | None:
    content = read_small(common / "packed-refs", _LARGE)
    wanted = b" " + os.fsencode(name)
    for line in (content or b"").splitlines():
        if line.endswith(wanted) and not line.startswith((b"#", b"^")):
            sha = os.fsdecode(line[: -len(wanted)])
            return sha if _SHA.fullmatch(sha) else None
    return None
