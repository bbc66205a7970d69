"""Foreign text in every event and every place of the screen: shown, never obeyed."""

from __future__ import annotations

import re

import pytest
from textual.app import App

from cwm_agent import text
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    FileStat,
    HunksDeclined,
    ModeChanged,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PatchUndone,
    PermissionAsked,
    Progressed,
    PromptAccepted,
    Rested,
    Rewound,
    SessionOpened,
    SessionResumed,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.events import TestsReported as Reported
from cwm_agent.observations import Completed, LimitReached, Mode, Origin, Unreadable
from cwm_agent.tui.widgets.prompt import Prompt
from cwm_agent.workspace.changes import REGULAR, Change, ChangeSet, Entry
from cwm_agent.workspace.review import Review
from tests.tui.stories import ReplaySession, app_of, settled

BOMBS = (
    "\x1b[2J",
    "\x1b[H\x1b[31mred",
    "\x1b]52;c;aGFja2Vk\x07",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x1bc",
    "\x1b[?1049l",
    "\x1bP1$r\x1b\\",
    "\x1b_apc\x1b\\",
    "\x9b2J",
    "\x9d0;t\x9c",
    "\x90q\x9c",
    "\x07bell",
    "\x08\x08back",
    "\rover",
    "\x0b\x0c",
    "\x7f",
    "\x00nul",
    "\u202eevil\u202c",
    "\u2066iso\u2069",
    "zero\u200bwidth",
    "\ufeffbom",
    "\U000e0041tag",
    "\u2028line",
    "soft\u00adhyphen",
    "\udc80",
    "[@click=app.quit]x[/]",
    "[bold",
    "[/]",
    "[red]a[/green]",
    "\\[x",
    "$text [on red]b[/]",
    "[link=http://evil]x[/link]",
    "a[0]['k']",
)
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\u00ad\U000e0000-\U000e007f]"
)


def everywhere(bomb: str) -> list[AgentEvent]:
    """A session in which each text of each event is the bomb."""
    stats = (FileStat(bomb, "modified", 1, 1),)
    real, imagined = Origin.REAL, Origin.IMAGINED
    return [
        Progressed(bomb, 1, 2, bomb, bomb),
        SessionOpened(bomb, bomb, bomb, bomb, Mode.VERIFY, bomb, bomb),
        SessionResumed(bomb, bomb),
        PromptAccepted(bomb),
        ThoughtWritten(bomb),
        TextWritten(bomb),
        Progressed(bomb, 1, None, bomb, bomb),
        Progressed(bomb + "2", 1, 2, bomb, bomb),
        ActionProposed(1, ToolCall("bash", bomb)),
        ActionBegan(1, imagined),
        ActionOutput(1, imagined, bomb),
        ActionEnded(1, imagined, Unreadable(bomb, bomb), bomb, 0.0),
        ActionBegan(1, real),
        ActionOutput(1, real, bomb + "\n" + bomb),
        ActionEnded(1, real, LimitReached("time", bomb), bomb, 0.0),
        Reported(1, real, bomb, 1, 2, (bomb, bomb)),
        ActionProposed(2, ToolCall(bomb, bomb)),
        ActionBegan(2, real),
        ActionEnded(2, real, Completed(2), bomb, 0.0),
        ActionProposed(3, ToolCall("edit", f"{bomb}\n<<<<<<< SEARCH\n{bomb}\n=======\n{bomb}x\n>>>>>>> REPLACE\n")),
        ActionBegan(3, real),
        ActionEnded(3, real, Completed(0), bomb, 0.0),
        ActionProposed(4, ToolCall("create", f"{bomb}\n{bomb}\n")),
        ActionBegan(4, real),
        ActionEnded(4, real, Completed(0), bomb, 0.0),
        CheckpointMade(1, 3, stats),
        PatchProposed(1, stats, verified=False, summary=bomb),
        PatchRefused(1, bomb, (bomb,)),
        PatchApplied(1, bomb, (bomb,), (bomb,)),
        PatchUndone(bomb, (bomb,)),
        PatchProposed(1, stats, verified=True, summary=bomb),
        HunksDeclined(bomb),
        ModeChanged(Mode.REAL, bomb),
        Noticed("error", bomb, bomb),
        PermissionAsked(1, bomb, bomb),
        Rested("error", bomb),
        Rewound(1),
    ]  # fmt: skip


def patch(bombs: tuple[str, ...]) -> Review:
    changes = []
    for number, bomb in enumerate(bombs):
        raw = bomb.encode("utf-8", "surrogateescape" if "\udc80" in bomb else "strict")
        path = b"%d/" % number + raw.replace(b"/", b"").replace(b"\0", b"") + b".py"
        changes.append(Change(path, Entry(REGULAR, b"a\n" + raw + b"\n"), Entry(REGULAR, raw + b"b\n")))
    return Review(ChangeSet(tuple(changes)))


def painted(app: App[None]) -> str:
    """Every cell of the screen, as text, control sequences that Textual itself writes left out."""
    size = app.screen.size
    update = app.screen._compositor.render_strips(size)
    return "\n".join("".join(segment.text for segment in strip if not segment.control) for strip in update)


@pytest.mark.parametrize("bombs", [BOMBS[:12], BOMBS[12:24], BOMBS[24:]], ids=["escapes", "characters", "markup"])
async def test_no_active_character_reaches_the_screen(bombs: tuple[str, ...]) -> None:
    session = ReplaySession([], patch(bombs))
    app = app_of(session)
    app.picture.title = app.picture.branch = "".join(bombs)
    async with app.run_test(size=(130, 900)) as pilot:
        for bomb in bombs:
            await session.say(*everywhere(bomb)[:-1])
        await settled(pilot)
        seen = painted(app)
        for command in ("tests", "shell", "diff"):
            app.screen.action_open(command)
            await settled(pilot)
            seen += painted(app)
        await pilot.resize_terminal(130, 60)
        await pilot.press("escape", "escape")
        await settled(pilot)
        seen += painted(app)
        await pilot.press("escape", "ctrl+r")
        await settled(pilot)
        for _ in bombs:
            await pilot.press("tab", "s")
            seen += painted(app)
    assert ACTIVE.findall(seen) == []
    for bomb in bombs:
        shown = text.printable(bomb)
        assert shown.partition("\n")[0] in seen, "foreign text is shown, not dropped"


async def test_what_is_pasted_is_made_printable() -> None:
    from textual.events import Paste

    app = app_of(ReplaySession([]))
    async with app.run_test() as pilot:
        await settled(pilot)
        app.post_message(Paste("fix \x1b[2J this\r\nnow\u202e"))
        await settled(pilot)
        assert app.screen.query_one(Prompt).text == "fix ␛[2J this\nnow<U+202E>"
