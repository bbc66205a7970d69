"""What is visible of a history after going back, and what proves a patch."""

from __future__ import annotations

from cwm_agent.core.history import loose_ends, place, proof, visible
from cwm_agent.events import (
    AgentEvent,
    CheckpointMade,
    Noticed,
    PermissionAsked,
    PermissionSettled,
    Rewound,
    SessionOpened,
    SessionResumed,
)
from cwm_agent.events import TestsReported as Report
from cwm_agent.observations import Mode, Origin

OPENED = SessionOpened("s", "/r", None, "p", Mode.REAL, None, "0")
PASS = Report(1, Origin.REAL, "pytest", 3, 0)


def note(text: str) -> Noticed:
    return Noticed("info", text)


def at(number: int) -> CheckpointMade:
    return CheckpointMade(number, number, ())


def words(history: list[AgentEvent]) -> str:
    return "".join(event.text for event in visible(history) if isinstance(event, Noticed))


def test_what_stands_between_is_left_out() -> None:
    history = [note("0"), OPENED, note("a"), at(1), note("b"), at(2), note("c")]
    assert words(history) == "0abc"
    assert words([*history, Rewound(1), note("d")]) == "0ad"
    assert words([*history, Rewound(0), note("d")]) == "0d"
    assert words([*history, Rewound(2), note("d")]) == "0abd"
    assert words([*history, Rewound(1), note("d"), at(3), note("e"), Rewound(3), note("f")]) == "0adf"
    assert words([*history, Rewound(1), note("d"), Rewound(2), note("e")]) == "0abe", "forward again"
    assert words([*history, Rewound(1), note("d"), at(3), Rewound(2), Rewound(3), note("e")]) == "0ade"


def test_the_place_is_the_last_checkpoint_made_or_gone_back_to() -> None:
    assert place([OPENED]) == 0
    assert place([OPENED, at(1), at(2)]) == 2
    assert place([OPENED, at(1), at(2), Rewound(1)]) == 1


def test_only_a_real_pass_after_the_last_change_is_proof() -> None:
    assert proof([OPENED, at(1), PASS]) == PASS
    assert proof([OPENED, PASS, at(1)]) is None
    assert proof([OPENED, PASS, at(1)], harmless={1}) == PASS
    assert proof([OPENED, at(1), PASS, Report(2, Origin.REAL, "pytest", 3, 1)]) is None
    assert proof([OPENED, at(1), PASS, Report(2, Origin.IMAGINED, "pytest", 0, 9)]) == PASS
    assert proof([OPENED, at(1), Report(2, Origin.IMAGINED, "pytest", 9, 0)]) is None
    assert proof([OPENED, at(1), Report(2, Origin.REAL, "pytest", 0, 0)]) is None
    assert proof([OPENED, at(1), PASS, SessionResumed("s")]) is None
    assert proof([OPENED, at(1), at(2), PASS, Rewound(1)]) is None
    assert proof([OPENED]) is None


def test_a_question_that_was_never_answered_is_a_no() -> None:
    history = [OPENED, PermissionAsked(1, "?", ""), PermissionSettled(1, allowed=True), PermissionAsked(2, "?", "")]
    assert loose_ends(history) == (PermissionSettled(2, allowed=False),)
