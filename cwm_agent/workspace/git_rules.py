"""How the user's files are to be read: the configuration of our git directories, and what git ignores."""

from __future__ import annotations

import os
from pathlib import Path

from cwm_agent.workspace.git_run import run_git
from cwm_agent.workspace.repository import Repository, read_small

OWN_EXCLUDES = b"__pycache__/\n*.pyc\n.pytest_cache/\n.mypy_cache/\n.ruff_cache/\n"

_CONFIG = """\
[core]
\trepositoryformatversion = {version}
\tbare = false
\tfilemode = true
\tsymlinks = true
\tignorecase = {ignorecase}
\tprecomposeunicode = {precompose}
\tautocrlf = false
\tsafecrlf = false
\thooksPath = /dev/null
\tfsmonitor = false
\tuntrackedCache = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tpager = cat
\tcheckRoundtripEncoding =
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol]
\tallow = never
[submodule]
\trecurse = false
"""


def user_settings(repository: Repository, git_dir: Path) -> dict[str, str]:
    """The few settings of the user that say how to read files and none of which names a program."""
    wanted = {
        "core.ignorecase",
        "core.precomposeunicode",
        "core.autocrlf",
        "core.eol",
        "core.filemode",
        "core.excludesfile",
        "extensions.objectformat",
        "extensions.refstorage",
    }
    home = str(Path.home())
    folder = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    files = [(Path(folder) / "git/config", True), (Path(home) / ".gitconfig", True)]
    if repository.is_git:
        files.append((Path(repository.common_dir) / "config", False))
    found: dict[str, str] = {}
    for file, with_includes in files:
        if read_small(file, 2**22) is None:
            continue
        includes = "--includes" if with_includes else "--no-includes"
        output = run_git(
            ["config", "--file", str(file), includes, "--null", "--list"],
            git_dir=git_dir,
            work_tree=repository.root,
            home=home,
            accept=(0, 1, 3, 128),
        )
        for item in output.split(b"\0"):
            name, _, value = os.fsdecode(item).partition("\n")
            if name in wanted and (with_includes or name != "core.excludesfile"):
                found[name] = value
    return found


def config_text(settings: dict[str, str]) -> str:
    """The configuration of a git directory of ours."""
    sha256 = settings.get("extensions.objectformat", "").lower() == "sha256"
    text = _CONFIG.format(
        version=1 if sha256 else 0,
        ignorecase=_flag(settings.get("core.ignorecase")),
        precompose=_flag(settings.get("core.precomposeunicode")),
    )
    return text + ("[extensions]\n\tobjectformat = sha256\n" if sha256 else "")


def _flag(value: str | None) -> str:
    return "true" if value is not None and value.lower() in {"", "true", "yes", "on", "1"} else "false"


def excludes(repository: Repository, settings: dict[str, str]) -> bytes:
    """What git ignores besides the `.gitignore` files: ours, the user's global rules, the repository's own."""
    folder = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    named = settings.get("core.excludesfile")
    everywhere = Path(named).expanduser() if named else Path(folder) / "git/ignore"
    parts = [OWN_EXCLUDES, read_small(everywhere, 2**22)]
    if repository.is_git:
        parts.append(read_small(Path(repository.common_dir) / "info/exclude", 2**22))
    return b"\n".join(part for part in parts if part)
