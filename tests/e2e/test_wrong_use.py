"""Bad input: one clear message, what to do, the right exit code, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run"], 2, "There is no task"),
        (["run", "x", "--mode", "dream"], 2, "invalid choice"),
        (["frobnicate"], 2, "invalid choice"),
        (["run", "x", "--config", "/nowhere/at.toml"], 2, "/nowhere/at.toml"),
        (["sessions", "show", "no-such-session"], 2, "no-such-session"),
        (["run", "x", "--repo", "/nowhere"], 2, "/nowhere"),
    ],
)
def test_wrong_use_is_exit_2(run: Run, arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_is_named_with_its_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[sandbox]\nmemroy = '1g'\n")
    done = run("doctor", "--config", str(file))
    assert done.returncode == 2
    assert "sandbox.memroy" in done.stderr
    assert str(file) in done.stderr


def test_a_folder_without_git_is_refused_with_the_way_to_go_on(run: Run, tmp_path: Path) -> None:
    done = run("run", "fix the failing tests", "--repo", str(tmp_path))
    assert done.returncode == 2
    assert "--no-git" in done.stderr


def test_without_an_engine_it_is_exit_3_in_every_format(run: Run, sample: Path) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = run("run", "fix the failing tests", "--repo", str(sample), env=nowhere)
    assert done.returncode == 3
    assert "DOCKER_HOST" in done.stderr
    as_json = run("run", "fix the failing tests", "--repo", str(sample), "--format", "json", env=nowhere)
    assert as_json.returncode == 3
    assert json.loads(as_json.stdout)["status"] == "error"
    doctor = run("doctor", "--format", "json", env=nowhere)
    assert doctor.returncode == 3
    findings = {finding["name"]: finding for finding in json.loads(doctor.stdout)["findings"]}
    assert findings["engine"]["state"] == "missing"
    assert findings["engine"]["remedy"]


def test_a_missing_image_is_named(run: Run, sample: Path) -> None:
    done = run("run", "x", "--repo", str(sample), env={"CWM_AGENT_SANDBOX__IMAGE": "no-such-image:1"})
    assert done.returncode == 3
    assert "no-such-image:1" in done.stderr
