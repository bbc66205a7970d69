"""What there is to say about the end of a run, in sentences."""

from __future__ import annotations

from typing import assert_never

from cwm_agent.core.debugger.run import Run
from cwm_agent.core.debugger.tape import Tape
from cwm_agent.observations import Completed, LimitReached, Origin, Outcome, Unreadable
from cwm_agent.text import printable_line
from cwm_agent.traces.compare import fate
from cwm_agent.traces.divergence import cut
from cwm_agent.traces.frames import FrameKind, Trace

_RAW = 200


def ends(run: Run, *, quiet: bool = False) -> tuple[str, ...]:
    """Why nothing more comes, one sentence or two for each world; `quiet`: not for one that came to its end."""
    named = len(run.tapes) > 1
    tapes = [tape for tape in run.tapes if not quiet or not isinstance(tape.outcome, Completed)]
    return tuple(sentence for tape in tapes for sentence in end(tape, named=named))


def end(tape: Tape, *, named: bool = False) -> tuple[str, ...]:
    """Why nothing more comes from one tape; `named` says which of two it is."""
    which = f"the {tape.origin.value} run" if named else "the run"
    if tape.cut:
        kept = f"{len(tape.frames)} {'frame is' if len(tape.frames) == 1 else 'frames are'} kept"
        return (f"{_capital(which)} was stopped; {kept}.",)
    match tape.outcome:
        case None:
            return ()
        case Completed(code):
            return (f"{_capital(which)} is over{_fate(tape, code)}.",)
        case LimitReached(limit, detail):
            said = f": {printable_line(detail)}" if detail else ""
            return (f"A limit ended {which} after {len(tape.frames)} frames ({limit}{said}).",)
        case Unreadable(raw, reason):
            shown = printable_line(raw[-_RAW:])
            wrote = (
                f"It ends with: {shown}" if len(raw) > _RAW else f"It wrote: {shown}" if raw else "It wrote nothing."
            )
            return (f"The world model wrote what cannot be read, and {which} ends there. {reason}", wrote)
    assert_never(tape.outcome)


def left(trace: Trace, outcome: Outcome | None) -> tuple[FrameKind, str] | None:
    """How the entry was left, where the trace tells it.

    A program that failed may have run more after the entry was left, such as the `__str__` of its exception.
    """
    found = fate(trace)
    failed = isinstance(outcome, Completed) and outcome.exit_code != 0
    return None if failed and found is not None and found[0] is FrameKind.RETURN else found


def _fate(tape: Tape, code: int) -> str:
    found = left(tape.trace(), tape.outcome)
    if found is None:
        return f", with exit code {code}" if code else ""
    kind, value = found
    mark = "as imagined, " if tape.origin is Origin.IMAGINED else ""
    verb = "raised" if kind is FrameKind.EXCEPTION else "returned"
    return f": {mark}{printable_line(tape.frames[-1].function or 'it')} {verb} {cut(value)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
