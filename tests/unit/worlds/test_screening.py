"""Candidates in order of what is imagined of them: every one comes out once, and trust alone moves it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from cwm_agent.observations import Completed, Finished, FrameReached, Limits, Origin, Request, TraceCall, WorldEvent
from cwm_agent.protocols import Candidate, Screener, Sources
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.worlds.screening import ImaginedScreener
from tests.unit.forager.doubles import Repository

TEST = "from m import f\n\n\ndef test_f():\n    assert f() == 1\n\n\ndef test_g(tmp_path):\n    assert f()\n"
FILES = {"m.py": "# fail -0.1", "test_m.py": TEST}
FAILING = ("test_m.py::test_f",)


class Reads:
    """A world that imagines from the candidate's text alone: `pass`, `fail` or `cut`, and how sure it is."""

    def __init__(self, files: Sources) -> None:
        self._files = files

    @property
    def origin(self) -> Origin:
        return Origin.IMAGINED

    async def run(self, request: Request, limits: Limits) -> AsyncIterator[WorldEvent]:
        assert isinstance(request, TraceCall)
        assert request.entry == "test_f()"
        text = (await self._files.read(b"m.py")).content.decode()
        what, logprob = text.strip("# ").split()
        call = Frame(event=FrameKind.CALL, file="t", function="f", line=1, depth=0, source="", locals={})
        yield FrameReached(call)
        end = {"pass": FrameKind.RETURN, "fail": FrameKind.EXCEPTION}.get(what)
        if end is None:
            yield Finished(Completed(0))
            return
        value, said = ("None" if what == "pass" else "E: "), {"<value>": float(logprob)}
        last = replace(call, event=end, value=value, logprobs=said)
        yield FrameReached(last)
        yield Finished(Completed(0))

    async def aclose(self) -> None:
        pass


def trusted(confidence: float) -> float:
    return 0.9 if confidence > 0.5 else 0.1


async def candidates(texts: Sequence[str], seconds: float = 0.0) -> AsyncIterator[Candidate]:
    for number, text in enumerate(texts, 1):
        if seconds:
            time.sleep(seconds)  # noqa: ASYNC251 -- what makes candidates computes
        yield Candidate(number, {"m.py": text})


async def order(screener: Screener, texts: Sequence[str], failing: Sequence[str] = FAILING) -> list[int]:
    return [each.number async for each in screener.rank(candidates(texts), failing)]


async def test_what_is_trusted_to_pass_comes_first_and_what_to_fail_last() -> None:
    screener = ImaginedScreener(Reads, Repository(FILES), trusted, 60)
    texts = ["# fail -0.1", "# pass -5", "# pass -0.1", "# cut -0.1", "# fail -5", "# pass -0.2"]
    assert await order(screener, texts) == [3, 6, 2, 4, 5, 1]
    assert screener.imagined == 1 + 6


async def test_a_model_that_is_never_right_changes_nothing() -> None:
    screener = ImaginedScreener(Reads, Repository(FILES), lambda _: 0.0, 60)
    assert await order(screener, ["# fail -0.1", "# pass -0.1"] * 3) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("failing", [(), ("test_m.py::test_g",), ("test_m.py::test_f[1]",), ("gone.py::test_f",)])
async def test_a_test_that_cannot_be_called_is_not_imagined(failing: tuple[str, ...]) -> None:
    screener = ImaginedScreener(Reads, Repository(FILES), trusted, 60)
    assert await order(screener, ["# fail -0.1", "# pass -0.1"], failing) == [1, 2]
    assert screener.imagined == 0


async def test_what_comes_after_its_time_keeps_its_place() -> None:
    screener = ImaginedScreener(Reads, Repository(FILES), trusted, 0.05)
    texts = ["# fail -0.1", "# pass -0.1", *["# pass -0.1"] * 40]
    ranked = [each.number async for each in screener.rank(candidates(texts, 0.01), FAILING)]
    assert sorted(ranked) == list(range(1, 43))
    assert 0 < screener.imagined < 20
    assert ranked[-10:] == list(range(33, 43))


@pytest.mark.parametrize("unchanged", ["# pass -0.1", "# fail -5", "# cut -0.1"])
async def test_a_model_that_does_not_see_why_the_test_fails_is_asked_nothing_more(unchanged: str) -> None:
    screener = ImaginedScreener(Reads, Repository(FILES | {"m.py": unchanged}), trusted, 60)
    assert await order(screener, ["# fail -0.1", "# pass -0.1"]) == [1, 2]
    assert screener.imagined == 1
