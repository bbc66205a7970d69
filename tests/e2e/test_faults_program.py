"""The program, as a user starts it, whose model server fails: exit codes, one line that helps, and nothing lost."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e import faults
from tests.e2e.conftest import Run, git
from tests.e2e.faults import cut, status
from tests.e2e.faulty_server import Fault, faulty
from tests.e2e.model_server import NAME
from tests.e2e.terminal import Terminal
from tests.e2e.test_cwm import CODE, EDIT, REPAIR, TEST
from tests.unit.policies.chat_model import call

HASTE = {
    "CWM_AGENT_PATIENCE__CONNECT": "1",
    "CWM_AGENT_PATIENCE__FIRST": "1",
    "CWM_AGENT_PATIENCE__SILENCE": "0.5",
    "CWM_AGENT_PATIENCE__ATTEMPTS": "2",
    "CWM_AGENT_PATIENCE__PAUSE": "0.01",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "calc.py").write_text(CODE)
    (folder / "test_calc.py").write_text(TEST)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    (folder / "own.txt").write_text("work that is not committed")
    return folder


def work(run: Run, project: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    return run(
        *("run", "test_add fails", "--repo", str(project), "--mode", "real", "--model-url", url, "--model", NAME),
        *options,
        env={"CWM_AGENT_HOME": str(project.parent / "home"), **HASTE},
    )


def untouched(project: Path) -> bool:
    return (project / "calc.py").read_text() == CODE and git(project, "status", "--porcelain") == "?? own.txt\n"


HTML = faults.answering(b"<html>\x1b]0;owned\x07</html>", "text/html")


@pytest.mark.parametrize(
    ("fault", "words"),
    [(None, "model_url"), (HTML, "not JSON"), (status(503, "loading"), "loading"), (faults.garbage, "Start one with")],
    ids=["refused", "html", "loading", "garbage"],
)
def test_a_server_that_cannot_be_met(run: Run, project: Path, fault: Fault | None, words: str) -> None:
    """Exit code 3 and two lines: what happened, and what to do."""
    with faulty() as server:
        server.meeting, url = fault, server.url
        done = work(run, project, url)
    if fault is None:  # now it is gone
        assert done.returncode == 0, "without a fault it answers"
        done = work(run, project, url)
    assert done.returncode == 3, done.stderr
    assert url in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("cwm-agent:")]) == 1, done.stderr
    assert untouched(project)


def test_a_stream_that_breaks_costs_neither_the_edit_nor_the_session(run: Run, project: Path) -> None:
    with faulty([*REPAIR[:2], call("bash", "touch harm")], [None, None, cut(-30)]) as server:
        done = work(run, project, server.url, "--format", "json", "--apply")
        assert server.fired == ["cut close"]
    assert done.returncode == 3, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["status"], result["exit_code"], result["applied"]) == ("error", 3, False)
    assert "broke off" in result["message"]
    assert "+    return a + b" in result["patch"], "the edit that was made is there"
    assert "harm" not in result["patch"]
    assert "Traceback" not in done.stderr
    assert untouched(project)
    home = {"CWM_AGENT_HOME": str(project.parent / "home")}
    shown = run("sessions", "show", result["session"], env=home)
    assert "It subtracts." in shown.stdout
    assert "broke off" in shown.stdout
    patch = run("sessions", "export", result["session"], "--format", "patch", env=home)
    assert "+    return a + b" in patch.stdout


def test_as_text_it_is_one_error_with_a_remedy(run: Run, project: Path) -> None:
    with faulty(REPAIR, [None, faults.garbage_in_the_stream]) as server:
        done = work(run, project, server.url)
    assert done.returncode == 3, done.stderr
    shown = done.stdout + done.stderr
    assert len(re.findall(r"^error ", shown, re.MULTILINE)) == 1, shown
    assert "Its log says why" in shown
    assert "Traceback" not in shown
    assert "\x1b]" not in shown


def test_a_busy_server_is_waited_for(run: Run, project: Path) -> None:
    busy = status(429, {"error": "busy"}, retry_after="1")
    with faulty(REPAIR, [busy, None, status(503, "once"), None, faults.reset_at_once, None, faults.slow]) as server:
        done = work(run, project, server.url, "--format", "json", "--apply")
        assert len(server.fired) == 4
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["applied"]
    assert (project / "calc.py").read_text() == CODE.replace("-", "+")


def test_a_context_that_is_too_short_is_a_limit(run: Run, project: Path) -> None:
    said = "This model's maximum context length is 20000 tokens. However, you requested 50000 tokens."
    with faulty(REPAIR, [None, None, status(400, {"error": {"message": said}})]) as server:
        done = work(run, project, server.url, "--format", "json")
    result = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, result["status"]) == (4, "limit"), done.stderr
    assert "maximum context length" in result["message"]
    assert "+    return a + b" in result["patch"]


def test_in_the_terminal_the_next_prompt_works(program: list[str], environment: dict[str, str], project: Path) -> None:
    """The server dies in the middle of a reply; well again, it ends the work."""
    with faulty([call("edit", EDIT), *REPAIR[2:]], [None, cut(400, how="reset")]) as server:
        command = [*program, "--repo", str(project), "--mode", "real", "--model-url", server.url, "--model", NAME]
        env = environment | HASTE
        with Terminal(command, env, project) as terminal:
            terminal.wait_for(r"box ●")
            terminal.press("test_add fails", "enter")
            terminal.wait_for(r"broke off")
            terminal.wait_for(r"Its log says why")
            assert server.fired == ["cut reset"]
            server.replies[:0] = [REPAIR[2]]
            terminal.press("go on", "enter")
            terminal.wait_for(r"Fixed: the tests ran and passed")
            assert "Traceback" not in terminal.text
            terminal.press("ctrl+q")
            terminal.wait_for(r"y leave")
            time.sleep(0.7)  # a key pressed by accident does not count
            terminal.press("y")
            terminal.wait_for_exit()
    assert untouched(project)
