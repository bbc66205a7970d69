"""The real program, as a user starts it: its own process, its own home, the real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def engine_answers() -> None:
    """Make an engine answer, or fail."""
    subprocess.run(["sh", str(ROOT / "scripts" / "ensure-docker.sh")], check=True, timeout=600)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for sessions and mirrors that no other test file uses, of a user who has been welcomed."""
    home = tmp_path_factory.mktemp("home")
    (home / "state").mkdir()
    (home / "state" / "welcomed").touch()
    return home


@pytest.fixture(scope="session")
def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CWM_AGENT", "GIT_"))}
    kept |= {"CWM_AGENT_WORLD__EMBEDDED": "false"}  # what the small model imagines is for test_shipped
    return kept | {"CWM_AGENT_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}


@pytest.fixture(scope="session")
def program() -> list[str]:
    return [sys.executable, "-m", "cwm_agent"]


@pytest.fixture
def run(program: list[str], environment: dict[str, str]) -> Run:
    """Run one command line to its end, without a terminal."""

    def call(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
        extra = more.pop("env", {})
        return subprocess.run(
            [*program, *arguments],
            env=environment | dict(extra),  # type: ignore[call-overload]
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL if "input" not in more else None,
            **more,  # type: ignore[call-overload]
        )

    return call


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A fresh copy of the sample repository."""
    from cwm_agent.demo.sample import create_sample

    return create_sample(tmp_path / "sample")


def git(folder: Path, *arguments: str) -> str:
    """Plain git, as the user would call it."""
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@localhost"]
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return answer.stdout
