"""The TUI's application: it opens the session, shows what it says, and tells it what the user wants."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from cwm_agent.commands import COMMANDS, Consult
from cwm_agent.errors import CwmAgentError
from cwm_agent.events import AgentEvent, PatchProposed, UserCommand
from cwm_agent.text import printable_line
from cwm_agent.tui import bridge, bridge_patch
from cwm_agent.tui import theme as themes
from cwm_agent.tui.alert import Alert, Watch
from cwm_agent.tui.errands import Errands
from cwm_agent.tui.exits import exit_code
from cwm_agent.tui.output import PaintingApp
from cwm_agent.tui.pause import Pause
from cwm_agent.tui.picture import Picture, Remark, words_of
from cwm_agent.tui.screens.confirm import ConfirmScreen
from cwm_agent.tui.screens.live import LiveScreen, Wants
from cwm_agent.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from cwm_agent.core.session import Session
    from cwm_agent.tui.screens.welcome import Examine
    from cwm_agent.workspace.review import Review

_LOG = logging.getLogger(__name__)
Report = Callable[[AgentEvent], None]
Recorded = Callable[[], Awaitable[Sequence[AgentEvent]]]
CLOSE_SECONDS = 10.0


def _time_of_day() -> str:
    return time.strftime("%H:%M")


class CwmApp(PaintingApp):
    """Shows one session.

    `open_session` makes it, not yet started, and reports on the way what it is doing; an error from `errors` becomes a
    line of the conversation. `recorded` is what a session that is taken up has said before, shown meanwhile. `prompt`
    is put into the input for the user to send, `consult` answers commands in words, `files` are the repository's, for
    the user to name.
    The return code is that of the last turn; `next_session` is what to take up then, None where the user just leaves.
    `welcome` is given the first time alone; it looks at what is here.
    """

    TITLE = "cwm-agent"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", "Leave", priority=True, show=False)]

    def __init__(
        self,
        open_session: Callable[[Report], Awaitable[Session]],
        *,
        title: str,
        branch: str | None,
        recorded: Recorded | None = None,
        theme: str = themes.DARK,
        alert: Alert = "bell",
        prompt: str | None = None,
        consult: Consult | None = None,
        files: Callable[[], Sequence[str]] = tuple,
        welcome: Examine | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], str] = _time_of_day,
    ) -> None:
        # Textual decides how to take colours away before it knows the theme
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.animation_level = "none"
        self.session: Session | None = None
        self.picture = Picture(title, branch, now)
        self._open_session = open_session
        self._recorded = recorded
        self._shown = 0
        self._prompt = prompt
        self._welcome = welcome
        self.wants_demo = False
        self._clock = clock
        self._thread = threading.get_ident()
        self._review: tuple[int, Review | None] = (-1, None)
        self._failed = 0
        self.next_session: str | None = None
        self._alert: Alert = alert
        self._watch = Watch(clock, lambda: self.app_focus)
        self._main = MainScreen(self.picture, self.review, clock, files)
        self._errands = Errands(self, self._main, consult)
        for each in themes.themes():
            self.register_theme(each)
        self.theme = themes.fitting(theme, self.console.color_system, no_color=self.no_color)

    def get_default_screen(self) -> Screen[None]:
        """The conversation."""
        return self._main

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for Textual's own themes too."""
        return themes.themes()[0].variables

    def on_mount(self) -> None:
        """Paint first; the session is opened behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(RuntimeError, ValueError):  # only the main thread may listen to signals
                loop.add_signal_handler(number, self._signalled, number)
        if self._prompt:
            self.call_after_refresh(self._main.put, self._prompt)
        if self._welcome is not None:
            self.call_after_refresh(self._errands.welcome, self._welcome)
        self.call_after_refresh(self._live)

    # The session

    @work(exclusive=True, group="session")
    async def _live(self) -> None:
        try:
            if self._recorded is not None:
                await self._show_record(await self._recorded())
            session = await self._open_session(self.take)
            self.session = session
            reading = asyncio.ensure_future(self._read(session))
            await session.start()
            gc.freeze()  # what is there by now stays: a key need not wait while it is looked through for garbage
        except CwmAgentError as error:
            self._not_opened(error)
        except Exception as error:  # whatever it is, the user gets a line and a screen, not a traceback
            _LOG.exception("The session could not be opened")
            words = f"A fault of our own: {type(error).__name__}: {error}"
            self._not_opened(CwmAgentError(words, remedy="The traceback is in the log."))
        else:
            await reading

    async def _show_record(self, events: Sequence[AgentEvent]) -> None:
        """What was said before, while the sandbox is still being opened."""
        pause = Pause()
        for event in events:
            self.take(event)
            await pause.now_and_then()
        self._shown = len(events)
        bridge.shown(self.picture)
        self._changed()

    async def _read(self, session: Session) -> None:
        pause, at = Pause(), 0
        async for event in session.events():
            at += 1
            if at > self._shown:
                self.take(event)
                self._call(self._watch.hear(event))
                await pause.now_and_then()

    def _call(self, words: str) -> None:
        """Ring for a user who looks elsewhere."""
        if not words or self._alert == "off":
            return
        self.bell()
        if self._alert == "message" and self._driver is not None:
            self._driver.write(f"\x1b]9;cwm-agent, {printable_line(self.picture.title)}: {words}\x07")

    def _not_opened(self, error: CwmAgentError) -> None:
        self._failed = error.exit_code
        bridge.failed(self.picture)
        self.say("error", error.message, error.remedy)

    def take(self, event: AgentEvent) -> None:
        """Show an event; may be called from any thread."""
        if threading.get_ident() != self._thread:
            self.call_from_thread(self.take, event)
            return
        bridge.show(self.picture, event)
        if isinstance(event, PatchProposed):
            bridge_patch.counted(self.picture, self.review())
        self._changed()

    def say(self, kind: Literal["info", "error", "quiet"], text: str, remedy: str = "") -> None:
        """A line of our own in the conversation, or some."""
        self.picture.add(Remark(kind, text, remedy))
        self._changed()

    def _changed(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.changed()

    def review(self) -> Review | None:
        """The patch as it is now."""
        if self.session is None:
            return None
        if self._review[0] != self.picture.revision:
            proposed = self.picture.proposal
            self._review = (self.picture.revision, self.session.review(proposed.checkpoint if proposed else None))
        return self._review[1]

    async def tell(self, command: UserCommand) -> None:
        """Send a command to the session; what it refuses becomes a line of the conversation."""
        if self.session is None:
            self._main.hint("The sandbox is not open yet.")
            return
        asked = words_of(command)
        self.picture.queued += asked
        try:
            await self.session.send(command)
        except CwmAgentError as error:
            self.picture.dequeue(*asked)
            self.say("error", error.message, error.remedy)
        self._changed()

    def _tell(self, command: UserCommand) -> None:
        self.run_worker(self.tell(command), group="commands")

    @on(Wants)
    def _wants(self, event: Wants) -> None:
        self._tell(event.command)

    # Commands that are not one screen's own

    @on(MainScreen.Opens)
    def _opens(self, event: MainScreen.Opens) -> None:
        self._errands.do(event.name, event.argument)

    def resume(self, session: str) -> None:
        """Leave, to come back with another session, by its whole name."""
        self.next_session = session
        self.action_leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: our commands, none of Textual's."""
        del screen
        for command in COMMANDS:
            does = f"{command.does}   {command.key}".rstrip()
            yield SystemCommand(command.name.capitalize(), does, partial(self._main.action_open, command.name))

    # The end

    def action_leave(self) -> None:
        """Leave at once, or ask where something would be left behind."""
        if isinstance(self.screen, ConfirmScreen):
            return
        if self.picture.working:
            words = "The agent is still working. It will be stopped; what happened so far is recorded."
        elif self.picture.proposal is not None:
            words = (
                "A patch is ready and was not reviewed. It stays in the session's record, and your files as they are."
            )
        else:
            self._leave(self.code)
            return
        self.push_screen(ConfirmScreen(words, self._clock), self._confirmed)

    def _confirmed(self, yes: bool | None) -> None:  # noqa: FBT001 -- the answer of a screen
        if yes:
            self._leave(self.code)
        else:
            self.next_session = None

    @property
    def code(self) -> int:
        """The return code if the user left now."""
        return self._failed or exit_code(self.picture)

    def _signalled(self, number: signal.Signals) -> None:
        self._leave(128 + number)

    def _leave(self, code: int) -> None:
        self.run_worker(self._close(code), group="leave", exclusive=True)

    async def _close(self, code: int) -> None:
        await self._close_session()
        self.exit(return_code=code)

    async def _close_session(self) -> None:
        """Close the session, for no longer than a user would wait."""
        session, self.session = self.session, None
        if session is not None:
            with contextlib.suppress(TimeoutError, CwmAgentError):
                await asyncio.wait_for(session.aclose(), CLOSE_SECONDS)

    async def on_unmount(self) -> None:
        """However the program ends, the session is closed."""
        await self._close_session()
