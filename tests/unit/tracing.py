"""Runs the tracer under any Python of this machine, and gives back what it wrote and how the program ended."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

TRACER = Path(__file__).parents[2] / "sandbox" / "tracer" / "trace.py"
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
RUNNING = sys.executable

Frame = dict[str, Any]


class Traced(NamedTuple):
    """One traced run; `over` says why the trace ended before the program, `exit` is negative for a signal."""

    frames: list[Frame]
    over: str
    exit: int
    out: str
    err: str

    def steps(self) -> list[str]:
        """Each frame in short: `call f 1`."""
        return [f"{each['event']} {each['function']} {each['line']}" for each in self.frames]

    def at(self, line: int, event: str = "line") -> list[Frame]:
        return [each for each in self.frames if each["line"] == line and each["event"] == event]


def version_of(python: str) -> tuple[int, ...]:
    said = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return tuple(map(int, said.stdout.split())) if said.returncode == 0 and said.stdout else ()


@functools.cache
def pythons() -> tuple[str, ...]:
    """The running interpreter, and one of each other version that is found on the PATH or with pyenv."""
    found = {sys.version_info[:2]: RUNNING}
    roots = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
    for version in VERSIONS:
        wanted = tuple(map(int, version.split(".")))
        for path in (shutil.which(f"python{version}"), *(str(root / "python") for root in roots)):
            if path and wanted not in found and Path(path).exists() and version_of(path) == wanted:
                found[wanted] = path
    return tuple(found[key] for key in sorted(found))


def newer_than(*version: int) -> tuple[str, ...]:
    return tuple(python for python in pythons() if version_of(python) >= version)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")


def trace(folder: Path, *arguments: str, python: str = RUNNING, stdin: str = "", out: Path | None = None) -> Traced:
    """Run the tracer in a folder, which is the root."""
    out = out or folder.parent / f"{folder.name}.frames"
    command = [python, "-B", str(TRACER), "--root", str(folder), "--out", str(out), *arguments]
    return gather(run(command, folder, stdin), out)


def gather(ended: subprocess.CompletedProcess[str], out: Path) -> Traced:
    lines = [json.loads(line) for line in out.read_bytes().split(b"\0")[0].splitlines()] if out.exists() else []
    over = [line["over"] for line in lines if "over" in line]
    frames = [line for line in lines if "over" not in line]
    return Traced(frames, "".join(over), ended.returncode, ended.stdout, ended.stderr)


def run(command: list[str], folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        command, cwd=folder, input=stdin, capture_output=True, text=True, timeout=60, env=environment, check=False
    )


def call(folder: Path, source: str, expression: str, *options: str, python: str = RUNNING) -> Traced:
    """Trace a call in a module `f.py` of this text."""
    write(folder, {"f.py": source})
    return trace(folder, *options, "--call", expression, "f.py", python=python)
