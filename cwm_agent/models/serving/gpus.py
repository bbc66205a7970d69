"""The GPUs of this machine, as NVIDIA's own tool reports them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from msgspec import Struct

from cwm_agent.errors import ModelUnavailable
from cwm_agent.text import printable_line

_QUERY = ("--query-gpu=index,name,memory.total,uuid", "--format=csv,noheader,nounits")
_SECONDS = 20
_MIB = 1024**2
_NONE = re.compile("no devices were found", re.IGNORECASE)
_DRIVER = "Mend the driver (after an update, a restart of the machine often does), or choose with --preset."


class Gpu(Struct, frozen=True):
    """One card: its number, name, memory in bytes, and the identifier that never changes."""

    index: int
    name: str
    memory: int
    uuid: str = ""


def detect(environment: Mapping[str, str], *, tool: str = "nvidia-smi") -> tuple[Gpu, ...]:
    """The cards that a server may use, after CUDA_VISIBLE_DEVICES; none where there is no tool or no card.

    ModelUnavailable where the tool is there and the driver does not answer.
    """
    program = shutil.which(tool, path=environment.get("PATH"))
    if program is None:
        return ()
    try:
        answer = subprocess.run(
            [program, *_QUERY], capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise _broken(f"{tool} has not answered within {_SECONDS} s") from None
    except OSError as error:
        raise _broken(f"{tool} cannot be started: {error.strerror}") from error
    said = f"{answer.stdout}\n{answer.stderr}".strip()
    if _NONE.search(said):
        return ()
    if answer.returncode:
        first = next((line for line in said.splitlines() if line.strip()), f"exit status {answer.returncode}")
        raise _broken(f"{tool} says: {printable_line(first.strip())}")
    return visible(parse(answer.stdout), environment.get("CUDA_VISIBLE_DEVICES"))


def parse(output: str) -> tuple[Gpu, ...]:
    """The cards in the tool's answer; one that does not tell its memory, such as a shared one, is left out."""
    found = []
    for line in output.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) < len(("index", "name", "memory")) or not (fields[0].isdecimal() and fields[2].isdecimal()):
            continue
        uuid = fields[3] if len(fields) > len(("index", "name", "memory")) else ""
        found.append(Gpu(int(fields[0]), printable_line(fields[1]), int(fields[2]) * _MIB, uuid))
    return tuple(found)


def visible(gpus: Sequence[Gpu], allowed: str | None) -> tuple[Gpu, ...]:
    """The cards that CUDA would show, in its order: what comes after a name that no card has is hidden."""
    if allowed is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for name in (part.strip() for part in allowed.split(",")):
        match = next((gpu for gpu in gpus if name == str(gpu.index) or (name and gpu.uuid.startswith(name))), None)
        if match is None:
            break
        chosen.append(match)
    return tuple(chosen)


def in_words(gpus: Sequence[Gpu]) -> str:
    """What was found, in one phrase: equal cards are counted."""
    if not gpus:
        return "no GPU"
    counts: dict[tuple[str, int], int] = {}
    for gpu in gpus:
        counts[gpu.name, gpu.memory] = counts.get((gpu.name, gpu.memory), 0) + 1
    return ", ".join(f"{count} × {name} ({memory / 1024**3:.0f} GiB)" for (name, memory), count in counts.items())


def _broken(what: str) -> ModelUnavailable:
    return ModelUnavailable(f"The graphics driver does not answer: {what}.", remedy=_DRIVER)
