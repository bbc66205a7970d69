"""Whole repairs, replayed over HTTP into the real sandbox: whatever the model breaks on the way, the patch is right.

Each file of `recordings` has a small repository with a bug, what the model says from the task to its last words, and
what must come of it: `told` is what it must have been told on the way, `nowhere` a file that only a call would have
made which must not be carried out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Run, git
from tests.e2e.faulty_server import END, FaultyServer, faulty
from tests.e2e.model_server import NAME, SPECIALS

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.txt"))


class Recording:
    """One conversation; its parts begin with lines such as `@@ file a.py`."""

    def __init__(self, path: Path) -> None:
        parts = re.split(r"^@@ (\w+) ?(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        self._parts = [(kind, name, text) for kind, name, text in zip(*[iter(parts)] * 3, strict=True)]

    def named(self, kind: str) -> dict[str, str]:
        return {name: text for each, name, text in self._parts if each == kind}

    def texts(self, kind: str) -> list[str]:
        return [text.removesuffix("\n") for each, _, text in self._parts if each == kind]


@pytest.fixture(params=RECORDINGS, ids=[path.stem for path in RECORDINGS])
def recording(request: pytest.FixtureRequest) -> Recording:
    return Recording(request.param)


@pytest.fixture
def project(tmp_path: Path, recording: Recording) -> Path:
    folder = tmp_path / "project"
    for name, text in recording.named("file").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def passes(folder: Path) -> bool:
    """Whether the tests pass outside, in the user's own tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, env=env).returncode == 0


def spelt(ids: list[int]) -> str:
    """What the model was told, as text; its own words are left out."""
    names = {number: name.encode() for name, number in SPECIALS.items()}
    return b"".join(names.get(number, bytes((number,)) if number < 256 else b"") for number in ids).decode()


def only_grew(server: FaultyServer) -> None:
    """Each prompt is the one before, the reply to it as far as it was read, its end, and more: id by id."""
    for before, wrote, now in zip(server.prompts, server.wrote, server.prompts[1:], strict=False):
        assert now[: len(before)] == before
        rest = now[len(before) :]
        read = rest.index(END)
        assert read > 0
        assert rest[:read] == wrote[:read]


def test_a_repair(run: Run, project: Path, recording: Recording) -> None:
    replies, repaired = recording.texts("reply"), recording.named("repaired")
    assert not passes(project), "the bug is there"
    with faulty(replies) as server:
        server.guess = "1 passed in 0.01s\n</output>"
        done = run(
            *(
                "run",
                *recording.texts("task"),
                "--repo",
                str(project),
                "--format",
                "json",
                "--mode",
                "verify",
                "--apply",
            ),
            *("--model-url", server.url, "--model", NAME),
            env={"CWM_AGENT_HOME": str(project.parent / "home"), "CWM_AGENT_WORLD__COMMANDS": "1"},
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["applied"], result["policy"]) == ("fixed", True, "cwm"), result
    assert (str(result["tests"]["passed"]), result["tests"]["failed"]) == (*recording.named("passed"), 0)
    assert len(server.prompts) == len(replies), "all was said"
    assert sorted(result["files"]) == sorted(repaired)
    changed = {line[3:] for line in git(project, "status", "--porcelain").splitlines()}
    assert changed == set(repaired), "and nothing else"
    for name, text in repaired.items():
        assert text.strip() in (project / name).read_text()
    assert not any((project / name).exists() for name in recording.named("nowhere"))
    assert passes(project)
    told = spelt(server.prompts[-1])
    for words in recording.texts("told"):
        assert words.strip("\n") in told, told[-3000:]
    assert server.guesses, "predictions were asked for on the way"
    assert all(guess[: len(server.prompts[0])] == server.prompts[0] for guess in server.guesses)
    only_grew(server)


def test_the_recordings_are_all_there() -> None:
    assert len(RECORDINGS) >= 8
    assert all(Recording(path).texts("told") for path in RECORDINGS)
