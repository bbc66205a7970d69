"""A session without a screen: every way that it can end has its exit code and its object."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from cwm_agent.errors import EngineUnavailable, SandboxError
from cwm_agent.headless import Headless, Output, report_failure
from cwm_agent.protocols import FinalAnswer
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import Step
from cwm_agent.workspace.changes import REGULAR, Entry
from tests.unit.core.stage import Stage, bash

FIX, TEST = bash("fix"), bash("pytest -q")


async def run(stage: Stage, **output: Any) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = await Headless(stage.session, Output(format="json", **output), out).run("fix it")
    result = json.loads(out.getvalue())
    assert result["exit_code"] == code
    return code, result


def stage_of(*steps: Step, **more: Any) -> Stage:
    stage = Stage(steps, **more)
    stage.writes("fix", "a.py", "x = 2\n")
    return stage


@pytest.mark.parametrize(
    ("steps", "code", "status"),
    [
        ((FIX, TEST, FinalAnswer("done")), 0, "fixed"),
        ((FinalAnswer("nothing to do"),), 0, "answered"),
        ((FIX, FinalAnswer("done")), 1, "proposed"),
        ((TEST, FIX, FinalAnswer("done")), 1, "proposed"),
        ((FinalAnswer("no repair found", "gave_up"),), 1, "no_patch"),
        ((SandboxError("broken"),), 3, "error"),
    ],
)
async def test_each_end_has_its_code(steps: Sequence[Step], code: int, status: str) -> None:
    got, result = await run(stage_of(*steps))
    assert (got, result["status"]) == (code, status)
    assert bool(result["patch"]) == (FIX in steps)


async def test_a_limit_is_exit_4() -> None:
    code, result = await run(stage_of(TEST, TEST, TEST, limits=LimitSettings(turns=1)))
    assert (code, result["status"], result["turns"]) == (4, "limit", 1)


async def test_what_ran_is_counted_and_an_unverified_patch_is_not_applied() -> None:
    stage = stage_of(TEST, FIX, FinalAnswer("done"))
    code, result = await run(stage, apply=True)
    assert (code, result["applied"]) == (1, False)
    assert result["tests"] == {"ran": 3, "passed": 3, "failed": 0, "command": "pytest -q"}
    assert stage.workspace.tree[b"a.py"].content == b"x = 1\n"


async def test_a_tree_that_changed_meanwhile_is_exit_5_and_untouched() -> None:
    stage = stage_of(FIX, TEST, FinalAnswer("done"))
    mine = Entry(REGULAR, b"x = 3  # mine\n")
    stage.answer("pytest -q", "3 passed in 0.10s\n", effect=lambda: stage.workspace.tree.update({b"a.py": mine}))
    code, result = await run(stage, apply=True)
    assert (code, result["applied"]) == (5, False)
    assert stage.workspace.tree[b"a.py"] == mine


async def test_an_applied_patch_is_in_the_tree() -> None:
    stage = stage_of(FIX, TEST, FinalAnswer("done"))
    code, result = await run(stage, apply=True)
    assert (code, result["applied"], result["files"]) == (0, True, ["a.py"])
    assert stage.workspace.tree[b"a.py"].content == b"x = 2\n"


def test_a_session_that_cannot_open_is_an_object_too() -> None:
    out = io.StringIO()
    error = EngineUnavailable("No engine answers.", remedy="Start it.")
    assert report_failure(error, Output(format="json"), out) == 3
    assert json.loads(out.getvalue())["message"] == "No engine answers.\nStart it."
    with pytest.raises(EngineUnavailable):
        report_failure(error, Output(), out)
