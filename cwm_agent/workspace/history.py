"""The `.git` that a snapshot carries: the user's commits up to HEAD, branch and index, and nothing else of theirs.

No remotes, hooks, other branches, stashes or settings. It is made of objects that our own private git packs, so it can
be read and written in a sandbox without touching the user's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from msgspec import Struct

from cwm_agent.errors import WorkspaceError
from cwm_agent.workspace.atomic import replace
from cwm_agent.workspace.git_rules import user_settings
from cwm_agent.workspace.private_git import PrivateGit, copy_if_new
from cwm_agent.workspace.repository import Repository

_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tfilemode = {filemode}
\tbare = false
\tlogallrefupdates = true
\ttrustctime = false
\tcheckStat = minimal
{conversions}[gc]
\tauto = 0
[user]
\tname = cwm-agent
\temail = cwm-agent@localhost
[commit]
\tgpgSign = false
{extensions}"""


class History(Struct, frozen=True):
    """What a `.git` was made from: equal values are equal histories."""

    head: str = ""
    branch: str = ""
    index: str = ""
    rules: str = ""
    whole: bool = True


def wanted_history(repository: Repository, git: PrivateGit) -> History:
    """The history that the repository has now."""
    rules = hashlib.sha256()
    for name in ("info/exclude", "config", "shallow"):
        path = git.git_dir / name
        rules.update(path.read_bytes() if path.exists() else b"-")
        rules.update(b"\0")
    index = git.git_dir / "index"
    stamp = f"{index.stat().st_size} {index.stat().st_mtime_ns}" if index.exists() else ""
    return History(head=repository.head or "", branch=repository.branch or "", index=stamp, rules=rules.hexdigest())


def build(
    repository: Repository, git: PrivateGit, target: Path, previous: tuple[Path, History] | None
) -> tuple[History, str]:
    """Make the `.git` at `target`; returns what it holds and a note for the user, or an empty one.

    `previous` is an earlier one of ours, whose packs are shared: they never change.
    """
    for name in ("objects/pack", "objects/info", "refs/heads", "info"):
        (target / name).mkdir(parents=True)
    history, note = wanted_history(repository, git), ""
    if repository.is_git and not _pack(repository, git, target, previous):
        history, note = _without(history), _missing(repository)
    if not history.whole:
        repository = Repository(root=repository.root, branch=repository.branch)
    _write(repository, git, target)
    return history, note


def _without(history: History) -> History:
    return History(head=history.head, branch=history.branch, index=history.index, rules=history.rules, whole=False)


def _missing(repository: Repository) -> str:
    del repository
    return "The history is not in the sandbox: some of its objects are missing or damaged here."


def _pack(repository: Repository, git: PrivateGit, target: Path, previous: tuple[Path, History] | None) -> bool:
    """Bring the objects of HEAD and of the index into `target`; False where they are not all there."""
    if previous is not None and previous[1].whole and previous[1].head:
        pack = previous[0] / "objects/pack"
        for file in pack.iterdir():
            os.link(file, target / "objects/pack" / file.name)
        if _pack_objects(repository, git, target, have=previous[1].head):
            return True
        for file in (target / "objects/pack").iterdir():
            file.unlink()
    return _pack_objects(repository, git, target, have="")


def _pack_objects(repository: Repository, git: PrivateGit, target: Path, *, have: str) -> bool:
    revisions = [repository.head] if repository.head else []
    revisions += [f"^{have}"] if have else []
    try:
        git.run(
            "pack-objects",
            "-q",
            "--revs",
            "--indexed-objects",
            "--non-empty",
            "--window=0",
            "--compression=1",
            "--delta-base-offset",
            str(target / "objects/pack/pack"),
            stdin="".join(f"{revision}\n" for revision in revisions).encode(),
        )
    except WorkspaceError:
        return False
    return True


def _write(repository: Repository, git: PrivateGit, target: Path) -> None:
    settings = user_settings(repository, git.git_dir)
    sha256 = settings.get("extensions.objectformat", "").lower() == "sha256"
    conversions = "".join(
        f"\t{name} = {settings[key]}\n"
        for name, key, allowed in (
            ("autocrlf", "core.autocrlf", {"true", "false", "input"}),
            ("eol", "core.eol", {"lf", "crlf", "native"}),
        )
        if settings.get(key, "").lower() in allowed
    )
    text = _CONFIG.format(
        version=1 if sha256 else 0,
        filemode="false" if settings.get("core.filemode", "").lower() == "false" else "true",
        conversions=conversions,
        extensions="[extensions]\n\tobjectformat = sha256\n" if sha256 else "",
    )
    replace(target / "config", text.encode())
    replace(target / "description", b"A snapshot; what is written here stays in the sandbox.\n")
    replace(target / "info/exclude", (git.git_dir / "info/exclude").read_bytes())
    head, branch = repository.head, repository.branch
    detached = head is not None and branch is None
    replace(target / "HEAD", f"{head}\n".encode() if detached else b"ref: refs/heads/" + _name(branch) + b"\n")
    if head is not None and branch is not None:
        replace(target / "packed-refs", head.encode() + b" refs/heads/" + _name(branch) + b"\n")
    if not repository.is_git:
        return
    for name in ("shallow", *(path.name for path in git.git_dir.glob("sharedindex.*")), "index"):
        if (git.git_dir / name).exists():
            copy_if_new(git.git_dir / name, target / name)


def _name(branch: str | None) -> bytes:
    return os.fsencode(branch or "main")


def remove(target: Path) -> None:
    """Take a half-made one away."""
    shutil.rmtree(target, ignore_errors=True)
