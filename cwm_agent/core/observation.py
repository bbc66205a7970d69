"""What a policy is told of a world's answer: the output as it came, and in plain lines what is not output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from cwm_agent.observations import Completed, LimitReached, Outcome, Unreadable

_LIMITS = {
    "time": "it ran longer than it may",
    "output": "it wrote more than it may",
    "memory": "it used more memory than there is",
    "disk": "it wrote more to the disk than it may",
    "processes": "it started more processes than it may",
    "frames": "its trace is longer than it may be",
    "tokens": "the model's tokens are used up",
}


def observation(output: str, notices: Sequence[str], outcome: Outcome) -> str:
    """Output first; each notice and a limit on a line of its own, in square brackets."""
    lines = [f"[{notice}]" for notice in notices]
    match outcome:
        case LimitReached(which=which, detail=detail):
            lines.append(f"[Stopped: {detail or _LIMITS[which]}]")
        case Unreadable(raw="", reason=reason):
            lines.append(f"[No prediction: {reason}]")
        case Unreadable(reason=reason):
            lines.append(f"[The world model's answer could not be read: {reason}]")
        case Completed():
            pass
        case _:
            assert_never(outcome)
    if not lines:
        return output
    start = output if not output or output.endswith("\n") else output + "\n"
    return start + "\n".join(lines) + "\n"
