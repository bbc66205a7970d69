"""The sample repository: what it promises to the demo, and to whoever edits it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cwm_agent.demo import sample
from cwm_agent.errors import UsageError
from tests.unit.bench_suites import bench_on, judge, replacing

FAILING = "tests/test_statement.py::test_closing_balance_of_a_month_with_large_orders"
RULE = "if quantity > tier.minimum]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.create_sample(tmp_path_factory.mktemp("sample") / "tally")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def run_tests(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "addopts=", "--tb=no"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout.splitlines()[-1].strip("= ")


def test_it_is_a_repository_with_a_history(folder: Path) -> None:
    log = git(folder, "log", "--format=%an <%ae> %s").splitlines()
    assert len(log) == 10
    assert all(line.startswith("cwm-agent demo <demo@localhost> ") for line in log)
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "branch", "--show-current") == "main\n"


def test_it_is_the_same_everywhere_and_made_in_a_moment(folder: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    again = sample.create_sample(tmp_path / "again")
    assert time.monotonic() - began < 1.0
    assert git(again, "rev-parse", "HEAD") == git(folder, "rev-parse", "HEAD")


def test_the_users_git_configuration_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[core]\n\tautocrlf = true\n[commit]\n\tgpgsign = true\n[user]\n\tname = Somebody\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    made = sample.create_sample(tmp_path / "made")
    assert b"\r" not in (made / "tally" / "money.py").read_bytes()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        sample.create_sample(tmp_path)


def test_every_file_of_the_sample_is_in_its_history() -> None:
    root = Path(sample.__file__).parent / "repository"
    there = {
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(sample.history()[-1][1]) == there


def test_every_commit_is_whole() -> None:
    for commit, tree in sample.history():
        for path, text in tree.items():
            if path.endswith(".py"):
                ast.parse(text, path)
        assert "\n" not in commit.subject
        assert len(commit.subject) <= 72


def test_the_suite_was_green_until_the_complaint(folder: Path, tmp_path: Path) -> None:
    assert run_tests(folder).startswith("1 failed, 80 passed")
    work = tmp_path / "before"
    git(folder, "worktree", "add", "--quiet", str(work), "main~1")
    assert run_tests(work).startswith("80 passed")


async def test_the_bug_is_far_from_the_line_that_fails_and_takes_one_edit(folder: Path) -> None:
    bench = bench_on(folder)
    spectrum = await bench.spectrum([], 5.0)
    failed = [result for result in spectrum.results if result.outcome != "passed"]
    assert [(result.id, result.path) for result in failed] == [(FAILING, "tests/test_statement.py")]
    lines = (folder / "tally" / "discounts.py").read_text().splitlines()
    where = next(number for number, line in enumerate(lines, 1) if RULE in line)
    assert where in spectrum.lines[FAILING]["tally/discounts.py"]
    candidates = replacing(
        folder,
        "tally/discounts.py",
        (RULE, RULE.replace(">", ">=")),
        (RULE, "]"),
        (RULE, RULE.replace("quantity", "quantity + 2")),
        ("Tier(10, 5), Tier(50, 10)", "Tier(9, 5), Tier(49, 10)"),
        ("Tier(10, 5)", "Tier(9, 5)"),
        ("Tier(50, 10)", "Tier(49, 10)"),
    )
    verdicts = await judge(bench, candidates, [FAILING], [result.id for result in spectrum.results])
    await bench.aclose()
    stages = [verdicts[number].stage for number in range(len(candidates))]
    assert stages == ["survived", "failing", "related", "related", "failing", "failing"]


def test_the_prompt_names_the_test() -> None:
    assert FAILING in sample.PROMPT
