"""What a project says that it needs, read from its files alone: pure, nothing is run."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

_EXTRAS = ("test", "tests", "testing", "dev", "develop", "development")
_REQUIREMENTS = re.compile(
    r"(requirements/)?((requirements|dev|test|tests)([-_.](dev|develop|test|tests|testing))?"
    r"|(dev|test|tests)[-_]requirements|base)\.txt"
)
_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile")
_LOCKS = ("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SetUp(Struct, frozen=True):
    """The commands that install what a project needs, shown to the user before they run.

    `sources` are the files that say so, `digest` is over their content, and `note` says what is not covered.
    """

    commands: tuple[str, ...]
    sources: tuple[str, ...]
    digest: str
    note: str = ""


def matters(path: str) -> bool:
    """Whether `detect` looks at this file, by its path from the project's root."""
    return path in _FILES or path in _LOCKS or ("requirements" in path and bool(_REQUIREMENTS.fullmatch(path)))


def detect(files: Mapping[str, bytes]) -> SetUp | None:
    """What the project needs, from the files of its root and of `requirements/`, by path; None where none says."""
    project = _toml(files.get("pyproject.toml"))
    arguments: list[str] = []
    sources: list[str] = []
    notes: list[str] = []
    for path in sorted(files):
        if "requirements" in path and _REQUIREMENTS.fullmatch(path):
            arguments += ["-r", path]
            sources.append(path)
    if "build-system" in project or "project" in project or "setup.py" in files or _is_package(files):
        extras = _extras(project, files.get("setup.cfg"))
        arguments += ["-e", f".[{','.join(extras)}]" if extras else "."]
        sources += [name for name in ("pyproject.toml", "setup.cfg", "setup.py") if name in files]
    groups = _groups(project)
    if groups:
        arguments += groups
        sources.append("pyproject.toml")
    pipenv = _pipenv(files)
    if pipenv and not arguments:
        arguments += pipenv
        sources.append("Pipfile.lock" if "Pipfile.lock" in files else "Pipfile")
    if "poetry" in project.get("tool", {}):
        names, note = _poetry(project["tool"]["poetry"])
        arguments += names
        notes.append(note)
    if not arguments:
        return None
    sources += [name for name in _LOCKS if name in files]
    unused = [name for name in ("poetry.lock", "uv.lock", "pdm.lock") if name in files]
    notes += [f"{name} is not followed: pip chooses the versions." for name in unused]
    ordered = tuple(dict.fromkeys(sources))
    command = "python3 -m pip install " + " ".join(shlex.quote(part) for part in arguments)
    return SetUp((command,), ordered, _digest(files, ordered), " ".join(note for note in notes if note))


def _digest(files: Mapping[str, bytes], names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()


def _toml(content: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((content or b"").decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _ini(content: bytes | None) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((content or b"").decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error):
        return configparser.ConfigParser()
    return parser


def _is_package(files: Mapping[str, bytes]) -> bool:
    """Whether setup.cfg describes a package, and not only the settings of tools."""
    return _ini(files.get("setup.cfg")).has_option("metadata", "name")


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _extras(project: dict[str, Any], setup_cfg: bytes | None) -> list[str]:
    declared = set(_table(_table(project.get("project")).get("optional-dependencies")))
    parsed = _ini(setup_cfg)
    if parsed.has_section("options.extras_require"):
        declared |= set(parsed["options.extras_require"])
    return [name for name in _EXTRAS if name in declared]


def _groups(project: dict[str, Any]) -> list[str]:
    """The requirements of the dependency groups for tests and development, groups in groups followed once."""
    groups = _table(project.get("dependency-groups"))
    found: list[str] = []
    waiting, seen = [name for name in _EXTRAS if name in groups], set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        for entry in groups.get(name, []) if isinstance(groups.get(name), list) else []:
            if isinstance(entry, str) and not entry.startswith("-"):
                found.append(entry)
            elif isinstance(entry, dict) and isinstance(entry.get("include-group"), str):
                waiting.append(entry["include-group"])
    return list(dict.fromkeys(found))


def _poetry(poetry: object) -> tuple[list[str], str]:
    """The names in Poetry's groups for tests and development; its version ranges are its own and left out."""
    table = _table(poetry)
    names = dict.fromkeys(_table(table.get("dev-dependencies")))
    for group in _EXTRAS:
        names |= dict.fromkeys(_table(_table(_table(table.get("group")).get(group)).get("dependencies")))
    plain = [name for name in names if name != "python" and _NAME.fullmatch(name)]
    return plain, "Of Poetry's groups the names are installed, not the version ranges." if plain else ""


def _pipenv(files: Mapping[str, bytes]) -> list[str]:
    """Pipenv's packages: the locked versions where there is a lock, otherwise the names."""
    try:
        lock = json.loads(files.get("Pipfile.lock", b"{}"))
    except ValueError:
        lock = {}
    locked = [
        f"{name}{_table(entry).get('version', '')}"
        for section in ("default", "develop")
        for name, entry in _table(_table(lock).get(section)).items()
        if _NAME.fullmatch(name)
    ]
    plain = _toml(files.get("Pipfile"))
    named = [n for part in ("packages", "dev-packages") for n in _table(plain.get(part)) if _NAME.fullmatch(n)]
    return locked or named
