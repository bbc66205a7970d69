"""What `benchmarks.tui` puts into a terminal: our screen on a real session, and the screens one would write first."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from cwm_agent.core.parts import SessionParts
from cwm_agent.core.record import Record
from cwm_agent.core.session import Session
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    PromptAccepted,
    Rested,
    SessionOpened,
    SubmitPrompt,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    ToolCall,
)
from cwm_agent.observations import Completed, Limits, Mode, Origin
from cwm_agent.protocols import FinalAnswer, PolicyEvent
from cwm_agent.settings import LimitSettings
from cwm_agent.testing import MemoryFiles, MemoryWorkspace, ScriptedWorld
from cwm_agent.tui.app import CwmApp

TOKENS_A_SECOND = 1_000
MARK_EVERY = 100
LINE = "a line of output that a tool wrote, about as long as lines are\n"
DAY = 50_000
OPENED = SessionOpened("s1", "/home/you/payments", "main", "cwm", Mode.REAL, None, "0")


def tokens() -> Iterator[str]:
    """Words of prose without end; every hundredth is a mark with its number."""
    for number in itertools.count(1):
        end = "\n\n" if number % 80 == 0 else "\n" if number % 13 == 0 else " "
        yield (f"[{number}]" if number % MARK_EVERY == 0 else "word") + end


async def paced(rate: int) -> AsyncIterator[str]:
    """Tokens by the clock: after a pause of the program, those that came meanwhile come at once."""
    began = time.monotonic()
    for said, token in enumerate(tokens()):
        while said >= (time.monotonic() - began) * rate:
            await asyncio.sleep(0.002)
        yield token


class Speaking:
    """A policy that writes at a pace until it is stopped."""

    name = "speaking"

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncIterator[PolicyEvent]:
        """Text without end."""
        del history
        async for token in paced(TOKENS_A_SECOND):
            yield TextWritten(token)

    async def aclose(self) -> None:
        """Nothing is held."""


class Passing:
    """A policy with a day's work behind it: turns of thoughts, text and commands, as fast as they can be told."""

    name = "passing"

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncIterator[PolicyEvent]:
        """Pieces of reasoning and text, with a mark at each quarter of the day."""
        del history
        for number in range(1, DAY + 1):
            if number % 40 < 30:
                yield ThoughtWritten(f"piece {number} of what is thought ")
            else:
                yield TextWritten(f"piece {number} of what is said\n" if number % 40 == 39 else "and more ")
            if number % 10 == 0:
                await asyncio.sleep(0.002)
            if number % (DAY // 4) == 0:
                yield TextWritten(f"\nquarter {number * 4 // DAY} is over\n")
                await asyncio.sleep(3)
        yield FinalAnswer("the day is over")

    async def aclose(self) -> None:
        """Nothing is held."""


def long_story(turns: int, actions: int, output: str) -> Iterator[AgentEvent]:
    """A session of so many turns, each with so many commands."""
    yield OPENED
    for turn in range(1, turns + 1):
        yield PromptAccepted(f"request {turn}")
        yield ThoughtWritten(f"thinking about {turn}\nand more")
        for number in range((turn - 1) * actions + 1, turn * actions + 1):
            yield ActionProposed(number, ToolCall("bash", f"pytest -q tests/part_{number}.py"))
            yield ActionBegan(number, Origin.REAL)
            yield ActionOutput(number, Origin.REAL, output)
            yield ActionEnded(number, Origin.REAL, Completed(0), output, 0.5)
            yield TestsReported(number, Origin.REAL, f"pytest -q tests/part_{number}.py", 12, 0)
        yield TextWritten(f"answer {turn}\n")
        yield Rested("answered")


def write_story(folder: Path, story: Iterator[AgentEvent]) -> int:
    """Record a story; the bytes of it."""
    with contextlib.closing(Record(folder)) as record:
        for event in story:
            record.append(event)
    return (folder / "events.jsonl").stat().st_size


def session_of(policy: Speaking | Passing, folder: Path, *, resumed: bool = False) -> Session:
    """A real session with a real record; only the policy and the sandbox are stand-ins."""
    record = Record(folder)
    parts = SessionParts(
        identity=folder.name,
        repository="/home/you/payments",
        policy=policy,
        real=ScriptedWorld(),
        imagined=None,
        files=MemoryFiles(),
        tools=[],
        workspace=MemoryWorkspace(),
        recorder=record,
        action_limits=Limits(),
        loop_limits=LimitSettings(tokens=1_000_000_000),
        version="0",
    )
    return Session(parts=parts, mode=Mode.REAL, recorded=record.recorded.events if resumed else ())


def ours(policy: Speaking | Passing, folder: Path, *, resumed: bool) -> None:
    """Our screen on a session; a new one is asked at once."""

    async def open_session(report: Callable[[AgentEvent], None]) -> Session:
        del report
        session = session_of(policy, folder, resumed=resumed)
        if not resumed:
            await session.send(SubmitPrompt("write"))
        return session

    CwmApp(open_session, title="payments", branch="main").run()


def naive(kind: str) -> None:
    """A widget of Textual's own that is given every piece as it comes, over an input."""
    from textual.app import App, ComposeResult
    from textual.widgets import Input, Markdown, RichLog

    class Naive(App[None]):
        def compose(self) -> ComposeResult:
            yield RichLog(wrap=True) if kind == "rich_log" else Markdown()
            yield Input()

        def on_mount(self) -> None:
            self.query_one(Input).focus()
            self.run_worker(self.read())

        async def read(self) -> None:
            async for token in paced(TOKENS_A_SECOND):
                if kind == "rich_log":
                    self.query_one(RichLog).write(token)
                else:
                    await self.query_one(Markdown).append(token)

    Naive().run()


def main() -> None:
    what, *rest = sys.argv[1:]
    if what in ("rich_log", "markdown"):
        naive(what)
    elif what == "record":
        ours(Speaking(), Path(rest[0]), resumed=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            ours(Speaking() if what == "stream" else Passing(), Path(folder) / "session", resumed=False)


if __name__ == "__main__":
    main()
