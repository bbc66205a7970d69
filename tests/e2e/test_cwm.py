"""A whole repair by the model's own words: a scripted server on a real socket, the real sandbox, tests really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Run, git
from tests.e2e.model_server import NAME, chat_server
from tests.unit.policies.chat_model import call, says

CODE = "def add(a, b):\n    return a - b\n"
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
EDIT = "calc.py\n<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE"
REPAIR = [
    call("bash", "python3 -m pytest -q", thought="First I look at what fails."),
    call("edit", EDIT, text="It subtracts."),
    call("bash", "python3 -m pytest -q"),
    call("bash", "git diff > /tmp/fix.patch"),
    call("submit", "/tmp/fix.patch"),
    says("add subtracted; now it adds, and the test passes."),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "calc.py").write_text(CODE)
    (folder / "test_calc.py").write_text(TEST)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def work(run: Run, project: Path, url: str, *options: str, **env: str) -> dict[str, Any]:
    done = run(
        *("run", "test_add fails, please fix it", "--repo", str(project), "--format", "json"),
        *("--model-url", url, "--model", NAME, *options),
        env={"CWM_AGENT_HOME": str(project.parent / "home"), **env},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("mode", ["real", "verify"])
def test_the_model_repairs_and_the_patch_is_applied(run: Run, project: Path, mode: str) -> None:
    with chat_server(REPAIR) as url:
        result = work(run, project, url, "--mode", mode, "--apply")
    assert (result["status"], result["exit_code"], result["policy"]) == ("fixed", 0, "cwm"), result
    assert result["applied"]
    assert result["tests"]["passed"] == 1
    assert (project / "calc.py").read_text() == CODE.replace("-", "+")
    assert "now it adds" in result["message"]


def test_replies_that_break_the_format_are_asked_for_again(run: Run, project: Path) -> None:
    broken = [
        "I think without an end",
        *REPAIR[:2],
        call("bash", "true") + "\n<tool: bash>\ntrue\n</tool>",
        call("dance", "now"),
        *REPAIR[2:],
    ]
    with chat_server(broken) as url:
        result = work(run, project, url, "--mode", "real")
    assert result["status"] == "fixed", result
    assert "+    return a + b" in result["patch"]
    assert (project / "calc.py").read_text() == CODE


def test_a_model_that_only_babbles_ends_cleanly(run: Run, project: Path) -> None:
    with chat_server(["blah " * 20] * 12) as url:
        result = work(run, project, url, "--mode", "real")
    assert result["status"] in ("no_patch", "error"), result
    assert result["exit_code"] == 1
    assert result["patch"] == ""
    assert (project / "calc.py").read_text() == CODE


def test_a_claim_that_was_not_run_proves_nothing(run: Run, project: Path) -> None:
    with chat_server([REPAIR[1], REPAIR[3], REPAIR[4], says("All tests pass.")]) as url:
        result = work(run, project, url, "--mode", "real", "--apply")
    assert (result["status"], result["exit_code"], result["applied"]) == ("proposed", 1, False), result
    assert (project / "calc.py").read_text() == CODE


def test_the_policy_can_be_named(run: Run, project: Path) -> None:
    with chat_server(REPAIR) as url:
        result = work(run, project, url, "--mode", "real", CWM_AGENT_POLICY="forager")
    assert (result["policy"], result["status"]) == ("forager", "fixed")
    alone = run("run", "fix it", "--repo", str(project), env={"CWM_AGENT_POLICY": "cwm"})
    assert alone.returncode == 2
    assert "--model-url" in alone.stderr
