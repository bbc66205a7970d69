"""What the history says: what a policy sees of it, what proves a patch, and what a cut-off session left open."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    ClaimChecked,
    PatchApplied,
    PatchProposed,
    PermissionAsked,
    PermissionSettled,
    PromptAccepted,
    Rested,
    Rewound,
    RolloutsCompared,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    TestsReported,
    TextWritten,
)
from cwm_agent.observations import Completed, Origin

E = TypeVar("E")
CUT_OFF = "[The session was cut off here.]"
KILLED = 137


def newest(history: Sequence[AgentEvent], kind: type[E]) -> E | None:
    """The last event of a kind."""
    return next((event for event in reversed(history) if isinstance(event, kind)), None)


def visible(history: Sequence[AgentEvent]) -> Sequence[AgentEvent]:
    """The history as the policy sees it: what stands between a checkpoint and the way back to it is left out."""
    at = next((at for at in range(len(history) - 1, -1, -1) if isinstance(history[at], Rewound)), None)
    if at is None:
        return history
    rewound = history[at]
    if not isinstance(rewound, Rewound):
        raise TypeError(rewound)
    kept = visible(history[: _end_of(history[:at], rewound.checkpoint)])
    return (*kept, *history[at:])


def _end_of(history: Sequence[AgentEvent], checkpoint: int) -> int:
    """How many events stand up to a checkpoint, with its own; 0 is the opening of the session."""
    for at, event in enumerate(history):
        if isinstance(event, CheckpointMade) and event.checkpoint == checkpoint:
            return at + 1
        if checkpoint == 0 and isinstance(event, SessionOpened):
            return at + 1
    return 0


def place(history: Sequence[AgentEvent]) -> int:
    """The checkpoint whose files the snapshot has."""
    for event in reversed(history):
        if isinstance(event, CheckpointMade | Rewound):
            return event.checkpoint
    return 0


def proof(history: Sequence[AgentEvent], harmless: Collection[int] = ()) -> TestsReported | None:
    """The newest real test run, if it came after the last change of a file and nothing failed in it.

    `harmless` are checkpoints at which only by-products of running changed. A change that the test command itself
    made counts as one that came later: their order within a command is not known.
    """
    for event in reversed(visible(history)):
        if isinstance(event, TestsReported) and event.origin is Origin.REAL:
            return event if event.passed and not event.failed else None
        if isinstance(event, SessionResumed):
            return None
        if isinstance(event, CheckpointMade) and event.checkpoint not in harmless:
            return None
    return None


def open_patch(history: Sequence[AgentEvent]) -> PatchProposed | None:
    """The patch that is there to be reviewed; None where the last one was applied, or left behind."""
    kinds = PatchProposed | PatchApplied | Rewound
    last = next((event for event in reversed(history) if isinstance(event, kinds)), None)
    return last if isinstance(last, PatchProposed) else None


def pinned_onto(history: Sequence[AgentEvent], harmless: Collection[int] = ()) -> PatchProposed | None:
    """The open patch, where tests were pinned onto one that was proved, and nothing else changed since."""
    found = open_patch(history)
    for event in reversed(history if found and not found.verified else ()):
        if isinstance(event, PatchProposed) and event.verified:
            return found
        if isinstance(event, PatchApplied | Rewound | RolloutsCompared | SessionResumed):
            return None
        if isinstance(event, CheckpointMade) and event.action and event.checkpoint not in harmless:
            return None
    return None


def this_turn(history: Sequence[AgentEvent]) -> Sequence[AgentEvent]:
    """The events since the last prompt was accepted."""
    for at in range(len(history) - 1, -1, -1):
        if isinstance(history[at], PromptAccepted):
            return history[at:]
    return history


def last_words(history: Sequence[AgentEvent]) -> str:
    """What the policy said in its last reply; behind a claim that was checked begins another."""
    words: list[str] = []
    over = False
    for event in history:
        if isinstance(event, ActionProposed):
            words.clear()
        elif isinstance(event, ClaimChecked):
            over = True
        elif isinstance(event, TextWritten):
            words = [event.text] if over else [*words, event.text]
            over = False
    return "".join(words).strip()


def loose_ends(history: Sequence[AgentEvent]) -> tuple[AgentEvent, ...]:
    """The events that bring a history which was cut off to an end that the grammar allows."""
    ends: list[AgentEvent] = []
    turn = this_turn(history)
    if not turn or not isinstance(turn[0], PromptAccepted) or any(isinstance(event, Rested) for event in turn):
        return _unsettled(history)
    for event in reversed(turn):
        if isinstance(event, ActionEnded | Rewound):
            break
        if isinstance(event, ActionProposed):
            origin = Origin.IMAGINED if event.draft else Origin.REAL
            ends.append(ActionBegan(event.action, origin))
            ends.append(ActionEnded(event.action, origin, Completed(KILLED), CUT_OFF, 0.0))
            break
        if isinstance(event, ActionBegan):
            text = _output(turn, event)
            ends.append(ActionEnded(event.action, event.origin, Completed(KILLED), f"{text}{CUT_OFF}", 0.0))
            break
    return (*ends, *_unsettled(history), Rested("interrupted", "The session was cut off."))


def _output(turn: Sequence[AgentEvent], began: ActionBegan) -> str:
    said = [
        event.text
        for event in turn
        if isinstance(event, ActionOutput) and (event.action, event.origin) == (began.action, began.origin)
    ]
    text = "".join(said)
    return text if not text or text.endswith("\n") else text + "\n"


def _unsettled(history: Sequence[AgentEvent]) -> tuple[AgentEvent, ...]:
    asked = [event.permission for event in history if isinstance(event, PermissionAsked)]
    settled = {event.permission for event in history if isinstance(event, PermissionSettled)}
    return tuple(PermissionSettled(number, allowed=False) for number in asked if number not in settled)


def closed(history: Sequence[AgentEvent]) -> bool:
    """Whether the session ended in order."""
    return newest(history, SessionClosed) is not None and isinstance(history[-1], SessionClosed)
