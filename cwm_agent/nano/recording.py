"""Many generated programs traced in one process by the tracer of the sandbox. Run as a module, it serves `traces_of`.

In: one JSON array a line, [source, call]. Out: one line each, a JSON array of the tracer's frames, or null where the
run did not end within its limits. Only for programs of our own generator: what runs here is confined by rlimits alone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cwm_agent.observations import Origin
from cwm_agent.resources import sandbox_folder
from cwm_agent.traces.frames import Trace
from cwm_agent.traces.jsonl import Record, read_line

FRAMES = 120
"""Longer traces are left out."""
_SECONDS = 0.5
_MEMORY = 1024**3
_BATCH = 1000
_FILE = "program.py"


def traces_of(programs: Sequence[tuple[str, str]]) -> Iterator[Trace | None]:
    """The real trace of each (source, call), in their order; None where it is too long, too large or too slow."""
    at = 0
    while at < len(programs):
        batch = programs[at : at + _BATCH]
        answered = _answers(batch)
        for frames in answered:
            yield None if frames is None else _trace(frames)
        if len(answered) < len(batch):
            yield None  # the process ended in this one
        at += min(len(answered) + 1, len(batch))


def _answers(batch: Sequence[tuple[str, str]]) -> list[list[dict[str, Any]] | None]:
    """What one process answers, up to the program that it does not survive."""
    asked = "".join(json.dumps(each) + "\n" for each in batch)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", __spec__.name]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False, env=environment)
    if done.returncode > 0:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.endswith(("]", "null"))]


def _trace(frames: list[dict[str, Any]]) -> Trace:
    records = [read_line(json.dumps(frame), Origin.REAL) for frame in frames]
    return Trace(tuple(record.frame for record in records if isinstance(record, Record)))


class _Kept:
    """A sink of the recorder's that keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def append(self, data: bytes) -> None:
        """Take one line."""
        self.lines.append(data)

    def close(self) -> None:
        """Nothing is buffered."""


def _enter_tracer() -> tuple[Any, Any, Any]:
    folder = str(sandbox_folder() / "tracer")
    package = type(sys)("_cwm_tracer")
    package.__path__ = [folder]
    sys.modules["_cwm_tracer"] = package
    from _cwm_tracer.by_settrace import Settrace  # type: ignore[import-not-found]
    from _cwm_tracer.recorder import Recorder  # type: ignore[import-not-found]
    from _cwm_tracer.scope import Scope  # type: ignore[import-not-found]

    return Scope, Recorder, Settrace


def _record(tracer: tuple[Any, Any, Any], source: str, call: str) -> list[Any] | None:
    scope_of, recorder_of, backend_of = tracer
    scope = scope_of("/")
    path = f"/{_FILE}"
    scope.give(path, source)
    kept = _Kept()
    recorder = recorder_of(scope, kept, FRAMES, 0)
    backend = backend_of(recorder)
    module = sys.modules["program"] = type(sys)("program")  # where a dataclass looks for what its annotations name
    space: dict[str, Any] = vars(module)
    try:
        exec(compile(source, path, "exec"), space)
        code = compile(call, "<call>", "eval")
        recorder.begin()
        backend.start()
        eval(code, space)
    except MemoryError:
        recorder.finish("memory")
    except Exception:
        pass
    recorder.finish()
    if recorder.over != "end":
        return None
    return [msgspec.json.decode(line) for line in kept.lines]


def serve() -> None:
    """Answer the programs on standard input. One that takes too long ends the process: no handler is sure to be run."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    tracer = _enter_tracer()
    for line in sys.stdin:
        source, call = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, _SECONDS)
        answer = _record(tracer, source, call)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
