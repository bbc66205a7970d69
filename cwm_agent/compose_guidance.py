"""Whether what a repository says to agents is followed: the user is asked once, and only what is trusted is told."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cwm_agent.resources import state_folder
from cwm_agent.text import printable_line
from cwm_agent.workspace.guidance import Guidance, guidance
from cwm_agent.workspace.trust import TrustBook

if TYPE_CHECKING:
    from cwm_agent.containers.sandbox import Sandbox
    from cwm_agent.core.session import Session

QUESTION = "This repository tells agents how to work in it. Follow that, now and later, as long as the text is this?"
_TAKE_BACK = "To take that back: cwm-agent trust --forget"


def trust_book() -> TrustBook:
    """The answers of this user."""
    return TrustBook(state_folder() / "trust.json")


class Trust:
    """The guidance of one session. Only what its snapshot held at the start counts, never what was written since.

    `wish` is the setting; without `asks` there is nobody to answer, and only what was trusted before is followed.
    """

    def __init__(
        self, found: Guidance, folder: str, wish: Literal["ask", "follow", "ignore"], book: TrustBook, *, asks: bool
    ) -> None:
        self._found = found
        self._folder = folder
        self._wish = wish
        self._book = book
        self._asks = asks
        self._followed = False

    @classmethod
    def of(cls, sandbox: Sandbox, folder: str, wish: Literal["ask", "follow", "ignore"], *, asks: bool) -> Trust:
        """That of a sandbox's snapshot."""
        base = sandbox.snapshot.base
        return cls(guidance(base.stamps, base.read), folder, wish, trust_book(), asks=asks)

    def text(self) -> str:
        """What a policy follows; empty until it is trusted."""
        return self._found.text if self._followed else ""

    async def settle(self, session: Session) -> None:
        """Find out whether to follow it, where there is any, and say so in one notice."""
        if self._wish == "ignore":
            return
        for words in self._found.left_out:
            session.notice("warning", words)
        if not self._found.text:
            return
        names = ", ".join(self._found.names)
        if self._wish == "follow":
            self._followed = True
            session.notice("info", f"{names}: followed, because the setting `guidance` or --trust says so.")
            return
        self._followed = await self._trusted(session)
        if self._followed:
            session.notice("info", f"{names}: followed, because you trust it.", _TAKE_BACK)
        else:
            remedy = _TAKE_BACK if self._asks else "To follow it: --trust, or say yes once in a session at a terminal."
            session.notice("info", f"{names}: not followed. It is a file like any other.", remedy)

    async def _trusted(self, session: Session) -> bool:
        known = self._book.answer(self._folder, self._found.digest)
        if known is not None or not self._asks:
            return known is True
        allowed = await session.ask(QUESTION, self._found.text)
        if session.closed:
            return False  # nobody answered
        try:
            self._book.remember(self._folder, self._found.digest, trusted=allowed)
        except OSError as error:
            session.notice("warning", f"Your answer is not remembered: {error.strerror}: {error.filename}")
        return allowed


def answers_in_words() -> str:
    """Of how many folders the guidance is followed, and of how many refused; empty where nothing was asked yet."""
    answers = trust_book().answers().values()
    followed = sum(answer.trusted for answer in answers)
    return f"AGENTS.md: followed in {followed} folders, refused in {len(answers) - followed}" if answers else ""


def show(repo: Path, *, forget: bool) -> int:
    """Print which folders' guidance is followed, or forget the answer for one; the exit code."""
    from cwm_agent.workspace.repository import Repository

    book = trust_book()
    if forget:
        folder = Repository.open(repo, create=True).root
        known = book.forget(folder)
        print(f"{printable_line(folder)}: {'forgotten; it is asked again' if known else 'there was no answer'}")
        return 0
    for folder, answer in sorted(book.answers().items()):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(answer.time))
        gone = "" if Path(folder).is_dir() else "  (the folder is gone)"
        print(f"{'followed' if answer.trusted else 'refused':<9} {when}  {printable_line(folder)}{gone}")
    return 0
