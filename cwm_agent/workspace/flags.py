"""What a reviewer must not overlook in a change: what runs by itself, what the eye does not see, what is unusual."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from cwm_agent.text import look_alike, printable
from cwm_agent.workspace.changes import EXECUTABLE, SYMLINK, Change
from cwm_agent.workspace.hunks import Hunk, is_binary

LONG_LINE = 300
LARGE = 1024 * 1024


class Kind(StrEnum):
    """What is noteworthy."""

    RUNS_BY_ITSELF = "runs by itself"
    HIDDEN_CHARACTERS = "hidden characters"
    LOOK_ALIKE = "look-alike letters"
    TRAILING_BLANKS = "trailing blanks"
    LONG_LINE = "long line"
    MODE = "mode"
    BINARY = "binary"
    SYMLINK = "link"
    LARGE = "large"


SERIOUS = frozenset(
    {Kind.RUNS_BY_ITSELF, Kind.HIDDEN_CHARACTERS, Kind.LOOK_ALIKE, Kind.SYMLINK, Kind.BINARY, Kind.MODE}
)


class Flag(Struct, frozen=True):
    """One thing to see: `text` says it in words; `hunk` (from 0) and `line` (from 1, in the new file) where it is."""

    kind: Kind
    text: str
    hunk: int | None = None
    line: int | None = None

    @property
    def serious(self) -> bool:
        """Whether the change should not be accepted without having been looked at."""
        return self.kind in SERIOUS


_NAMES = re.compile(
    r"""
    conftest\.py | sitecustomize\.py | usercustomize\.py | .*\.pth | setup\.py | setup\.cfg | pyproject\.toml
    | noxfile\.py | tox\.ini | pytest\.ini | (gnu)?makefile | .*\.mk | justfile | rakefile | gruntfile.* | gulpfile.*
    | cmakelists\.txt | build\.rs | build\.gradle(\.kts)? | binding\.gyp | package\.json | vagrantfile
    | (.*\.)?dockerfile(\..*)? | (docker-)?compose\.ya?ml | jenkinsfile | \.envrc | \.pre-commit-(config|hooks)\.yaml
    | \.?lefthook\.ya?ml | \.gitlab-ci\.yml | \.travis\.yml | \.drone\.yml | azure-pipelines\.yml
    | bitbucket-pipelines\.yml | \.?n?vimrc | \.exrc | \.lvimrc | \.nvim\.lua | \.dir-locals\.el | .*\.code-workspace
    | \.bashrc | \.bash_profile | \.profile | \.zshrc | \.npmrc | \.yarnrc(\.yml)? | \.bazelrc
    | \.gitmodules | \.gitattributes | \.gitconfig | agents\.md | claude\.md | \.cursorrules
    """,
    re.VERBOSE | re.IGNORECASE,
)
_FOLDERS = re.compile(
    r"(^|/)(\.github|\.gitlab|\.circleci|\.ci|\.husky|\.githooks|\.?hooks|\.vscode|\.idea|\.devcontainer|\.mvn"
    r"|\.cargo|\.cursor|\.claude)/",
    re.IGNORECASE,
)


def runs_by_itself(path: bytes) -> bool:
    """Whether some tool runs or obeys a file of this name without being asked to."""
    text = path.decode("utf-8", "replace")
    return bool(_FOLDERS.search(text) or _NAMES.fullmatch(text.rpartition("/")[2]))


def flags(change: Change, parts: tuple[Hunk, ...]) -> tuple[Flag, ...]:
    """Everything noteworthy of one change, of the whole file first, then hunk by hunk."""
    return tuple(_of_file(change)) + tuple(_of_lines(parts, text=not _binary(change)))


def _binary(change: Change) -> bool:
    return any(entry is not None and is_binary(entry.content) for entry in (change.old, change.new))


def _of_file(change: Change) -> Iterator[Flag]:
    paths = [path for path in (change.path, change.renamed_from) if path is not None]
    if any(runs_by_itself(path) for path in paths):
        yield Flag(Kind.RUNS_BY_ITSELF, "tools run or obey this file without being asked to")
    if look_alike(change.path.decode("utf-8", "replace")):
        yield Flag(Kind.LOOK_ALIKE, "the name mixes letters of several scripts")
    if _hides(change.path.decode("utf-8", "surrogateescape")):
        yield Flag(Kind.HIDDEN_CHARACTERS, "the name holds characters that do not show")
    old, new = change.old, change.new
    if _binary(change):
        yield Flag(Kind.BINARY, "binary: its content cannot be shown")
    if new is None:
        return
    if new.mode == SYMLINK or (old is not None and old.mode == SYMLINK):
        yield Flag(Kind.SYMLINK, "a symbolic link" if new.mode == SYMLINK else "was a symbolic link")
    if old is not None and old.mode != new.mode:
        yield Flag(Kind.MODE, f"mode {old.mode:06o} becomes {new.mode:06o}")
    elif old is None and new.mode == EXECUTABLE:
        yield Flag(Kind.MODE, "a new executable file")
    if len(new.content) > LARGE:
        yield Flag(Kind.LARGE, f"{len(new.content) / 1024**2:.1f} MiB")


def _of_lines(parts: tuple[Hunk, ...], *, text: bool) -> Iterator[Flag]:
    if not text:
        return
    for number, hunk in enumerate(parts):
        for region in hunk.regions:
            for at in range(region.c, region.d):
                for kind, words in _of_line(hunk.new_lines[at]):
                    yield Flag(kind, words, number, hunk.new_start + at)


def _of_line(line: bytes) -> Iterator[tuple[Kind, str]]:
    body = line.removesuffix(b"\n").removesuffix(b"\r")
    text = body.decode("utf-8", "surrogateescape")
    if _hides(text):
        yield Kind.HIDDEN_CHARACTERS, "holds characters that do not show or that reorder the line"
    if not body.isascii() and look_alike(text):
        yield Kind.LOOK_ALIKE, "mixes letters of several scripts in one word"
    if body.endswith((b" ", b"\t")):
        yield Kind.TRAILING_BLANKS, "ends in blanks"
    if len(text) > LONG_LINE:
        yield Kind.LONG_LINE, f"{len(text)} characters long"


def _hides(text: str) -> bool:
    plain = "".join(char for char in text if not "\udc80" <= char <= "\udcff")
    return printable(plain) != plain
