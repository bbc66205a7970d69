"""Small seeded bugs in real-looking code, repaired end to end; `holdout_*` checks are never shown to the policy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cwm_agent.policies.forager.policy import Forager
from cwm_agent.settings import ForagerSettings
from tests.unit.forager.doubles import Conversation, ExecBench, Repository

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name.removesuffix("_checks.py") for path in CASES.glob("*_checks.py"))


def opened(name: str, **settings: float) -> Conversation:
    code = (CASES / f"{name}.py").read_text()
    checks = (CASES / f"{name}_checks.py").read_text().replace("def holdout_", "def _holdout_")
    repository = Repository({f"{name}.py": code, f"test_{name}.py": checks})
    bench = ExecBench(repository)
    return Conversation(repository, bench, Forager(bench, repository, ForagerSettings(test_seconds=0.5, **settings)))


def holdouts_pass(talk: Conversation, name: str) -> bool:
    checks = (CASES / f"{name}_checks.py").read_text().replace("def holdout_", "def test_holdout_")
    bench = ExecBench(Repository({**talk.repository.files, f"test_{name}.py": checks}))
    run = asyncio.run(bench.spectrum((), 0.5))
    return not run.problem and all(result.outcome == "passed" for result in run.results)


@pytest.mark.parametrize("name", NAMES)
def test_the_bug_is_repaired_for_good(name: str) -> None:
    talk = opened(name)
    before = talk.repository.files[f"test_{name}.py"]
    answer = asyncio.run(talk.ask("fix the failing tests"))
    assert talk.submitted, answer
    assert holdouts_pass(talk, name), answer
    assert talk.repository.files[f"test_{name}.py"] == before


def test_there_are_enough_cases() -> None:
    assert len(NAMES) >= 25
