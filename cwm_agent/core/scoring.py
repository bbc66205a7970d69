"""Predictions beside their facts: said on the bus, and kept in the ledger."""

from __future__ import annotations

from itertools import zip_longest

from cwm_agent.core.bus import Bus
from cwm_agent.core.ledger import Ledger, entry_of
from cwm_agent.core.parts import SessionParts
from cwm_agent.core.tracing import Traced, ending
from cwm_agent.events import Noticed, PredictionScored, ToolCall
from cwm_agent.text import printable_line
from cwm_agent.traces.compare import compare

_SHOWN = 200


class Scores:
    """Scores closed predictions. An open one has no score, and what nobody foretold has none."""

    def __init__(self, parts: SessionParts, bus: Bus) -> None:
        self._model = parts.world_model or ""
        self._session = parts.identity
        self._ledger: Ledger | None = parts.ledger
        self._bus = bus

    def trace(self, number: int, title: str, imagined: Traced, real: Traced) -> None:
        """Nothing is scored where one of them was cut short before any difference: then nothing was foretold."""
        if not imagined.trace.frames or not real.trace.frames:
            return
        found = compare(imagined.trace, real.trace)
        if found.first_divergence is None and not found.exact:
            return
        scored = PredictionScored(
            kind="trace",
            subject=title,
            predicted=ending(imagined.trace),
            fact=ending(real.trace),
            came_true=found.exact,
            sentence=found.sentence,
            trace=number,
        )
        self._keep(scored, found.frames_before_divergence, len(real.trace.frames))

    def test(self, number: int, identity: str, *, passes: bool, failed: bool) -> None:
        """A test's outcome; `failed` is the fact."""
        predicted, fact = ("passed" if passes else "failed"), ("failed" if failed else "passed")
        self._keep(
            PredictionScored(
                kind="test",
                subject=identity,
                predicted=predicted,
                fact=fact,
                came_true=predicted == fact,
                sentence=f"It was imagined to have {predicted}, and it {fact}.",
                trace=number,
            )
        )

    def output(self, call: ToolCall, guessed: str, real: str) -> None:
        """What a command was guessed to print; it came true where every line did."""
        predicted, fact = _first_difference(guessed, real)
        same = guessed.strip() == real.strip()
        sentence = "It printed what was guessed." if same else "It printed something else than was guessed."
        command = printable_line((call.content.strip().splitlines() or [""])[0])[:_SHOWN]
        self._keep(PredictionScored("output", command, predicted, fact, same, sentence))

    def _keep(self, scored: PredictionScored, frames: int = 0, of: int = 0) -> None:
        self._bus.publish(scored)
        if self._ledger is None:
            return
        entry = entry_of(scored, model=self._model, session=self._session, frames=frames, of=of)
        try:
            self._ledger.keep(entry)
        except OSError as error:
            self._bus.publish(Noticed("warning", f"The ledger cannot be written: {error.strerror}."))
            self._ledger = None


def _first_difference(guessed: str, real: str) -> tuple[str, str]:
    """The first two lines that differ, cut to a length; where none do, the last."""
    before, after = guessed.strip().splitlines(), real.strip().splitlines()
    pairs = list(zip_longest(before, after, fillvalue=""))
    pair = next((pair for pair in pairs if pair[0] != pair[1]), pairs[-1] if pairs else ("", ""))
    return printable_line(pair[0])[:_SHOWN], printable_line(pair[1])[:_SHOWN]
