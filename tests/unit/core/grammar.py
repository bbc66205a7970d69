"""The order of events as a machine: `check` says what stands where it must not."""

from __future__ import annotations

from collections.abc import Sequence

from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    ClaimChecked,
    Progressed,
    PromptAccepted,
    Rested,
    RolloutsCompared,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    TracePinned,
)
from cwm_agent.observations import Origin

ORDERED = (
    ActionBegan
    | ActionEnded
    | ActionOutput
    | ActionProposed
    | CheckpointMade
    | ClaimChecked
    | Progressed
    | PromptAccepted
    | Rested
    | RolloutsCompared
    | SessionClosed
    | SessionOpened
    | SessionResumed
    | TestsReported
    | TextWritten
    | ThoughtWritten
    | TracePinned
)
WORDS = (ThoughtWritten, TextWritten, Progressed)
ALLOWED: dict[str, dict[type, str]] = {
    "nothing": {SessionOpened: "rest"},
    "rest": {PromptAccepted: "turn", SessionClosed: "closed", SessionResumed: "rest", TracePinned: "pinned"},
    "pinned": {
        CheckpointMade: "rest",
        PromptAccepted: "turn",
        SessionClosed: "closed",
        SessionResumed: "rest",
        TracePinned: "pinned",
    },
    "closed": {SessionResumed: "rest"},
    "turn": {
        **dict.fromkeys(WORDS, "turn"),
        ClaimChecked: "turn",
        ActionProposed: "proposed",
        RolloutsCompared: "compared",
        Rested: "rest",
    },
    "compared": {**dict.fromkeys(WORDS, "turn"), ActionProposed: "proposed", CheckpointMade: "turn", Rested: "rest"},
    "proposed": {ActionBegan: "running"},
    "running": {ActionOutput: "running", ActionEnded: "ended"},
    "ended": {
        **dict.fromkeys(WORDS, "turn"),
        TestsReported: "reported",
        ActionBegan: "running",
        CheckpointMade: "turn",
        ActionProposed: "proposed",
        Rested: "rest",
    },
    "reported": {
        **dict.fromkeys(WORDS, "turn"),
        ActionBegan: "running",
        CheckpointMade: "turn",
        ActionProposed: "proposed",
        Rested: "rest",
    },
}


def check(events: Sequence[AgentEvent], *, cut_off: bool = False) -> None:
    """AssertionError where the grammar is broken; `cut_off` allows it to stop in the middle."""
    state = "nothing"
    action, origins, checkpoint, draft = 0, list[Origin](), 0, False
    for at, event in enumerate(events):
        if state in ("nothing", "closed") and not isinstance(event, SessionOpened | SessionResumed):
            raise AssertionError(f"event {at}, {event}, stands outside of the session")
        if not isinstance(event, ORDERED):
            continue
        following = ALLOWED[state].get(type(event))
        assert following, f"event {at}, {event}, stands after {state}"
        if isinstance(event, ActionProposed):
            assert event.action == action + 1
            action, origins, draft = event.action, [], event.draft
        elif isinstance(event, ActionBegan):
            origins.append(event.origin)
            assert origins in ([Origin.REAL], [Origin.IMAGINED], [Origin.IMAGINED, Origin.REAL]), origins
            assert not draft or origins == [Origin.IMAGINED], "nothing of a draft is done"
        elif isinstance(event, ActionOutput | ActionEnded | TestsReported):
            assert (event.action, event.origin) == (action, origins[-1])
        elif isinstance(event, CheckpointMade):
            assert not draft, "a draft changed files"
            assert event.checkpoint == checkpoint + 1
            assert event.action == (0 if state in ("compared", "pinned") else action)
            checkpoint = event.checkpoint
        state = following
    assert cut_off or state in ("rest", "pinned", "closed"), f"it ends in {state}"
