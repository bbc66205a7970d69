"""`cwm-agent trace` on the real engine: every form, every mode that needs no model, and bad input."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cwm_agent import compose_traces
from cwm_agent.observations import Completed, LimitReached, Limits, Mode
from cwm_agent.settings import Settings
from cwm_agent.traces.frames import FrameKind
from cwm_agent.worlds.verified import gather
from tests.e2e.conftest import Run

LETTERS = """\
def count(text, letter):
    n = 0
    for each in text:
        if each == letter:
            n += 1
    return n


def test_count():
    assert count("strawberry", "r") == 3


if __name__ == "__main__":
    import sys

    print(count(*sys.argv[1:]))
"""
CALL = 'count("strawberry", "r")'

HOSTILE = dedent(
    """\
    import asyncio
    import ctypes
    import functools
    import os
    import signal
    import threading
    from dataclasses import dataclass


    def raises():
        raise ValueError("no")


    def never_ends():
        while True:
            pass


    def exits():
        os._exit(7)


    def kills_itself():
        os.kill(os.getpid(), signal.SIGKILL)


    def crashes():
        ctypes.string_at(0)


    def forks():
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        return "parent"


    def deep(n):
        return deep(n + 1)


    def huge():
        big = "x" * 10_000_000
        many = list(range(1_000_000))
        return len(big) + len(many)


    class Liar:
        def __repr__(self):
            return "None"


    class Raiser:
        def __repr__(self):
            raise RuntimeError("no repr")


    class Hanger:
        def __repr__(self):
            while True:
                pass


    def lies():
        one, two, three = Liar(), Raiser(), Hanger()
        return 5


    def größe(übel):
    \tπ = übel * 2
    \treturn π


    def executes():
        scope = {}
        exec("a = 1\\nb = a + 1", scope)
        return scope["b"]


    @functools.lru_cache
    def decorated(n):
        return n + 1


    def in_threads():
        found = []
        thread = threading.Thread(target=found.append, args=(1,))
        thread.start()
        thread.join()
        return found


    async def waits(n):
        await asyncio.sleep(0)
        return n + 1


    def runs_waits():
        return asyncio.run(waits(1))


    def changes_itself():
        with open(__file__, "a") as file:
            file.write("\\n# more\\n")
        return 1


    @dataclass
    class Point:
        x: int

        def moved(self):
            return Point(self.x + 1)
    """
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("traced")
    (made / "letters.py").write_text(LETTERS)
    (made / "hostile.py").write_text(HOSTILE)
    (made / "broken.py").write_text("def f(:\n    pass\n")
    return made


def frames(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def trace(run: Run, file: Path, *arguments: str, seconds: str = "3") -> subprocess.CompletedProcess[str]:
    return run("trace", str(file), "--mode", "real", *arguments, env={"CWM_AGENT_WORLD__SECONDS": seconds})


def test_a_call_is_a_table_that_says_it_ran(run: Run, folder: Path) -> None:
    done = trace(run, folder / "letters.py", "--call", CALL)
    assert done.returncode == 0, done.stderr
    assert "◆ RAN" in done.stdout
    assert "returned 3" in done.stdout
    assert "n = 2 → 3" in done.stdout
    assert "IMAGINED" not in done.stdout


def test_the_json_lines_are_whole(run: Run, folder: Path) -> None:
    done = trace(run, folder / "letters.py", "--call", CALL, "--format", "jsonl")
    got = frames(done)
    assert [each["origin"] for each in got] == ["real"] * 28
    assert (got[0]["event"], got[-1]["event"], got[-1]["value"]) == ("call", "return", "3")
    assert {each["file"] for each in got} == {"letters.py"}


def test_a_test_is_traced_by_its_name(run: Run, folder: Path) -> None:
    got = frames(trace(run, folder / "letters.py", "--test", "test_count", "--format", "jsonl"))
    assert [each["function"] for each in got[:3]] == ["test_count", "test_count", "count"]


def test_a_script_is_traced_with_its_arguments(run: Run, folder: Path) -> None:
    done = trace(run, folder / "letters.py", "--args", "banana a", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert "3" in done.stderr.splitlines()
    assert {"<module>", "count"} <= {each["function"] for each in frames(done)}


@pytest.mark.parametrize(("kind", "start"), [("html", "<!doctype html>"), ("svg", "<svg")])
def test_pages_and_pictures_go_to_a_file(run: Run, folder: Path, tmp_path: Path, kind: str, start: str) -> None:
    out = tmp_path / f"trace.{kind}"
    done = trace(run, folder / "letters.py", "--call", CALL, "--format", kind, "--output", str(out))
    assert done.returncode == 0, done.stderr
    text = out.read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith(start)
    assert "strawberry" in text


@pytest.mark.parametrize(
    ("file", "arguments", "words"),
    [
        ("letters.py", ["--call", "nope(1)"], "has no nope"),
        ("letters.py", ["--call", "count("], "does not parse"),
        ("letters.py", ["--call", "count(1 / 0, 1)"], "ZeroDivisionError"),
        ("broken.py", ["--call", "f(1)"], "broken.py"),
        ("gone.py", ["--call", "f(1)"], "gone.py"),
        ("letters.py", ["--test", "no such test"], "no such test"),
        ("letters.py", ["--call", CALL, "--output", "/nowhere/x"], "/nowhere/x"),
    ],
)
def test_what_cannot_be_traced_is_wrong_use(
    run: Run, folder: Path, file: str, arguments: Sequence[str], words: str
) -> None:
    done = trace(run, folder / file, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_model_nothing_is_imagined_and_it_says_so(run: Run, folder: Path) -> None:
    file = str(folder / "letters.py")
    verified = run("trace", file, "--call", CALL, "--mode", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "--model-url" in verified.stderr
    assert "◇" not in verified.stdout
    imagined = run("trace", file, "--call", CALL, "--mode", "imagined")
    assert imagined.returncode == 3
    assert "--model-url" in imagined.stderr
    nobody = run("trace", file, "--call", CALL, "--mode", "imagined", "--model-url", "http://127.0.0.1:9")
    assert nobody.returncode == 3
    assert "127.0.0.1:9" in nobody.stderr
    assert "Traceback" not in nobody.stderr


COMPLETED, STOPPED = Completed, LimitReached
HOSTILE_CALLS: dict[str, tuple[type, FrameKind, str | None]] = {
    "raises()": (COMPLETED, FrameKind.RETURN, "None"),
    "never_ends()": (STOPPED, FrameKind.LINE, None),
    "exits()": (COMPLETED, FrameKind.LINE, None),
    "kills_itself()": (COMPLETED, FrameKind.LINE, None),
    "crashes()": (COMPLETED, FrameKind.LINE, None),
    "forks()": (COMPLETED, FrameKind.RETURN, "'parent'"),
    "deep(0)": (COMPLETED, FrameKind.RETURN, "None"),
    "huge()": (COMPLETED, FrameKind.RETURN, "11000000"),
    "lies()": (COMPLETED, FrameKind.RETURN, "5"),
    "größe(2)": (COMPLETED, FrameKind.RETURN, "4"),
    "executes()": (COMPLETED, FrameKind.RETURN, "2"),
    "decorated(1)": (COMPLETED, FrameKind.RETURN, "2"),
    "in_threads()": (COMPLETED, FrameKind.RETURN, "[1]"),
    "waits(1)": (COMPLETED, FrameKind.RETURN, "2"),
    "runs_waits()": (COMPLETED, FrameKind.RETURN, "2"),
    "changes_itself()": (COMPLETED, FrameKind.RETURN, "1"),
    "Point(1).moved()": (COMPLETED, FrameKind.RETURN, "Point(x=2)"),
}


async def test_hostile_programs_are_traced_to_their_end(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(home))
    found = compose_traces.case(folder / "hostile.py")
    ends: dict[str, tuple[type, FrameKind, str | None]] = {}
    async with compose_traces.worlds(Settings(), found, Mode.REAL) as opened:
        assert opened.real is not None
        for call in HOSTILE_CALLS:
            answer = await gather(opened.real.run(found.request(call), Limits(seconds=3, frames=5000)))
            last = answer.trace.frames[-1]
            ends[call] = type(answer.outcome), last.event, last.value
            assert "/opt/cwm" not in answer.output, (call, answer.output)
    assert ends == HOSTILE_CALLS
    assert (folder / "hostile.py").read_text() == HOSTILE


def test_a_trace_that_is_too_long_is_cut_and_says_so(run: Run, folder: Path) -> None:
    limits = {"CWM_AGENT_WORLD__FRAMES": "50"}
    done = run("trace", str(folder / "letters.py"), "--mode", "real", "--call", "count('r' * 500, 'r')", env=limits)
    assert done.returncode == 4
    assert "50 frames" in done.stdout


def test_the_ledger_says_that_it_is_empty(run: Run, tmp_path: Path) -> None:
    done = run("ledger", env={"CWM_AGENT_HOME": str(tmp_path)})
    assert done.returncode == 0
    assert "No prediction" in done.stdout
    assert json.loads(run("ledger", "--format", "json", env={"CWM_AGENT_HOME": str(tmp_path)}).stdout) == []
