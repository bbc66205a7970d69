"""What every screen looks like, in two sizes and two themes. After a change on purpose: pytest --snapshot-update."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from cwm_agent.errors import EngineUnavailable
from cwm_agent.events import AgentEvent, Rested
from cwm_agent.tui.app import CwmApp
from cwm_agent.workspace.review import Review
from tests.tui.hunk_story import BOTH, COMING, IMAGINED, RAN, WITH_MODEL, ImaginingSession
from tests.tui.stories import (
    ASKED,
    ASKING,
    CLAIMED,
    CONTEST,
    DRAFTED,
    FAILED,
    FORETOLD,
    LIMITED,
    MANY,
    OPENED,
    OPENING,
    PINNED,
    PREDICTED,
    READY,
    REFUSED,
    RESUMED,
    SEARCHING,
    STREAMING,
    TRACED,
    TROUBLED,
    VERIFYING,
    Clock,
    ReplaySession,
    app_of,
    review,
    settled,
    wide_review,
)

SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (160, 48)
FILES = ("README.md", "payments/refunds.py", "payments/fees.py", "tests/test_refund.py")
Compare = Callable[..., bool]


def pressing(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def press(pilot: Pilot[None]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return press


CASES: list[tuple[str, Sequence[AgentEvent], tuple[int, int], tuple[str, ...], str]] = [
    ("welcome", [OPENED], SMALL, (), "dark"),
    ("asked", ASKED, SMALL, (), "dark"),
    ("failing", FAILED, MIDDLE, (), "dark"),
    ("failing_panel", FAILED, SMALL, ("ctrl+o",), "dark"),
    ("many_failures", MANY, MIDDLE, (), "dark"),
    ("searching", SEARCHING, SMALL, (), "dark"),
    ("live_output", STREAMING, LARGE, (), "dark"),
    ("interrupted", [*STREAMING, Rested("interrupted")], SMALL, (), "dark"),
    ("imagined_and_real", VERIFYING, MIDDLE, (), "dark"),
    ("traced", TRACED, MIDDLE, (), "dark"),
    ("traced_divergence", TRACED, MIDDLE, (*"/trace", "enter", "d"), "dark"),
    ("traced_divergence", TRACED, SMALL, (*"/trace", "enter", "d"), "dark"),
    ("traced_divergence", TRACED, MIDDLE, (*"/trace", "enter", "d"), "light"),
    ("traced_what_if", TRACED, MIDDLE, (*"/trace", "enter", "d", "left", "left", "e"), "dark"),
    ("traced_source", TRACED, SMALL, (*"/trace", "enter", "d", "enter"), "dark"),
    ("pinned", PINNED, MIDDLE, (*"/trace", "enter", "t"), "dark"),
    ("imagined_alone", FORETOLD, MIDDLE, (*"/trace", "enter", "end"), "dark"),
    ("contest", CONTEST, MIDDLE, (), "dark"),
    ("contest", CONTEST, SMALL, ("pageup",), "light"),
    ("ready", READY, MIDDLE, (), "dark"),
    ("ready", READY, SMALL, (), "dark"),
    ("ready", READY, MIDDLE, (), "light"),
    ("ready", READY, MIDDLE, (), "ansi"),
    ("opened_item", FAILED, SMALL, ("shift+tab", "up", "enter"), "dark"),
    ("completions", READY, SMALL, ("/", "r"), "dark"),
    ("permission", ASKING, SMALL, (), "dark"),
    ("help", READY, SMALL, ("f1",), "dark"),
    ("rewind", READY, MIDDLE, ("escape", "escape"), "dark"),
    ("rewound", READY, SMALL, ("escape", "escape", "up", "enter"), "dark"),
    ("leave", READY, SMALL, ("ctrl+q",), "dark"),
    ("claimed", CLAIMED, SMALL, (), "dark"),
    ("claimed", CLAIMED, MIDDLE, (), "light"),
    ("drafted", DRAFTED, MIDDLE, (), "dark"),
    ("drafted", DRAFTED, SMALL, (), "light"),
    ("predicted", PREDICTED, MIDDLE, (), "dark"),
    ("predicted", PREDICTED, SMALL, ("ctrl+o",), "light"),
    ("trouble", TROUBLED, SMALL, (), "dark"),
    ("trouble", TROUBLED, MIDDLE, (), "ansi"),
    ("limit", LIMITED, SMALL, (), "light"),
    ("refused", REFUSED, SMALL, (), "dark"),
    ("resumed", RESUMED, SMALL, (), "dark"),
    ("queue", SEARCHING, SMALL, (*"and the fee", "enter", *"!git log -3", "enter"), "dark"),
    ("files", READY, SMALL, (*"look at @re",), "dark"),
    ("shell", FAILED, MIDDLE, (*"/shell", "enter"), "light"),
    ("permission", ASKING, MIDDLE, (), "light"),
    ("help", READY, LARGE, ("f1",), "light"),
    ("rewind", READY, SMALL, ("escape", "escape"), "light"),
    ("traced_divergence", TRACED, SMALL, (*"/trace", "enter", "d"), "ansi"),
    ("ready", READY, SMALL, (), "ansi"),
    ("help", READY, SMALL, ("f1",), "ansi"),
]


@pytest.mark.parametrize(
    ("events", "size", "keys", "theme"),
    [case[1:] for case in CASES],
    ids=[f"{name}-{size[0]}x{size[1]}-{theme}" for name, _, size, _, theme in CASES],
)
def test_conversation(
    snap_compare: Compare, events: Sequence[AgentEvent], size: tuple[int, int], keys: tuple[str, ...], theme: str
) -> None:
    app = app_of(ReplaySession(events, review()), theme=f"cwm-{theme}", files=lambda: FILES)
    assert snap_compare(app, terminal_size=size, run_before=pressing(*keys))


REVIEWS: list[tuple[str, Review, tuple[int, int], tuple[str, ...], str]] = [
    ("unified", review(), MIDDLE, (), "dark"),
    ("unified", review(), SMALL, ("a",), "dark"),
    ("unified", review(), MIDDLE, ("a",), "light"),
    ("split", review(), LARGE, ("s", "r"), "dark"),
    ("files", wide_review(), MIDDLE, ("a", "tab"), "dark"),
    ("hidden", wide_review(), MIDDLE, ("tab", "tab", "tab", "tab"), "dark"),
    ("note", review(), SMALL, ("n", *"keep cents"), "dark"),
    ("noted", review(), SMALL, ("n", *"keep cents", "enter"), "dark"),
    ("edit", review(), MIDDLE, ("e",), "dark"),
    ("question", review(), MIDDLE, ("a", "enter"), "dark"),
    ("unified", review(), SMALL, ("a",), "ansi"),
    ("split", wide_review(), SMALL, ("tab", "tab", "s"), "light"),
    ("applied", review(), MIDDLE, ("A", "enter", "enter"), "dark"),
    ("after", review(), MIDDLE, ("A", "enter", "enter", "escape"), "dark"),
]


@pytest.mark.parametrize(
    ("patch", "size", "keys", "theme"),
    [case[1:] for case in REVIEWS],
    ids=[f"{name}-{size[0]}x{size[1]}-{theme}" for name, _, size, _, theme in REVIEWS],
)
def test_review(snap_compare: Compare, patch: Review, size: tuple[int, int], keys: tuple[str, ...], theme: str) -> None:
    app = app_of(ReplaySession(READY, patch), theme=f"cwm-{theme}")
    assert snap_compare(app, terminal_size=size, run_before=pressing("ctrl+r", *keys))


HUNK_RUNS: list[tuple[str, Sequence[AgentEvent], Sequence[AgentEvent], tuple[int, int], tuple[str, ...], str]] = [
    ("alone", WITH_MODEL, IMAGINED, MIDDLE, (), "dark"),
    ("alone", WITH_MODEL, IMAGINED, SMALL, ("right",), "light"),
    ("coming", WITH_MODEL, COMING, SMALL, (), "dark"),
    ("stopped", WITH_MODEL, COMING, MIDDLE, ("escape",), "light"),
    ("both", [*WITH_MODEL, *RAN], BOTH, MIDDLE, (), "light"),
    ("both", [*WITH_MODEL, *RAN], BOTH, LARGE, ("right", "right", "right"), "dark"),
    ("both", [*WITH_MODEL, *RAN], BOTH, SMALL, (), "ansi"),
    ("no_call", WITH_MODEL, IMAGINED, SMALL, ("i", "j", "i"), "dark"),
]


@pytest.mark.parametrize(
    ("events", "answer", "size", "keys", "theme"),
    [case[1:] for case in HUNK_RUNS],
    ids=[f"{name}-{size[0]}x{size[1]}-{theme}" for name, _, _, size, _, theme in HUNK_RUNS],
)
def test_imagined_hunk(
    snap_compare: Compare,
    events: Sequence[AgentEvent],
    answer: Sequence[AgentEvent],
    size: tuple[int, int],
    keys: tuple[str, ...],
    theme: str,
) -> None:
    app = app_of(ImaginingSession(events, review(), answer), theme=f"cwm-{theme}")
    assert snap_compare(app, terminal_size=size, run_before=pressing("ctrl+r", "i", *keys))


@pytest.mark.parametrize("error", [None, "engine"])
def test_opening(snap_compare: Compare, error: str | None) -> None:
    async def open_session(report: Callable[[AgentEvent], None]) -> Any:
        for event in OPENING:
            report(event)
        if error:
            raise EngineUnavailable(
                "No container engine answers at /var/run/docker.sock.", remedy="Start it: systemctl start docker."
            )
        await asyncio.Event().wait()

    app = CwmApp(open_session, title="payments", branch="main", prompt="fix the failing tests", clock=Clock())
    app.theme = "cwm-dark"
    assert snap_compare(app, terminal_size=SMALL, run_before=pressing())


@pytest.mark.parametrize("found", [False, True])
def test_welcome(snap_compare: Compare, found: bool) -> None:
    async def examine() -> Sequence[str]:
        if not found:
            await asyncio.Event().wait()
        return ("✓ engine    Docker 27", "! gpu       none found; none is needed", "  → nothing to do")

    app = app_of(ReplaySession([OPENED]), welcome=examine)
    assert snap_compare(app, terminal_size=SMALL, run_before=pressing())
