"""A review in the making: the hunk in view, and what the user has decided so far. Pure state, no screen."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cwm_agent.events import Decision
from cwm_agent.text import printable
from cwm_agent.workspace.diff import Hunk, has_lines
from cwm_agent.workspace.review import Review, ReviewFile

State = Literal["undecided", "accept", "reject", "edit", "mixed"]


class Tally(Struct, frozen=True):
    """How many hunks are decided in which way, and in how many files something is accepted."""

    hunks: int
    accepted: int
    rejected: int
    undecided: int
    files: int


class Desk:
    """Decisions on the hunks of a review; what has none is not accepted."""

    def __init__(self, review: Review, decisions: tuple[Decision, ...] = ()) -> None:
        self.review = review
        self.places = [(f, h) for f, file in enumerate(review.files) for h in range(len(file.hunks))]
        self.at = 0
        self._decided = {(each.file, each.hunk): each for each in decisions}
        self._returned: tuple[Decision, ...] | None = None

    @property
    def returned(self) -> bool:
        """Whether the policy was given just these decisions, and nothing of the patch was taken."""
        return self._returned is not None and self._returned == self.decisions

    def give_back(self) -> None:
        """Remember what is decided now, where the policy is all that gets it."""
        self._returned = None if self.tally().accepted else self.decisions

    @property
    def place(self) -> tuple[int, int]:
        """The file and the hunk in view."""
        return self.places[self.at]

    @property
    def file(self) -> ReviewFile:
        """The file in view."""
        return self.review.files[self.place[0]]

    @property
    def hunk(self) -> Hunk:
        """The hunk in view."""
        return self.file.hunks[self.place[1]]

    @property
    def editable(self) -> bool:
        """Whether the hunk in view has lines that can be written anew."""
        has_some = bool(self.hunk.old_lines or self.hunk.new_lines)
        return has_some and has_lines(self.file.change) and self.file.change.new is not None

    def move(self, step: int) -> bool:
        """Go to another hunk; False at either end."""
        at = max(0, min(len(self.places) - 1, self.at + step))
        moved, self.at = at != self.at, at
        return moved

    def move_file(self, step: int) -> None:
        """Go to the first hunk of another file."""
        wanted = max(0, min(len(self.review.files) - 1, self.place[0] + step))
        self.at = next(number for number, (file, _) in enumerate(self.places) if file == wanted)

    def decision(self, file: int, hunk: int) -> Decision | None:
        """What was decided on a hunk."""
        return self._decided.get((file, hunk))

    def state(self, file: int, hunk: int) -> State:
        """The verdict on a hunk."""
        decided = self._decided.get((file, hunk))
        return decided.verdict if decided else "undecided"

    def file_state(self, file: int) -> State:
        """The verdict on a whole file, `mixed` where its hunks differ."""
        states = {self.state(file, hunk) for hunk in range(len(self.review.files[file].hunks))}
        return states.pop() if len(states) == 1 else "mixed"

    def decide(self, verdict: Literal["accept", "reject"], note: str = "") -> None:
        """Decide on the hunk in view."""
        self._decided[self.place] = Decision(*self.place, verdict, note)

    def edit(self, new: bytes) -> None:
        """Take the hunk in view with other lines."""
        if new == b"".join(self.hunk.new_lines):
            self.decide("accept")
        else:
            self._decided[self.place] = Decision(*self.place, "edit", edited=new)

    def decide_file(self, verdict: Literal["accept", "reject"]) -> None:
        """Decide on every hunk of the file in view."""
        number = self.place[0]
        for hunk in range(len(self.file.hunks)):
            self._decided[number, hunk] = Decision(number, hunk, verdict)

    def toggle(self) -> None:
        """Accept what is not accepted, and clear what is."""
        if self.state(*self.place) == "accept":
            del self._decided[self.place]
        else:
            self.decide("accept")

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, in the review's order."""
        return tuple(self._decided[place] for place in self.places if place in self._decided)

    def tally(self) -> Tally:
        """The numbers for the bar."""
        taken = [each for each in self.decisions if each.verdict != "reject"]
        rejected = len(self.decisions) - len(taken)
        return Tally(
            hunks=len(self.places),
            accepted=len(taken),
            rejected=rejected,
            undecided=len(self.places) - len(self.decisions),
            files=len({each.file for each in taken}),
        )


def text_of(lines: tuple[bytes, ...]) -> tuple[str, bytes]:
    """A hunk's new lines as text to edit, with LF between them, and the line ending that they have.

    ValueError where the text could not be shown as it is, or would not come back the same: it is not UTF-8, mixes line
    endings, or holds characters that must not be printed.
    """
    raw = b"".join(lines)
    ending = b"\r\n" if raw.count(b"\r\n") == raw.count(b"\n") > 0 else b"\n"
    text = raw.decode("utf-8")
    if ending == b"\r\n":
        text = text.replace("\r\n", "\n")
    if printable(text) != text:
        raise ValueError("it holds characters that cannot be shown")
    return text, ending


def bytes_of(text: str, ending: bytes) -> bytes:
    """The way back: the edited text with the line ending that the hunk had."""
    return text.encode("utf-8").replace(b"\n", ending)
