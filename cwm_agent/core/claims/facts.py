"""What really ran, as far as a claim about tests can rest on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from msgspec import Struct, structs

from cwm_agent.core.history import visible
from cwm_agent.core.report import executes, runs_tests
from cwm_agent.events import (
    ActionEnded,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    PromptAccepted,
    SessionResumed,
    TestsReported,
)
from cwm_agent.observations import Completed, Origin

_SEVERAL = re.compile(r"[;&|\n<>]")


class Facts(Struct, frozen=True):
    """Runs are the newest first, and of those since the last change of a file unless it is said otherwise.

    `runs` are real test runs, `tried` real commands that executed something and ended well, `imagined` the newest
    imagined test run. `earlier` is whether tests really ran before that change, `tests_ran` and `ran` whether tests or
    anything at all really ran for this request or since that change. `since` says what it was, or is empty.
    """

    runs: tuple[TestsReported, ...] = ()
    tried: tuple[str, ...] = ()
    imagined: TestsReported | None = None
    earlier: bool = False
    tests_ran: bool = False
    ran: bool = False
    since: str = ""

    @property
    def silent(self) -> str:
        """A command that did nothing but run tests, ended well and said no number; or empty."""
        return next((each for each in self.tried if runs_tests(each) and not _SEVERAL.search(each.strip())), "")


def gather(history: Sequence[AgentEvent], harmless: Collection[int] = ()) -> Facts:
    """The facts at the end of a history; `harmless` are checkpoints at which only by-products of running changed."""
    facts, asked = Facts(), False
    seen = visible(history)
    calls = {event.action: event.call for event in seen if isinstance(event, ActionProposed)}
    for event in reversed(seen):
        match event:
            case CheckpointMade(checkpoint=number) if number not in harmless and not facts.since:
                facts = structs.replace(facts, since="since the last edit")
            case SessionResumed() if not facts.since:
                facts = structs.replace(facts, since="since the session was resumed")
            case PromptAccepted(text=text) if not text.startswith("!"):
                asked = True
            case TestsReported():
                facts = _with_run(facts, event, asked=asked)
            case ActionEnded(origin=Origin.REAL, action=action) if action in calls and calls[action].tool == "bash":
                facts = _with_command(facts, event, calls[action].content, asked=asked)
            case _:
                pass
    return facts


def _with_run(facts: Facts, run: TestsReported, *, asked: bool) -> Facts:
    if run.origin is Origin.IMAGINED:
        newest = facts.imagined or (None if facts.since else run)
        return structs.replace(facts, imagined=newest)
    if facts.since:
        return structs.replace(facts, earlier=True, tests_ran=facts.tests_ran or not asked)
    return structs.replace(facts, runs=(*facts.runs, run), tests_ran=True)


def _with_command(facts: Facts, ended: ActionEnded, command: str, *, asked: bool) -> Facts:
    if not executes(command) or (facts.since and asked):
        return facts
    reported = any(run.action == ended.action for run in facts.runs)
    well = ended.outcome == Completed(0) and not facts.since and not reported
    tried = (*facts.tried, command) if well else facts.tried
    return structs.replace(facts, ran=True, tried=tried, tests_ran=facts.tests_ran or runs_tests(command))
