"""Commands that are no one screen's own: other screens, other programs, and what is answered by a text."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, assert_never

from textual.app import SuspendNotSupported

from cwm_agent.commands import Consult, Name, debugging, pinning
from cwm_agent.editor import edit_in_editor
from cwm_agent.errors import CwmAgentError, UsageError
from cwm_agent.events import Compact, Rewind, UndoApply, Unqueue
from cwm_agent.text import printable_line
from cwm_agent.tui import theme as themes
from cwm_agent.tui.screens.live import Wants
from cwm_agent.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from cwm_agent.tui.app import CwmApp
    from cwm_agent.tui.desk import Desk
    from cwm_agent.tui.screens.welcome import Examine


class Errands:
    """Does them for an application; `consult` answers what a text can answer."""

    def __init__(self, app: CwmApp, main: MainScreen, consult: Consult | None) -> None:
        self._app = app
        self._main = main
        self._consult = consult
        self._desk: Desk | None = None

    def do(self, name: Name, argument: str) -> None:  # noqa: C901  one match over the commands
        """Carry a command out."""
        match name:
            case "help":
                self._open_help()
            case "review":
                self._open_review(ready=False)
            case "apply":
                self._open_review(ready=True)
            case "undo":
                self._main.post_message(Wants(UndoApply()))
            case "compact":
                self._main.post_message(Wants(Compact()))
            case "unqueue":
                self._main.post_message(Wants(Unqueue()))
            case "pin":
                self._pin()
            case "rewind":
                self._open_rewind()
            case "theme":
                self._set_theme(argument)
            case "editor":
                self._edit_prompt()
            case "quit":
                self._app.action_leave()
            case "mode" | "trace" | "diff" | "tests" | "shell" | "copy" | "best-of":
                self._main.action_open(name, argument)
            case "sessions":
                self._open_sessions()
            case "model" | "context" | "ledger" | "export" | "doctor":
                self._app.run_worker(self._answer(name, argument), group="answers")
            case "resume":
                self._resume(argument) if argument else self._open_sessions()
            case "debug":
                self._debug(argument)
            case _:
                assert_never(name)

    async def _answer(self, name: Name, argument: str) -> None:
        session = self._app.session
        if session is None or self._consult is None:
            self._main.hint("The sandbox is not open yet.")
            return
        try:
            self._app.say("quiet", await self._consult(session, name, argument))
        except CwmAgentError as error:
            self._app.say("error", error.message, error.remedy)

    def welcome(self, examine: Examine) -> None:
        """What a user is shown the first time."""
        from cwm_agent.tui.screens.welcome import WelcomeScreen

        def begin(choice: str | None) -> None:
            if choice == "demo":
                self._app.wants_demo = True
                self._app.action_leave()

        self._app.push_screen(WelcomeScreen(examine), begin)

    # What only these need is imported when they are opened: the first paint does not wait for it

    def _open_help(self) -> None:
        from cwm_agent.tui.screens.help import HelpScreen

        self._app.push_screen(HelpScreen())

    def _open_rewind(self) -> None:
        from cwm_agent.tui.screens.rewind import RewindScreen

        def rewind(checkpoint: int | None) -> None:
            if checkpoint is not None:
                self._main.post_message(Wants(Rewind(checkpoint)))

        self._app.push_screen(RewindScreen(self._app.picture.checkpoints), rewind)

    def _open_sessions(self) -> None:
        from cwm_agent.tui.screens.sessions import SessionsScreen

        session, opened = self._app.session, self._app.picture.opened
        if session is None or opened is None:
            self._main.hint("The sandbox is not open yet.")
            return

        def take_up(name: str | None) -> None:
            if name is not None:
                self._resume(name)

        self._app.push_screen(SessionsScreen(opened.repository, session.identity), take_up)

    def _resume(self, name: str) -> None:
        """Leave for another session; this one stays open where that one cannot be taken up."""
        from cwm_agent.core import sessions

        session, opened = self._app.session, self._app.picture.opened
        if session is None or opened is None:
            self._main.hint("The sandbox is not open yet.")
            return
        try:
            folder = sessions.another(name, session.identity, opened.repository)
        except CwmAgentError as error:
            self._app.say("error", error.message, error.remedy)
        else:
            self._app.resume(folder.name)

    def _open_review(self, *, ready: bool) -> None:
        from cwm_agent.tui.desk import Desk
        from cwm_agent.tui.screens.review import ReviewScreen

        review, picture = self._app.review(), self._app.picture
        if review is None or not review.files:
            self._main.hint("There is no patch to review yet.")
            return
        checkpoint = picture.proposal.checkpoint if picture.proposal else picture.last_checkpoint
        if self._desk is None or self._desk.review is not review or (ready and not self._desk.decisions):
            self._desk = Desk(review, review.default_decisions() if ready else ())
        self._app.push_screen(ReviewScreen(self._desk, checkpoint, picture, ready=ready))

    def _set_theme(self, argument: str) -> None:
        names = {"dark": themes.DARK, "light": themes.LIGHT, "ansi": themes.ANSI}
        ours = list(names.values())
        now = self._app.theme
        after = ours[(ours.index(now) + 1) % len(ours)] if now in ours else themes.DARK
        self._app.theme = names.get(argument, after)

    def _edit_prompt(self) -> None:
        try:
            with self._app.suspend():
                written = edit_in_editor(self._main.draft.encode(), ".md")
        except (OSError, SuspendNotSupported) as error:
            self._main.hint(f"The editor could not be used: {printable_line(str(error))}")
            return
        self._main.put(written.decode("utf-8", "replace").rstrip("\n"))

    def _pin(self) -> None:
        try:
            self._main.post_message(Wants(pinning(self._app.session.history if self._app.session else ())))
        except UsageError as error:
            self._main.hint(f"{error.message} {error.remedy}")

    def _debug(self, argument: str) -> None:
        """The debugger's own prompt, in place of the screen for a while; it works on the user's files as they are."""
        try:
            command = debugging(argument, self._app.picture.mode)
            with self._app.suspend():
                subprocess.run(command, check=False)
        except UsageError as error:
            self._main.hint(error.remedy)
        except (OSError, SuspendNotSupported) as error:
            self._main.hint(f"The debugger could not be used: {printable_line(str(error))}")
