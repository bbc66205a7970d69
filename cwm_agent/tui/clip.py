"""Output that may be endless, kept within bounds for the screen."""

from __future__ import annotations

from itertools import chain

HEAD = 64 * 1024
TAIL = 192 * 1024


class Clip:
    """The beginning and the end of a stream of text; what is cut between them is counted in characters."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._tail: list[str] = []
        self._head_size = 0
        self._tail_size = 0
        self.cut = 0
        self._breaks = 0

    def add(self, piece: str) -> None:
        """Append a piece."""
        self._breaks += piece.count("\n")
        room = HEAD - self._head_size
        if room > 0:
            self._head.append(piece[:room])
            self._head_size += len(piece[:room])
            piece = piece[room:]
        if not piece:
            return
        self._tail.append(piece)
        self._tail_size += len(piece)
        if self._tail_size > 2 * TAIL:
            whole = "".join(self._tail)
            self.cut += len(whole) - TAIL
            self._tail, self._tail_size = [whole[-TAIL:]], TAIL

    def text(self) -> str:
        """What was kept, with a line that says how much was not."""
        gap = f"\n… {self.cut:,} characters are not shown …\n" if self.cut else ""
        return "".join(self._head) + gap + "".join(self._tail)

    def lines(self) -> list[str]:
        """The kept text as lines, without the empty one after the last newline."""
        return self.text().replace("\r\n", "\n").rstrip("\n").split("\n") if self else []

    def end(self, count: int) -> tuple[int, list[str]]:
        """The last lines, at most `count`, and how many stand before them: without a look at all the rest."""
        pieces: list[str] = []
        found, whole, last = 0, "", ""
        for piece in chain(reversed(self._tail), reversed(self._head)):
            pieces.append(piece)
            found += piece.count("\n")
            if found >= count:
                whole = "".join(reversed(pieces)).replace("\r\n", "\n")
                last = whole.rstrip("\n")
                if last.count("\n") >= count:
                    break
        else:
            whole = "".join(reversed(pieces)).replace("\r\n", "\n")
            last = whole.rstrip("\n")
        lines = last.split("\n")[-count:] if self else []
        return max(0, self._breaks - len(whole) + len(last) + 1 - len(lines)) if self else 0, lines

    def __bool__(self) -> bool:
        return self._head_size > 0
