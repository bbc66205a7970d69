"""Texts as ids by a server's tokenizer that sees separators where they are spelt."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.errors import ModelUnavailable
from cwm_agent.models.encoding import Encoder, apart, split
from cwm_agent.traces.grammar import Special

PARTING = Special.FRAME.value
IDS = {special.value: 1000 + at for at, special in enumerate(Special)}
TEXTS = st.lists(st.one_of(st.text(), st.sampled_from(sorted(IDS)), st.just("<|<|")), max_size=4).map("".join)


class Tokenizer:
    """Bytes, and separators by their own ids. `trims`: it drops blanks beside a separator, as some do."""

    def __init__(self, *, trims: bool = False, fails: bool = False) -> None:
        self.asked: list[str] = []
        self._trims = trims
        self.fails = fails

    async def __call__(self, text: str) -> list[int]:
        self.asked.append(text)
        await asyncio.sleep(0)
        if self.fails:
            raise ModelUnavailable("It is gone.")
        found: list[int] = []
        while text:
            special = next((each for each in IDS if text.startswith(each)), None)
            found += [IDS[special]] if special else list(text[0].encode("utf-8", "surrogatepass"))
            text = text[len(special or text[0]) :]
            if special and self._trims:
                text = text.lstrip()
        return found


def encoder(tokenizer: Tokenizer) -> Encoder:
    return Encoder(tokenizer, PARTING, IDS[PARTING])


async def test_texts_of_one_moment_go_together() -> None:
    tokenizer = Tokenizer()
    made = encoder(tokenizer)
    texts = ["a", "b" + PARTING, "", "a", "é"]
    found = await asyncio.gather(*map(made.encode, texts))
    assert found == [tuple(text.encode()) for text in texts]
    assert len(tokenizer.asked) == 1
    await made.encode("a")
    assert len(tokenizer.asked) == 1
    await made.afresh().encode("a")
    assert len(tokenizer.asked) == 2


async def test_a_tokenizer_that_trims_is_asked_for_each() -> None:
    tokenizer = Tokenizer(trims=True)
    made = encoder(tokenizer)
    await made.check()
    found = await asyncio.gather(made.encode("a"), made.encode("  b"))
    assert found == [(97,), (32, 32, 98)]
    assert await made.afresh().encode(PARTING) == tuple(PARTING.encode())


async def test_a_failure_reaches_all_who_wait_and_passes() -> None:
    tokenizer = Tokenizer(fails=True)
    made = encoder(tokenizer)
    found = await asyncio.gather(made.encode("a"), made.encode("b"), return_exceptions=True)
    assert [type(each) for each in found] == [ModelUnavailable, ModelUnavailable]
    tokenizer.fails = False
    assert await made.encode("a") == (97,)


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    made = encoder(Tokenizer())
    leaving, staying = asyncio.create_task(made.encode("a")), asyncio.create_task(made.encode("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == (97,)
    with pytest.raises(asyncio.CancelledError):
        await leaving


@given(st.lists(TEXTS, max_size=5))
def test_text_stays_text_together_as_alone(texts: list[str]) -> None:
    async def together() -> list[tuple[int, ...]]:
        return await asyncio.gather(*map(encoder(Tokenizer()).encode, texts))

    assert asyncio.run(together()) == [tuple(text.encode("utf-8", "surrogatepass")) for text in texts]


@given(TEXTS)
def test_no_piece_spells_a_separator(text: str) -> None:
    pieces = apart(text)
    assert "".join(pieces) == text
    assert not any(special in piece for piece in pieces for special in IDS)


def test_splitting() -> None:
    assert split([1, 9, 9, 2], 9) == [[1], [], [2]]
    assert split([], 9) == [[]]
