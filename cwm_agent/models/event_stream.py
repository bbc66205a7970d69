"""An event stream (`text/event-stream`) read from its bytes, however they are split. Pure."""

from __future__ import annotations

DONE = b"[DONE]"
LONGEST = 4 * 1024**2
"""Bytes that one line may have; a longer one is no event of a model."""
_DATA = b"data:"


class EventStream:
    """Gives the data of each event as soon as its line is whole; `done` once the server has said that it is.

    Lines end at a newline and nowhere else: text in JSON may hold other characters that part lines on a screen.
    """

    def __init__(self) -> None:
        self.done = False
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data that is now whole, up to the end of the stream; ValueError for a line that has none."""
        if self.done:
            return []
        first, *rest = chunk.split(b"\n")
        self._held.append(first)
        self._size += len(first)
        found: list[bytes] = []
        if rest:
            lines = [b"".join(self._held), *rest]
            self._held = [lines.pop()]
            self._size = len(self._held[0])
            for line in lines:
                if not line.startswith(_DATA):
                    continue
                data = line[len(_DATA) :].strip()
                if data == DONE:
                    self.done = True
                    break
                found.append(data)
        if self._size > LONGEST:
            raise ValueError(f"a line of more than {LONGEST // 1024**2} MiB")
        return found
