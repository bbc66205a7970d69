"""Whether a claim stands, and what proves it or what really ran instead."""

from __future__ import annotations

import re

from msgspec import Struct

from cwm_agent.core.claims.facts import Facts
from cwm_agent.core.claims.find import Claim
from cwm_agent.events import TestsReported

_SELECTS = re.compile(
    r"::|(?:^|[\s/])test_\w+\.py|\w_test\.py|\s-k[\s=]|\s--(?:lf|last-failed|sw|stepwise|deselect|ignore)\b|pytest\b.*\s-m\s"
)
_ONE_BY_ONE = re.compile(r"::|\s-k[\s=]")
_WIDTH = 100


class Weighed(Struct, frozen=True):
    """The verdict on a claim; `evidence` says in words what it rests on, or why it does not stand."""

    stands: bool
    evidence: str


def weigh(claim: Claim, facts: Facts) -> Weighed:
    """Hold a claim against what really ran."""
    match claim.kind:
        case "tests_passed":
            return _passed(claim, facts)
        case "tested":
            return _tested(facts)
        case "tests_ran":
            return _proved("tests really ran") if facts.tests_ran else _unproved(_nothing(facts))
        case "ran":
            return _proved("something really ran") if facts.ran else _unproved("nothing really ran")


def _proved(evidence: str) -> Weighed:
    return Weighed(stands=True, evidence=evidence)


def _unproved(evidence: str) -> Weighed:
    return Weighed(stands=False, evidence=evidence)


def _passed(claim: Claim, facts: Facts) -> Weighed:
    reasons = []
    for run in facts.runs:
        reason = _short_of(claim, run)
        if not reason:
            return _proved(_told(run, facts))
        reasons.append(reason)
        if run.failed and (not claim.names or reason == _failed(run)):
            break  # what passed before it does not count any more
    if reasons:
        return _unproved(reasons[0])
    if facts.silent and not claim.count:
        return _proved(f"{_command(facts.silent)} really ran and ended with exit code 0")
    return _unproved(_nothing(facts))


def _tested(facts: Facts) -> Weighed:
    run = next(iter(facts.runs), None)
    if run is not None and run.passed and not run.failed:
        return _proved(_told(run, facts))
    if run is not None and run.failed:
        return _unproved(_failed(run))
    if facts.tried:
        return _proved(f"{_command(facts.tried[0])} really ran {facts.since}".rstrip())
    return _unproved(_nothing(facts))


def _short_of(claim: Claim, run: TestsReported) -> str:
    """What a real run lacks to prove the claim; empty where it proves it."""
    if not run.passed:
        return _failed(run) if run.failed else f"no test passed in {_command(run.command)}"
    if claim.count > run.passed:
        return f"{_tests(run.passed)} passed, not {claim.count}: {_command(run.command)}"
    if claim.names:
        return _short_of_names(claim.names, run, partly=claim.partly)
    if run.failed and not claim.partly:
        return _failed(run)
    if claim.whole and _SELECTS.search(run.command):
        return f"only a part of the tests ran: {_command(run.command)}, {run.passed} passed"
    return ""


def _short_of_names(names: tuple[str, ...], run: TestsReported, *, partly: bool) -> str:
    if run.failed > len(run.failures):
        return _failed(run)
    for name in names:
        last = name.rpartition("::")[2].rpartition("/")[2]
        chosen = _SELECTS if last.endswith(".py") else _ONE_BY_ONE
        if chosen.search(run.command) and last.partition("[")[0] not in run.command:
            return f"{_command(run.command)} did not run {last}"
        if not partly and any(last in failure for failure in run.failures):
            return _failed(run)
    return ""


def _nothing(facts: Facts) -> str:
    """That no test ran, and what there is instead."""
    if facts.imagined is not None:
        passed = facts.imagined.passed
        return f"imagined only: {_tests(passed)} {'was' if passed == 1 else 'were'} imagined to pass, and none ran"
    if facts.earlier:
        return f"no test ran {facts.since}; the last run was before it"
    return f"no test ran {facts.since}".rstrip()


def _told(run: TestsReported, facts: Facts) -> str:
    failed = f", {run.failed} failed" if run.failed else ""
    when = f" {facts.since}" if facts.since else ""
    return f"{_tests(run.passed)} ran and passed{failed}{when}: {_command(run.command)}"


def _failed(run: TestsReported) -> str:
    return f"{_tests(run.failed)} failed: {_command(run.command)}"


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"


def _command(command: str) -> str:
    line = " ".join(command.split())
    return f"`{line if len(line) <= _WIDTH else line[: _WIDTH - 1] + '…'}`"
