"""What the policy tells the user: where it looked, what it changed and why, and what it could not do."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.policies.forager.choose import Survivor
from cwm_agent.policies.forager.kinds import Proposal
from cwm_agent.policies.forager.localise import Suspect
from cwm_agent.protocols import TestResult, Verdict

SHOWN = 5


def plural(number: int, noun: str) -> str:
    """The number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def suspicion(suspects: Sequence[Suspect], failing: Sequence[str], passing: int) -> str:
    """The most suspicious lines, as a thought."""
    shown = suspects[:SHOWN]
    against = f"{plural(len(failing), 'failing test')} against {plural(passing, 'passing one')}"
    head = f"{against}. Most suspicious lines (Ochiai):"
    width = max((len(f"{one.path}:{one.line}") for one in shown), default=0)
    lines = [f"  {f'{one.path}:{one.line}':<{width}}  {one.score:.2f}  {one.text}" for one in shown]
    return "\n".join([head, *lines]) + "\n"


def failure(results: Sequence[TestResult]) -> str:
    """Which tests fail and with what, one a line."""
    lines = [f"  {one.id}: {one.message or one.outcome}" for one in results[:SHOWN]]
    if len(results) > SHOWN:
        lines.append(f"  and {len(results) - SHOWN} more")
    return "\n".join(lines)


def changed_lines(proposal: Proposal) -> tuple[str, str]:
    """The first line that differs, before and after."""
    old, new = proposal.before.splitlines(), proposal.after.splitlines()
    at = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)) - 1)
    return (old[at].strip() if at < len(old) else "", new[at].strip() if at < len(new) else "")


def found(survivor: Survivor, tried: int, others: int) -> str:
    """What will be changed, said before the edit."""
    also = f" {plural(others, 'other edit')} passed too; this one is the plainest." if others else ""
    return f"After {plural(tried, 'candidate')} one passed every related test: {survivor.words}.{also}\n"


def repair(survivor: Survivor, suspects: Sequence[Suspect], failing: Sequence[str], tried: int, related: int) -> str:
    """The paragraph about one repair in the final answer."""
    lines = []
    for one in survivor.proposals:
        before, after = changed_lines(one)
        lines.append(f"{one.path}, line {one.line}: it now {_verb(one.words)}.")
        if one.edit.structural and one.edit.start == one.edit.end:
            lines.append(f"  + {after}")
        else:
            lines += [f"  - {before}", f"  + {after}"]
        rank = next((n for n, s in enumerate(suspects, 1) if s.path == one.path and s.line <= one.line), None)
        here = next((s for s in suspects if s.path == one.path and s.line == one.line), None)
        if here is not None:
            rank = suspects.index(here) + 1
            lines.append(
                f"It was suspected because {here.why} (score {here.score:.2f}, rank {rank} of {len(suspects)})."
            )
        elif rank is not None:
            lines.append(f"It stands beside the suspicious statement of rank {rank} of {len(suspects)}.")
    names = ", ".join(failing[:3]) + (f" and {len(failing) - 3} more" if len(failing) > 3 else "")
    lines.append(
        f"Of {plural(tried, 'candidate')} tried, this one makes {names} pass "
        f"and keeps {plural(related, 'related test')} passing."
    )
    return "\n".join(lines)


def _verb(words: str) -> str:
    """The description as what the code does now."""
    first = words.split(" ", 1)[0]
    return words if first.isalpha() and first.endswith("s") and first[0].islower() else f"has {words}"


def alternatives(others: Sequence[Survivor]) -> str:
    """Other survivors, five at most, with the warning that the tests do not decide between them."""
    if not others:
        return ""
    lines = ["Warning: the tests do not tell these apart from it; they pass too, and may behave differently elsewhere:"]
    lines += [f"  {one.words}" for one in others[:SHOWN]]
    if len(others) > SHOWN:
        lines.append(f"  and {len(others) - SHOWN} more")
    lines.append("If the difference matters, add a test that decides it.")
    return "\n".join(lines)


def gave_up(
    tried: int,
    ended: str,
    suspects: Sequence[Suspect],
    misses: Sequence[tuple[tuple[Proposal, ...], Verdict]],
    edits: int,
) -> str:
    """The honest end of a search without a survivor."""
    why = {"time": ", until the time limit", "candidates": ", which is the limit"}.get(
        ended, ", all that I know for these lines"
    )
    lines = [f"I found no repair. I tried {plural(tried, 'candidate edit')}{why}."]
    if suspects:
        lines.append("The most suspicious lines:")
        lines += [f"  {one.path}:{one.line}  {one.text}" for one in suspects[:SHOWN]]
    if misses:
        lines.append("The nearest misses:")
        for made, verdict in misses:
            words = "; ".join(f"{one.path}:{one.line} {one.words}" for one in made)
            lines.append(f"  {words}: {verdict.passed} of {verdict.total} tests passed")
    if ended == "time":
        lines.append(
            "You can allow more time (forager.seconds), or name one failing test or function, and I look there first."
        )
    elif edits < 2:
        lines.append(
            "You can allow two places to change at once (forager.edits = 2), or name the function that you suspect."
        )
    else:
        lines.append("The bug may need more than small edits: name the function that you suspect, or mend it by hand.")
    return "\n".join(lines)
