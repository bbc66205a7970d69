"""What the templates of a conversation are filled with, whoever is told."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.policies.conversation.reading import Answered, Entry, Said, path_of


def observed(answered: Answered) -> dict[str, object]:
    """The values of `observation`."""
    return {
        "output": answered.observation,
        "imagined": answered.imagined,
        "draft": answered.draft,
        "guessed": answered.imagined and answered.guessed,
        "failures": answered.failures,
        "path": path_of(answered.call),
        "review": answered.call.tool == "submit" and answered.good,
        "notes": answered.notes,
    }


def steps(entries: Sequence[Entry]) -> list[str]:
    """What was done in a part of a conversation, a line for each action."""
    return [
        f"{entry.call.tool}: {entry.call.content.strip().partition(chr(10))[0]}"
        for entry in entries
        if isinstance(entry, Said) and entry.call
    ]
