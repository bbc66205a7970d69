"""Best of N by a scripted model over a real socket, each rollout in a real container, every test really run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.conftest import Run, git
from tests.e2e.model_server import NAME
from tests.e2e.rollout_server import Conversations
from tests.unit.policies.chat_model import call, says

CODE = """\
def total(prices, discount=0):
    result = 0
    for price in prices:
        result += price - discount
    return result


def mean(prices):
    return total(prices) / len(prices)
"""
TESTS = """\
from shop import mean, total


def test_total():
    assert total([1, 2]) == 3


def test_mean():
    assert mean([2, 4]) == 3


def test_discount_of_one():
    assert total([10], discount=1) == 9
"""
TASK = "The discount of total() is taken off once for each price, and should be taken off once in all."
RIGHT = """\
shop.py
<<<<<<< SEARCH
    result = 0
    for price in prices:
        result += price - discount
    return result
=======
    return sum(prices) - discount
>>>>>>> REPLACE"""
ALSO_RIGHT = RIGHT.replace("return sum(prices) - discount", "# once in all\n    return sum( prices ) - discount")
WRONG = RIGHT.replace("sum(prices) - discount", "sum(prices) - discount * len(prices)")
BREAKS = RIGHT.replace("return sum(prices) - discount", "return prices - discount")
REPRODUCTION = """\
test_cwm_reproduction.py
from shop import total


def test_the_discount_is_taken_off_once():
    assert total([10, 20, 30], discount=3) == 57
"""
SUBMIT = [call("bash", "git add -A -N; git diff > /tmp/p.diff"), call("submit", "/tmp/p.diff")]


def repair(edit: str, words: str) -> list[str]:
    return [call("edit", edit), *SUBMIT, says(words)]


def written(text: str) -> list[str]:
    return [call("create", text), *SUBMIT, says("It fails.")]


GOOD_TEST = written(REPRODUCTION)
OWN_FAULT = written(REPRODUCTION.replace("import total", "import subtotal"))
PASSES_ALREADY = written(REPRODUCTION.replace("57", "51"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shop.py").write_text(CODE)
    (folder / "test_shop.py").write_text(TESTS)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def options(project: Path, url: str, count: int) -> list[str]:
    wanted = ["run", TASK, "--repo", str(project), "--mode", "real", "--best-of", str(count)]
    return [*wanted, "--model-url", url, "--model", NAME]


def home(project: Path) -> dict[str, str]:
    return {"CWM_AGENT_HOME": str(project.parent / "home")}


def work(run: Run, project: Path, url: str, count: int, *more: str, **env: str) -> dict[str, Any]:
    done = run(*options(project, url, count), "--format", "json", *more, env=home(project) | env)
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def ours(project: Path) -> list[str]:
    """Containers and volumes of sessions that were recorded in this test."""
    sessions = project.parent / "home" / "state" / "sessions"
    folders = sessions if sessions.is_dir() else next((project.parent / "home").rglob("sessions"), sessions)
    client = docker.from_env()
    found = []
    for name in [each.name for each in folders.iterdir()] if folders.is_dir() else []:
        label = {"label": f"cwm-agent.session={name}"}
        found += [each.name for each in client.containers.list(all=True, filters=label, ignore_removed=True)]
        found += [each.name for each in client.volumes.list(filters=label)]
    return found


def test_the_right_patch_wins_by_tests_that_ran(run: Run, project: Path) -> None:
    model = Conversations(
        [repair(WRONG, "All is fine."), repair(RIGHT, "Now once."), repair(BREAKS, "Done.")],
        [GOOD_TEST, OWN_FAULT, PASSES_ALREADY],
    )
    with model.served() as url:
        result = work(run, project, url, 3, "--apply")
    assert (result["status"], result["exit_code"]) == ("fixed", 0), result
    table = result["best_of"]
    rows = by_edit(run, project, result)
    assert (table["passing"], table["failing"]) == (3, 0)
    assert (table["written"], table["reproducing"], table["counted"]) == (3, 1, 1)
    assert table["decided_by"] == "agreed"
    assert (rows["right"]["kept"], rows["right"]["agreed"]) == (3, 1)
    assert (rows["wrong"]["kept"], rows["wrong"]["agreed"]) == (3, 0)
    assert (rows["breaks"]["kept"], rows["breaks"]["agreed"]) == (0, 0)
    assert table["winner"] == rows["right"]["rollout"]
    assert "sum(prices) - discount\n" in (project / "shop.py").read_text()
    assert result["tests"]["passed"] == 3
    assert not list(project.glob("test_cwm*"))
    assert len(set(model.begun)) == 1, "the rollouts share their prompt to the first token that the model writes"
    assert ours(project) == []


def by_edit(run: Run, project: Path, result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows by what their patches say, each exported from the record."""
    found = {}
    for row in result["best_of"]["rows"]:
        number = str(row["rollout"])
        done = run(
            *("sessions", "export", result["session"], "--rollout", number, "--format", "patch"), env=home(project)
        )
        patch = done.stdout
        kind = "right" if "sum(prices) - discount\n" in patch else "wrong" if "sum" in patch else "breaks"
        assert patch.startswith("diff --git"), done.stderr
        found[kind] = row
    return found


def test_a_rollout_that_fails_is_a_row(run: Run, project: Path) -> None:
    model = Conversations(
        [[call("bash", "true"), *["hang up"] * 9], repair(RIGHT, "Once."), repair(ALSO_RIGHT, "Once, with a remark.")]
    )
    with model.served() as url:
        result = work(run, project, url, 3, CWM_AGENT_BEST_OF__TESTS="0", CWM_AGENT_BEST_OF__AT_ONCE="2")
    rows = result["best_of"]["rows"]
    assert sorted(row["status"] for row in rows) == ["error", "proposed", "proposed"]
    assert [row["note"] for row in rows if row["status"] == "error"] != [""]
    patches = {row["patch"] for row in rows if row["status"] == "proposed"}
    assert len(patches) == 1, "they differ in a remark and in blanks alone"
    assert result["best_of"]["decided_by"] == "alone"
    assert result["status"] == "proposed", "all tests pass, but none of them failed before"


def test_an_interrupt_ends_all_of_them(program: list[str], environment: dict[str, str], project: Path) -> None:
    model = Conversations([repair(RIGHT, "Once."), ["hang"], ["hang"]], [["hang"]] * 3)
    with model.served() as url:
        process = subprocess.Popen(
            [*program, *options(project, url, 3), "--format", "json"],
            env=environment | home(project),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 90
        while model.asked < 9 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        assert len(ours(project)) >= 8, "the session's own, and one for each that hangs"
        os.kill(process.pid, signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    result = json.loads(said.splitlines()[-1])
    assert (process.returncode, result["status"]) == (130, "interrupted"), errors
    assert sorted(row["status"] for row in result["best_of"]["rows"]) == ["interrupted", "interrupted", "proposed"]
    assert result["best_of"]["winner"] is None
    assert ours(project) == []


def test_the_forager_has_no_rollouts(run: Run, project: Path) -> None:
    done = run("run", TASK, "--repo", str(project), "--best-of", "4", env=home(project))
    assert done.returncode == 2
    assert "forager" in done.stderr
    assert "--model-url" in done.stderr


def test_nothing_runs_in_imagined_mode(run: Run, project: Path) -> None:
    model = Conversations([])
    with model.served() as url:
        done = run(*options(project, url, 2), "--mode", "imagined", env=home(project))
    assert done.returncode == 2
    assert "imagined" in done.stderr
