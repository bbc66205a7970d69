"""One call of git, with nothing in its environment but what is named here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cwm_agent.errors import MissingError, WorkspaceError
from cwm_agent.text import printable_line

SECONDS = 120.0
"""How long one call of git may take: a pipe in the place of a file could hold it for ever."""


def run_git(
    arguments: Sequence[str],
    *,
    git_dir: Path,
    work_tree: str,
    stdin: bytes | None = None,
    accept: Sequence[int] = (0,),
    home: str | None = None,
) -> bytes:
    """Run git with nothing in its environment but what is named here."""
    from git import Git  # GitPython looks for git and starts it when it is imported

    variables = {
        "PATH": f"{Path(_git()).parent}:/usr/bin:/bin",
        "LC_ALL": "C",
        "GIT_DIR": str(git_dir),
        "GIT_WORK_TREE": work_tree,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_PAGER": "cat",
        **({"HOME": home} if home else {}),
    }
    # GitPython adds to the environment it finds; `env -i` starts from an empty one.
    command = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), _git(), *arguments]
    with tempfile.TemporaryFile() as given:
        if stdin:
            given.write(stdin)
            given.seek(0)
        status, output, errors = Git(work_tree).execute(
            command,
            istream=given,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=SECONDS,
        )
    if status not in accept:
        raise WorkspaceError(
            f"git {arguments[0]} could not read {printable_line(work_tree)}: {_reason(errors, status)}",
            remedy="Run `git status` there; `git fsck` says more about a damaged repository.",
        )
    assert isinstance(output, bytes)
    return output


def _reason(errors: str | bytes, status: int) -> str:
    text = errors.decode("utf-8", "replace") if isinstance(errors, bytes) else errors
    lines = text.strip().splitlines()
    return printable_line(lines[-1])[:300] if lines else f"it ended with {status}."


_found: list[str] = []


def _git() -> str:
    if not _found:
        path = shutil.which("git")
        if path is None:
            raise MissingError("git is not installed.", remedy="Install git 2.30 or later.")
        _found.append(str(Path(path).absolute()))
    return _found[0]
