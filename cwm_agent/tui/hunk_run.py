"""What is imagined of a hunk under review: the answer to the wish, its traces, and the frames in the hunk's lines."""

from __future__ import annotations

from cwm_agent.core.tracing import ending
from cwm_agent.events import HunkImagined, ImagineHunk
from cwm_agent.observations import Origin
from cwm_agent.tui.loupe import Loupe, Place
from cwm_agent.tui.picture import Picture, Traced, TraceRun


class HunkRun:
    """Follows one wish in a picture. `loupe` has the traces; its cursor stands on frames of the hunk alone."""

    def __init__(self, picture: Picture, wish: ImagineHunk) -> None:
        self.wish = wish
        self.answer: HunkImagined | None = None
        self._picture = picture
        self._old = picture.hunk
        self._alone = Picture(picture.title, picture.branch, picture.now)
        self._both: Traced | None = None
        self.loupe = Loupe(self._alone)

    @property
    def model(self) -> str:
        """Who imagines."""
        opened = self._picture.opened
        return (opened.world_model if opened else None) or "a world model"

    @property
    def imagined(self) -> TraceRun | None:
        """The imagined trace, as far as it has come."""
        traced = self._find(self.answer.trace) if self.answer else None
        return traced.imagined if traced else None

    @property
    def real(self) -> TraceRun | None:
        """The real trace of the same call on the same code, where it ran."""
        traced = self._find(self.answer.real) if self.answer and self.answer.real else None
        return traced.real if traced else None

    @property
    def over(self) -> bool:
        """Whether there is nothing more to come."""
        answer, imagined = self.answer, self.imagined
        return answer is not None and (bool(answer.why_not) or (imagined is not None and imagined.outcome is not None))

    def refresh(self) -> None:
        """Look again at the picture."""
        told = self._picture.hunk
        wanted = (self.wish.checkpoint, self.wish.file, self.wish.hunk)
        if told is not None and told is not self._old and (told.checkpoint, told.file, told.hunk) == wanted:
            self.answer = told
        traced = self._traced()
        if traced is not None:
            self._alone.traces = [traced]
            self.loupe.refresh()
            self.step(0)

    def _traced(self) -> Traced | None:
        """The imagined trace, beside the real one once it is whole; the real one alone where nothing was imagined."""
        answer, imagined, real = self.answer, self.imagined, self.real
        traced = self._find(answer.trace) if answer else None
        if answer is None or traced is None or imagined is None or real is None or answer.real == answer.trace:
            return traced
        if imagined.outcome is None:
            return traced
        if not imagined.frames:
            return self._find(answer.real)
        if self._both is None:
            from cwm_agent.traces.compare import compare  # not needed for the first paint

            runs = {Origin.IMAGINED: imagined, Origin.REAL: real}
            self._both = Traced(answer.trace, traced.subject, traced.path, runs, compare(imagined.trace, real.trace))
        return self._both

    def _find(self, number: int) -> Traced | None:
        return next((each for each in reversed(self._picture.traces) if each.number == number), None)

    @property
    def rows(self) -> list[int]:
        """The rows of the loupe that belong to the hunk, and the one where the worlds first differ."""
        return [row for row, place in enumerate(self.loupe.places) if self._shown(place)]

    def _shown(self, place: Place) -> bool:
        if self.answer is None:
            return False
        couple, (first, last) = place.couple, self.answer.lines
        number = couple.after if couple.late else couple.step.frame.line
        inside = couple.step.frame.file == self.answer.path and number is not None and first <= number <= last
        return inside or couple.diverges

    def step(self, step: int) -> None:
        """Go on or back by so many frames of the hunk."""
        places = self.loupe.places
        stops = [row for row in self.rows if not places[row].effect and not places[row].couple.late]
        if stops:
            at = next((number for number, row in enumerate(stops) if row >= self.loupe.row), len(stops) - 1)
            self.loupe.stand_on(stops[max(0, min(len(stops) - 1, at + step))])

    @property
    def endings(self) -> list[tuple[Origin, str]]:
        """How the call ends with the hunk, in each world that came to an end."""
        runs = [run for run in (self.imagined, self.real) if run is not None and run.outcome is not None and run.frames]
        return [(run.origin, ending(run.trace)) for run in runs]
