"""Imagination from the command line: a scripted model behind a real socket, the real sandbox where something runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.observations import TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.segments import Segment
from cwm_agent.worlds.imagination.gather import gather
from tests.e2e.conftest import Run, git
from tests.e2e.model_server import NAME, model_server
from tests.unit.worlds.stage import believed, real

LETTERS = """\
def count(text, letter):
    n = 0
    for each in text:
        if each == letter:
            n += 1
    return n
"""
CALL = "count('strawberry', 'r')"
NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

BUGGY = LETTERS.replace("==", "!=")
TESTS = """\
from letters import count


def test_count():
    assert count("bob", "b") == 2
    assert count("xyz", "b") == 0
    assert count("aaab", "a") == 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "letters.py"
    made.write_text(LETTERS)
    return made


async def knows() -> ScriptedTraceModel:
    return ScriptedTraceModel(belief(*await believed(TraceCall(LETTERS, CALL, "letters.py"))))


async def errs() -> ScriptedTraceModel:
    """A model that counts one too many at the second r, and goes on as if it had not."""
    context, frames = await believed(TraceCall(LETTERS, CALL, "letters.py"))
    second = next(n for n, each in enumerate(frames) if each.event is FrameKind.LINE and each.locals.get("n") == "2")
    return ScriptedTraceModel(belief(context, frames, wrong={(second, "n"): "7", (len(frames) - 1, ""): "7"}))


def trace(run: Run, file: Path, url: str, *options: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return run("trace", str(file), "--call", CALL, "--model-url", url, "--model", NAME, *options, **more)


@pytest.mark.parametrize("method", ["free", "guided", "stepwise"])
def test_an_imagined_trace_needs_no_engine_and_says_what_it_is(run: Run, file: Path, method: str) -> None:
    with model_server(knows) as url:
        env = NOWHERE | {"CWM_AGENT_WORLD__METHOD": method}
        done = trace(run, file, url, "--mode", "imagined", env=env)
        lines = trace(run, file, url, "--mode", "imagined", "--format", "jsonl", env=env)
    assert done.returncode == 0, done.stderr
    assert "◇ IMAGINED" in done.stdout
    assert "◆" not in done.stdout
    got = [json.loads(line) for line in lines.stdout.splitlines()]
    assert {each["origin"] for each in got} == {"imagined"}
    assert (len(got), got[-1]["value"]) == (28, "3")
    if method == "free":
        assert {basis for each in got[1:] for basis in each["basis"].values()} == {"free"}


def test_verify_lays_the_two_beside_each_other(run: Run, file: Path) -> None:
    with model_server(errs) as url:
        done = trace(run, file, url, "--mode", "verify", env={"COLUMNS": "120"})
        lines = trace(run, file, url, "--mode", "verify", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    assert "◇ IMAGINED" in done.stdout
    assert "◆ RAN" in done.stdout
    assert "first divergence" in done.stdout
    *frames, last = [json.loads(line) for line in lines.stdout.splitlines()]
    comparison = last["comparison"]
    assert comparison["exact"] is False
    assert comparison["first_divergence"]["variable"] == "n"
    assert (comparison["first_divergence"]["imagined"], comparison["first_divergence"]["real"]) == ("7", "2")
    assert "7" in comparison["sentence"]
    origins = [each["origin"] for each in frames]
    assert origins == sorted(origins)


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (("<garbage",), "unreadable"),
        ((), "unreadable"),
    ],
)
def test_a_bad_dream_is_shown_with_what_was_good_of_it(
    run: Run, file: Path, garbage: tuple[Segment, ...], words: str
) -> None:
    async def babbles() -> ScriptedTraceModel:
        context, frames = await believed(TraceCall(LETTERS, CALL, "letters.py"))
        return ScriptedTraceModel(belief(context, frames, until=5, garbage=garbage))

    with model_server(babbles) as url:
        env = NOWHERE | {"CWM_AGENT_WORLD__METHOD": "free"}
        done = trace(run, file, url, "--mode", "imagined", env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "5 frames" in done.stdout
    assert words in done.stdout
    assert "Traceback" not in done.stderr


def test_a_session_imagines_a_test_before_it_runs_and_keeps_the_pair(run: Run, tmp_path: Path) -> None:
    """After the repair the test is imagined to pass; it does, and its trace is the imagined one."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_letters.py").write_text(TESTS)
    (folder / "letters.py").write_text(BUGGY)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    home = {"CWM_AGENT_HOME": str(tmp_path / "home"), "CWM_AGENT_POLICY": "forager"}

    with model_server(session_model) as url:
        done = run(
            *("run", "fix the failing tests", "--repo", str(folder), "--mode", "verify"),
            *("--model-url", url, "--model", NAME, "--format", "stream-json"),
            env=home,
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    scored = [each for each in events if each.get("type") == "prediction_scored"]
    assert scored, [each.get("type") for each in events]
    assert {each["kind"] for each in scored} == {"test", "trace"}
    told = next(each for each in scored if each["kind"] == "test")
    assert (told["predicted"], told["fact"]) == ("passed", "passed")
    traced = next(each for each in scored if each["subject"].endswith("test_count") and each["kind"] == "trace")
    assert traced["came_true"], traced
    at = [n for n, each in enumerate(events) if each.get("trace") == traced["trace"] or each is traced]
    order = [(events[n]["type"], events[n].get("origin")) for n in at if events[n]["type"] != "frames_reached"]
    assert order.index(("trace_ended", "imagined")) < order.index(("trace_began", "real"))
    ledger = json.loads(run("ledger", "--format", "json", env=home).stdout)
    assert len(ledger) == len(scored)
    assert {each["model"] for each in ledger} == {NAME}
    assert f"{NAME}" in run("ledger", env=home).stdout


async def session_model() -> ScriptedTraceModel:
    """Knows how the test goes in the repaired project."""
    files = InMemory({"letters.py": LETTERS, "test_letters.py": TESTS})
    found = await gather(TraceCall(TESTS, "test_count()", "test_letters.py"), files, 16_000)
    text = found.entry.text
    run = f"{found.entry.function}()" if found.wrapped else "test_count()"
    return ScriptedTraceModel(belief(text, real(text, run)))


class InMemory:
    """Files to read, in a dictionary."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    async def read(self, path: bytes, limit: int = 0) -> Any:
        from cwm_agent.workspace.changes import REGULAR, Entry

        try:
            return Entry(REGULAR, self._files[path.decode()].encode())
        except KeyError:
            raise FileNotFoundError(path) from None


def test_doctor_asks_the_model_server(run: Run) -> None:
    with model_server(knows) as url:
        done = run("doctor", "--format", "json", "--model-url", url, "--model", NAME)
    found = {each["name"]: each for each in json.loads(done.stdout)["findings"]}["world"]
    assert (found["state"], found["detail"]) == ("ok", f"{NAME}, 32,000 tokens, at {url}")
    down = run("doctor", "--format", "json", "--model-url", url, "--model", NAME)
    assert down.returncode == 3
    found = {each["name"]: each for each in json.loads(down.stdout)["findings"]}["world"]
    assert found["state"] == "missing"
    assert found["remedy"]
