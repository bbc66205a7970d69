"""A debugged run as a pytest test: what the call returned or raised, as the trace tells it."""

from __future__ import annotations

from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.words import end
from cwm_agent.core.pins.calls import call_of, called
from cwm_agent.core.pins.expected import Test, TracedCall, expected
from cwm_agent.errors import UsageError


def as_test(debugger: Debugger) -> Test:
    """The test that holds what this run showed, the real one where there are two; UsageError says why there is none."""
    if debugger.edits:
        raise UsageError(
            "This run goes on from an edited state, which no call of the program has.", remedy="`reset`, then save."
        )
    tape = debugger.run.tapes[-1]
    traced = TracedCall(
        source=debugger.source,
        path=debugger.path,
        entry=debugger.entry,
        trace=tape.trace(),
        outcome=tape.outcome,
        origin=tape.origin,
    )
    return expected(traced, unfinished=" ".join(end(tape)) or "`last` goes there.")


def default_name(debugger: Debugger) -> str:
    """The file's name where the user gives none."""
    return f"test_{called(call_of(debugger.entry))}.py"
