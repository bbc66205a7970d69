"""What a model says to the user, as it comes."""

from __future__ import annotations


class Speech:
    """Text that grows piece by piece, without the blanks around it."""

    def __init__(self) -> None:
        self.text = ""
        self._blanks = ""

    def add(self, piece: str) -> str:
        """What of it can be shown now."""
        piece = self._blanks + piece if self.text else piece.lstrip()
        shown = piece.rstrip()
        self._blanks = piece[len(shown) :]
        self.text += shown
        return shown
