"""Commands that a text answers, in any front end: the model, its context, the ledger, sessions, export, doctor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cwm_agent.commands import Consult, Name
from cwm_agent.errors import CwmAgentError, UsageError
from cwm_agent.events import Progressed, SessionOpened
from cwm_agent.settings import Settings
from cwm_agent.text import printable_line, printable_name
from cwm_agent.workspace.repository import Repository

if TYPE_CHECKING:
    from cwm_agent.core.session import Session

_MOST = 20
_EXPORT = "Write /export markdown FILE, or /export patch FILE."


def consulting(settings: Settings) -> Consult:
    """Answers for sessions that were opened with these settings."""

    async def consult(session: Session, name: Name, argument: str) -> str:
        match name:
            case "model":
                return _model(settings, session)
            case "context":
                return _context(session)
            case "ledger":
                return _ledger()
            case "sessions":
                return await asyncio.to_thread(_sessions, session)
            case "export":
                return await asyncio.to_thread(_export, session, argument)
            case "doctor":
                return await asyncio.to_thread(_doctor, settings)
            case _:
                raise UsageError(f"/{name} is not answered by a text.")

    return consult


def _opened(session: Session) -> SessionOpened:
    return next(event for event in session.history if isinstance(event, SessionOpened))


def _model(settings: Settings, session: Session) -> str:
    opened = _opened(session)
    chat = settings.chat
    at = f", {chat.model or 'the only model'} at {chat.url}," if opened.policy == "chat" and chat.url else ""
    lines = [printable_line(f"{opened.policy}{at} decides.")]
    if opened.world_model:
        lines.append(f"{printable_line(opened.world_model)} imagines, by the method {settings.world.method}.")
    else:
        lines.append("Nothing is imagined: there is no world model.")
    lines.append("Another one is named when a session is opened: --model-url, --chat-url, --policy, or the settings.")
    return "\n".join(lines)


def _context(session: Session) -> str:
    """What the policy said of it when it was last asked."""
    for event in reversed(session.history):
        if isinstance(event, Progressed) and event.label == "context" and event.total:
            share = event.done / event.total
            return f"{event.done:,} of {event.total:,} tokens ({share:.0%}) as of the last reply."
    if _opened(session).policy == "forager":
        return "The forager keeps no conversation: it has no context to fill."
    return "The model has not been asked yet."


def _ledger() -> str:
    from cwm_agent.core.ledger import Ledger, table

    return table(Ledger().read())


def _sessions(session: Session) -> str:
    from cwm_agent.compose_sessions import in_a_line
    from cwm_agent.core import sessions

    here = _opened(session).repository
    found = [each for each in sessions.list_sessions() if each.repository == here]
    lines = [in_a_line(each) + ("  ← this one" if each.identity == session.identity else "") for each in found[:_MOST]]
    more = [f"… and {len(found) - _MOST} older: cwm-agent sessions list"] if len(found) > _MOST else []
    return "\n".join([*lines, *more])


def _export(session: Session, argument: str) -> str:
    """Write it to a file of the user's own naming; one that is there already is left alone."""
    from cwm_agent.core import export

    what, _, name = argument.partition(" ")
    if what not in ("markdown", "patch") or not name.strip():
        raise UsageError("It does not say what to export, and where to.", remedy=_EXPORT)
    if what == "markdown":
        content = export.markdown(session.history).encode()
    else:
        review = session.review()
        if review is None:
            raise UsageError("There is no patch to export yet.")
        content = export.patch(review.changes)
    return export.write(Path(name.strip()).expanduser(), content)


def _doctor(settings: Settings) -> str:
    from cwm_agent.doctor import examine, in_words

    return "\n".join(in_words(examine(settings)))


def file_names(repository: Repository) -> Callable[[], Sequence[str]]:
    """The files of a repository as a user names them, listed when they are first asked for."""

    @cache
    def names() -> Sequence[str]:
        from cwm_agent.workspace.listing import list_files

        try:
            return sorted(printable_name(path) for path in list_files(repository).files)
        except (CwmAgentError, OSError):
            return ()

    return names
