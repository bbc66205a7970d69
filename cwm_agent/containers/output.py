"""A command's output as text: UTF-8 decoded piece by piece, U+FFFD for what is not, a line for what was cut."""

from __future__ import annotations

import codecs

_CONTINUATION = bytes(range(0x80, 0xC0))


class OutputText:
    """Bytes in, text out; a character may be cut at any place, and no half of one shows beside the cut middle."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._after_cut = False

    def feed(self, data: bytes) -> str:
        """The text that is now complete; may be empty."""
        if self._after_cut:
            self._after_cut = False
            data = data[:3].lstrip(_CONTINUATION) + data[3:]
        return self._decoder.decode(data)

    def cut(self, left_out: int) -> str:
        """So many bytes are missing here: the words that say so."""
        self._decoder.reset()
        self._after_cut = True
        return f"\n… {left_out:,} bytes left out …\n"

    def finish(self) -> str:
        """What was waiting for the rest of a character that never came."""
        return self._decoder.decode(b"", final=True)
