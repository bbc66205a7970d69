"""The main job in a terminal, with the keyboard alone, against the real engine."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from cwm_agent.demo.sample import PROMPT
from tests.e2e.conftest import git
from tests.e2e.terminal import Terminal

READY = r"Fixed: the tests ran and passed"


def containers(home: Path) -> list[str]:
    """The containers of the sessions that this home has recorded."""
    listed = subprocess.run(
        ["docker", "ps", "-a", "--format", '{{.Label "cwm-agent.session"}}'], capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split() if (home / "state" / "sessions" / name).is_dir()]


def test_the_demo_from_prompt_to_applied_patch_and_back(
    program: list[str], environment: dict[str, str], home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    with Terminal([*program, "demo", "--folder", str(folder)], environment, tmp_path) as terminal:
        terminal.wait_for(r"box ●")
        terminal.wait_for(PROMPT[:40].replace("[", r"\["))
        terminal.press("enter")
        terminal.wait_for(r"◆ ran")
        terminal.resize(80, 24)
        terminal.wait_for(READY, seconds=150)
        terminal.resize(120, 36)
        terminal.press("ctrl+r")
        terminal.wait_for(r"1 undecided")
        assert git(folder, "status", "--porcelain") == ""
        terminal.press("a", "enter")
        terminal.wait_for(r"Write 1 hunk in 1 file")
        terminal.press("enter")
        terminal.wait_for(r"Applied to ")
        assert git(folder, "status", "--porcelain").startswith(" M ")
        terminal.press("u")
        terminal.wait_for(r"[Uu]ndone|taken back|before")
        assert git(folder, "status", "--porcelain") == ""
        terminal.press("escape", "ctrl+q")
        terminal.wait_for_exit()
    assert containers(home) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_leaves_nothing(
    program: list[str], environment: dict[str, str], home: Path, sample: Path, number: signal.Signals
) -> None:
    with Terminal([*program, "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"box ●")
        terminal.process.kill(number)
        terminal.wait_for_exit()
        assert b"\x1b[?1049l" in terminal.raw, "the alternate screen was left"
    assert containers(home) == []


def test_killed_in_the_middle_it_resumes_and_the_orphan_is_removed(
    program: list[str], environment: dict[str, str], home: Path, sample: Path
) -> None:
    with Terminal([*program, "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"box ●")
        terminal.press("!echo mine > written-by-hand.txt", "enter")
        terminal.wait_for(r"written-by-hand\.txt +(new )?\+1")
        terminal.process.kill(signal.SIGKILL)
    assert containers(home), "a killed process cannot clean up"
    assert git(sample, "status", "--porcelain") == ""
    with Terminal([*program, "sessions", "resume", "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"session resumed")
        terminal.press("!cat written-by-hand.txt", "enter")
        terminal.wait_for(r"mine\n")
        assert len(containers(home)) == 1, "the killed session's container is gone, this one's is there"
        terminal.press("ctrl+q")
        terminal.press("enter")
        terminal.wait_for_exit()


def test_escape_interrupts_and_the_session_goes_on(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    with Terminal([*program, "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"box ●")
        terminal.press("!echo begun; sleep 60", "enter")
        terminal.wait_for(r"begun\n")
        terminal.press("escape")
        terminal.wait_for(r"[Ii]nterrupted|[Ss]topped", seconds=15)
        terminal.press("!echo still here", "enter")
        terminal.wait_for(r"(?s)\A(?!.*Esc +stop).*│ still here")
        terminal.press("ctrl+q")
        terminal.wait_for_exit()


def test_what_a_command_prints_cannot_reach_the_terminal(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    (sample / "evil.bin").write_bytes(b"\x1b]0;owned\x07\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m done\n")
    with Terminal([*program, "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"box ●")
        terminal.press("!cat evil.bin", "enter")
        terminal.wait_for(r"(?s)\A(?!.*Esc +stop).*done")  # the turn is over, too: ^Q would ask
        for active in (b"\x1b]0;owned", b"\x1b]52;c;ZXZpbA", b"\x9b31m"):
            assert active not in terminal.raw
        terminal.press("ctrl+q")
        terminal.wait_for_exit()


def test_two_instances_on_one_repository_both_work(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    with (
        Terminal([*program, "--repo", str(sample)], environment, sample) as one,
        Terminal([*program, "--repo", str(sample)], environment, sample) as other,
    ):
        for terminal in (one, other):
            terminal.wait_for(r"box ●")
        one.press("!echo one > x.txt; cat x.txt", "enter")
        other.press("!ls x.txt; echo other", "enter")
        one.wait_for(r"│ one")
        other.wait_for(r"│ other")
        other.wait_for(r"[Nn]o such file")
        for terminal in (one, other):
            os.kill(terminal.process.pid, signal.SIGTERM)
            terminal.wait_for_exit()


def test_the_first_time_says_what_the_signs_mean_and_looks_at_what_is_here(
    program: list[str], environment: dict[str, str], sample: Path, tmp_path: Path
) -> None:
    fresh = environment | {"CWM_AGENT_HOME": str(tmp_path / "new-home")}
    with Terminal([*program, "--repo", str(sample)], fresh, sample) as terminal:
        terminal.wait_for(r"Welcome")
        terminal.wait_for(r"◇ imagined: a world model's guess")
        terminal.wait_for(r"✓ engine")
        terminal.press("enter", "ctrl+q")
        terminal.wait_for_exit()
    with Terminal([*program, "--repo", str(sample)], fresh, sample) as terminal:
        terminal.wait_for(r"box ●")
        assert "Welcome" not in terminal.text
        terminal.press("ctrl+q")
        terminal.wait_for_exit()
