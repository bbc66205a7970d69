"""Git on the user's files, through a git directory of ours in which nothing that the repository chose can run.

A repository can name programs in its configuration, its hooks and its attributes. None of these is read here: the
environment is emptied, the configuration is ours, and `info/attributes`, which outranks every `.gitattributes`,
switches each conversion off, so that bytes stay what they are. The user's objects are read through `alternates`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from cwm_agent.errors import WorkspaceError
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.text import printable_line
from cwm_agent.workspace.atomic import replace, write_if_new
from cwm_agent.workspace.git_rules import config_text, excludes, user_settings
from cwm_agent.workspace.git_run import run_git
from cwm_agent.workspace.repository import Repository, read_small

ATTRIBUTES = "* -text -crlf -eol -ident -filter !working-tree-encoding !diff !merge !whitespace\n"


class PrivateGit(Struct, frozen=True):
    """A git directory of ours on a work tree of the user's."""

    git_dir: Path
    work_tree: str

    def run(self, *arguments: str, stdin: bytes | None = None, accept: Sequence[int] = (0,)) -> bytes:
        """What git writes to its standard output. WorkspaceError where it ends with a code that is not accepted."""
        return run_git(arguments, git_dir=self.git_dir, work_tree=self.work_tree, stdin=stdin, accept=accept)


def identity(root: str) -> str:
    """A name for the folder, fit for a file name."""
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:24]


def private_git(repository: Repository) -> PrivateGit:
    """The private git directory of a repository, as `prepare` left it."""
    home = cache_folder() / "repositories" / identity(repository.root)
    return PrivateGit(git_dir=home / "git", work_tree=repository.root)


def prepare(repository: Repository) -> PrivateGit:
    """The private git directory of a repository, brought up to date: index, HEAD, objects, excludes."""
    private_folder(cache_folder())
    private_folder(cache_folder() / "repositories")
    git = private_git(repository)
    git_dir = git.git_dir
    for name in ("objects/info", "objects/pack", "info", "refs/heads"):
        (git_dir / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    write_if_new(git_dir / "HEAD", _head_line(repository))
    write_if_new(git_dir / "packed-refs", _packed_refs(repository))
    write_if_new(git_dir / "info/attributes", ATTRIBUTES.encode())
    write_if_new(git_dir / "objects/info/alternates", _alternates(repository))
    settings = user_settings(repository, git_dir)
    write_if_new(git_dir / "config", config_text(settings).encode())
    write_if_new(git_dir / "info/exclude", excludes(repository, settings))
    shallow = read_small(Path(repository.common_dir) / "shallow", 2**24) if repository.is_git else None
    if shallow is None:
        (git_dir / "shallow").unlink(missing_ok=True)
    else:
        write_if_new(git_dir / "shallow", shallow)
    _copy_index(repository, git_dir)
    return git


def _head_line(repository: Repository) -> bytes:
    if repository.branch is None and repository.head is not None:
        return repository.head.encode() + b"\n"
    return b"ref: refs/heads/" + os.fsencode(repository.branch or "main") + b"\n"


def _packed_refs(repository: Repository) -> bytes:
    """One file, so that a branch's name never becomes a path of ours."""
    if repository.head is None or repository.branch is None:
        return b""
    return repository.head.encode() + b" refs/heads/" + os.fsencode(repository.branch) + b"\n"


def _alternates(repository: Repository) -> bytes:
    """The user's object store and all that it borrows from, one quoted path in each line."""
    if not repository.is_git:
        return b""
    found: list[str] = []
    waiting = [str(Path(repository.common_dir) / "objects")]
    while waiting and len(found) < 32:
        folder = waiting.pop(0)
        if folder in found or not Path(folder).is_dir():
            continue
        found.append(folder)
        content = read_small(Path(folder) / "info/alternates") or b""
        lines = [line for line in content.splitlines() if line and not line.startswith((b"#", b'"'))]
        waiting += [os.path.normpath(Path(folder) / os.fsdecode(line)) for line in lines]
    return b"".join(_quoted(folder) + b"\n" for folder in found)


def _quoted(path: str) -> bytes:
    plain = os.fsencode(path)
    escaped = plain.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"' if escaped != plain else plain


def _copy_index(repository: Repository, git_dir: Path) -> None:
    """The user's index as it is; its time is kept, since git compares files with it."""
    source = Path(repository.git_dir) / "index" if repository.is_git else None
    if source is None or not source.is_file():
        (git_dir / "index").unlink(missing_ok=True)
        return
    for part in [*Path(repository.git_dir).glob("sharedindex.*"), source]:
        copy_if_new(part, git_dir / part.name)


def copy_if_new(source: Path, target: Path) -> None:
    """Copy a file and its time, unless size and time say that it is there."""
    status = source.stat()
    try:
        known = target.stat()
        if (known.st_size, known.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            return
    except FileNotFoundError:
        pass
    content = read_small(source, 2**31)
    if content is None:
        raise WorkspaceError(
            f"The index {printable_line(str(source))} cannot be read.", remedy="Check its owner and mode."
        )
    replace(target, content, (status.st_atime_ns, status.st_mtime_ns))
