"""Reading what a model takes for a tool's output, while it writes it."""

from __future__ import annotations

from cwm_agent.models.chat_format.messages import OUTPUT_END
from cwm_agent.models.chat_format.reply import overlap


class OutputReader:
    """Gives the output piece by piece, up to its end; `over` once that was read. What comes behind it is no output."""

    def __init__(self) -> None:
        self.over = False
        self._held = ""

    def feed(self, text: str) -> str:
        """What is certain with this piece."""
        if self.over:
            return ""
        output, end, _ = (self._held + text).partition(OUTPUT_END)
        self.over = bool(end)
        keep = 0 if self.over else overlap(output, OUTPUT_END)
        self._held = output[len(output) - keep :]
        return output[: len(output) - keep]

    def close(self) -> str:
        """What was held back, where the model's turn ended without a closing tag."""
        held, self._held = self._held, ""
        return held
