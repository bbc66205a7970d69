"""The main job from the command line, end to end on the real engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cwm_agent.demo.sample import PROMPT
from cwm_agent.events import AgentEvent, PatchProposed, Rested, SessionOpened
from tests.e2e.conftest import Run, git

FIELDS = {
    "status", "exit_code", "policy", "mode", "patch", "files", "applied", "tests", "predictions", "turns",
    "seconds", "session", "message",
}  # fmt: skip


def suite_passes(folder: Path) -> bool:
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=folder, capture_output=True
    )
    return answer.returncode == 0


def test_the_demo_repairs_the_sample_and_prints_the_diff(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--headless", "--folder", str(tmp_path / "here"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "◆ ran" in done.stdout
    assert "diff --git" in done.stdout
    assert git(tmp_path / "here", "status", "--porcelain") == "", (
        "the user's tree is untouched until a patch is applied"
    )


def test_json_is_one_object_with_the_promised_fields(run: Run, sample: Path) -> None:
    done = run("run", PROMPT, "--repo", str(sample), "--format", "json")
    result = json.loads(done.stdout)
    assert set(result) == FIELDS
    assert (done.returncode, result["exit_code"], result["status"]) == (0, 0, "fixed"), result
    assert result["tests"]["failed"] == 0
    assert result["tests"]["passed"] == result["tests"]["ran"] > 0
    assert not result["applied"]
    (sample / "p.patch").write_text(result["patch"])
    git(sample, "apply", "p.patch")
    (sample / "p.patch").unlink()
    assert suite_passes(sample)


def test_stream_json_is_the_event_stream_and_then_the_object(run: Run, sample: Path) -> None:
    done = run("run", "fix the failing tests", "--repo", str(sample), "--format", "stream-json")
    *lines, last = done.stdout.splitlines()
    decoder = msgspec.json.Decoder(AgentEvent)
    events = [decoder.decode(line) for line in lines]
    assert isinstance(events[0], SessionOpened)
    assert any(isinstance(event, PatchProposed) for event in events)
    assert any(isinstance(event, Rested) for event in events)
    assert set(json.loads(last)) == FIELDS


def test_apply_writes_the_accepted_patch_and_undo_takes_it_back(run: Run, sample: Path, tmp_path: Path) -> None:
    before = git(sample, "rev-parse", "HEAD")
    (sample / "notes.txt").write_text("my own, untracked\n")
    done = run("run", PROMPT, "--repo", str(sample), "--apply", "--output", str(tmp_path / "fix.patch"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "fix.patch").read_bytes().startswith(b"diff --git")
    assert suite_passes(sample)
    assert git(sample, "rev-parse", "HEAD") == before
    undone = run("undo", "--repo", str(sample))
    assert undone.returncode == 0, undone.stderr
    assert git(sample, "status", "--porcelain") == "?? notes.txt\n"
    again = run("undo", "--repo", str(sample))
    assert again.returncode == 1
    assert "undo" in again.stderr.lower()


def test_a_single_test_can_be_named(run: Run, sample: Path) -> None:
    failing = json.loads(run("run", PROMPT, "--repo", str(sample), "--format", "json").stdout)
    assert failing["files"]
    done = run("run", "--test", PROMPT.split()[0], "--repo", str(sample), "--format", "json")
    assert json.loads(done.stdout)["status"] == "fixed"


def test_a_request_beyond_it_is_declined_in_words(run: Run, sample: Path) -> None:
    done = run("run", "write a web server in Rust", "--repo", str(sample), "--format", "json")
    result = json.loads(done.stdout)
    assert result["patch"] == ""
    assert "failing test" in result["message"]


def test_the_task_can_come_from_standard_input(run: Run, sample: Path) -> None:
    done = run("--repo", str(sample), "--quiet", input=PROMPT)
    assert done.returncode == 0, done.stderr
    assert "diff --git" in done.stdout


@pytest.mark.parametrize("request_", ["fix the failing tests", PROMPT])
def test_a_tree_that_passes_is_left_alone(run: Run, sample: Path, request_: str) -> None:
    assert run("run", PROMPT, "--repo", str(sample), "--apply").returncode == 0
    done = run("run", request_, "--repo", str(sample), "--format", "json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["patch"]) == (0, ""), result
