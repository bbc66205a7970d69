"""Which folders' guidance the user trusts, remembered in our own state, by folder and by the text itself."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from msgspec import Struct

from cwm_agent.resources import private_folder
from cwm_agent.workspace.atomic import replace


class Answer(Struct, frozen=True):
    """What the user said of a text, known by its SHA-256; `time` is seconds since 1970."""

    digest: str
    trusted: bool
    time: float


class TrustBook:
    """One answer for each folder, in a file of ours. A file that cannot be read holds no answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def answers(self) -> dict[str, Answer]:
        """All of them, by the folders' absolute paths."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Answer])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return {}

    def answer(self, folder: str, digest: str) -> bool | None:
        """What was said of this very text in this folder; None where nothing was, or of another text."""
        known = self.answers().get(folder)
        return known.trusted if known is not None and known.digest == digest else None

    def remember(self, folder: str, digest: str, *, trusted: bool) -> None:
        """Keep an answer in place of the folder's last one; OSError where it cannot be written."""
        self._write({**self.answers(), folder: Answer(digest, trusted, time.time())})

    def forget(self, folder: str) -> bool:
        """Take an answer back; whether there was one."""
        answers = self.answers()
        known = answers.pop(folder, None)
        if known is not None:
            self._write(answers)
        return known is not None

    def _write(self, answers: dict[str, Answer]) -> None:
        private_folder(self._path.parent)
        replace(self._path, msgspec.json.encode(answers))
