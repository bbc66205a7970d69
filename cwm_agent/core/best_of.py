"""Which of several patches is the best: by what ran, then by how many rollouts came to it, then by what it took. Pure.

The order in which rollouts and tests are given makes no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Literal

from msgspec import Struct

MOST_AGREED = 5
Criterion = Literal["kept", "repaired", "agreed", "frequency", "tokens"]
CRITERIA: tuple[Criterion, ...] = ("kept", "repaired", "agreed", "frequency", "tokens")


class Attempt(Struct, frozen=True):
    """A rollout that came to a patch; `patch` is the same for the same syntax, `tokens` is what it took."""

    rollout: int
    patch: str
    tokens: int


class Ran(Struct, frozen=True):
    """The tests that passed with a patch: `kept` are the repository's that passed before, `repaired` its that did not.

    `passed` are generated ones.
    """

    kept: frozenset[str] = frozenset()
    repaired: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()


class Choice(Struct, frozen=True):
    """The winner. `decided_by` told its patch from the last others: `alone` where there were none, `nothing` where they
    are equal in everything. `value` is what the winner has of that criterion, `others` the most that they have.
    """

    winner: int
    decided_by: Criterion | Literal["alone", "nothing"]
    value: int = 0
    others: int = 0


def agreed(tests: Collection[str], ran: Mapping[str, Ran], most: int = MOST_AGREED) -> tuple[str, ...]:
    """The generated tests that count: tests agree where the same patches pass them; the largest groups come first.

    A test that no patch passes tells no patch from another, and is left out. Of groups of one size, one that passes
    some patches and fails others comes first.
    """
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for test in tests:
        groups[frozenset(patch for patch, each in ran.items() if test in each.passed)].append(test)
    groups.pop(frozenset(), None)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), len(group[0]) == len(ran), min(group[1])))
    return tuple(test for _, group in ordered for test in sorted(group))[:most]


def select(attempts: Collection[Attempt], ran: Mapping[str, Ran], counted: Collection[str]) -> Choice | None:
    """The best attempt, criterion by criterion; None where there is no attempt. `ran` holds every patch of them."""
    if not attempts:
        return None
    left = {each.patch: _merits(each.patch, attempts, ran, counted) for each in attempts}
    decided = Choice(0, "alone" if len(left) == 1 else "nothing")
    for at, criterion in enumerate(CRITERIA):
        best = max(merits[at] for merits in left.values())
        worse = [merits[at] for merits in left.values() if merits[at] < best]
        if worse:
            decided = Choice(0, criterion, abs(best), abs(max(worse)))
        left = {patch: merits for patch, merits in left.items() if merits[at] == best}
    chosen = min(left)
    winner = min((each.tokens, each.rollout) for each in attempts if each.patch == chosen)[1]
    return Choice(winner, decided.decided_by, decided.value, decided.others)


def _merits(
    patch: str, attempts: Collection[Attempt], ran: Mapping[str, Ran], counted: Collection[str]
) -> tuple[int, ...]:
    """What speaks for a patch, in the order of CRITERIA; more is better, so tokens count below zero."""
    found = ran[patch]
    came = [each for each in attempts if each.patch == patch]
    return (
        len(found.kept),
        len(found.repaired),
        len(found.passed & frozenset(counted)),
        len(came),
        -min(each.tokens for each in came),
    )


def reason(choice: Choice | None, passing: int | None, failing: int | None, counted: int) -> str:
    """Why the winner won, as a sentence; `passing`, `failing` and `counted` are how many tests there are of each."""
    if choice is None:
        return "No rollout came to a patch."
    who, more, less = f"Rollout {choice.winner} was chosen", f"{choice.value:,}", f"{choice.others:,}"
    others = "the best other patch that was left"
    match choice.decided_by:
        case "alone":
            return f"{who}: no rollout came to another patch."
        case "kept":
            return f"{who}: {more} of the {passing} tests that passed before still pass, and {less} with {others}."
        case "repaired":
            return f"{who}: {more} of the {failing} tests that failed before pass now, and {less} with {others}."
        case "agreed":
            return f"{who}: {more} of the {counted} generated tests that count pass, and {less} with {others}."
        case "frequency":
            same = "the tests do not tell the best patches apart"
            return f"{who}: {same}, and {more} rollouts came to this one, {less} to {others}."
        case "tokens":
            return f"{who}: nothing else tells the best patches apart, and it took {more} tokens, {others} {less}."
        case "nothing":
            return f"{who}: nothing tells the best patches apart."
