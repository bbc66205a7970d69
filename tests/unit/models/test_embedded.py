"""An embedded model as a TraceModel: its answers, their ends and limits, and what it keeps between them."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cwm_agent.errors import LimitError, ModelUnavailable, UsageError
from cwm_agent.models.embedded import EmbeddedModel
from cwm_agent.models.generation import PORTION
from cwm_agent.models.slots import Slots
from cwm_agent.protocols import Sampling, Token, TraceModel
from cwm_agent.traces.grammar import Special
from tests.unit.models import tiny

PROMPT = tuple(range(40, 60))


class Counting:
    """An engine that notes what it reads, and waits while its gate is shut."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.read_tokens: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Event()

    def memory(self) -> Any:
        return self._engine.memory()

    def read(self, ids: Sequence[int], memory: Any) -> Any:
        self.read_tokens.append(len(ids))
        self.began.set()
        assert self.gate.wait(30)
        return self._engine.read(ids, memory)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("model") / "tiny"
    tiny.write(made)
    return made


@pytest.fixture
async def model(folder: Path) -> AsyncIterator[EmbeddedModel]:
    made = await EmbeddedModel.load(folder)
    yield made
    await made.aclose()


def counted(model: EmbeddedModel) -> Counting:
    """Make the model's engine count, with nothing kept yet."""
    counting = Counting(model._means.engine)
    model._means = replace(model._means, engine=counting, slots=Slots(counting, 4))
    return counting


async def reading(counting: Counting) -> None:
    """Wait until the engine reads."""
    assert await asyncio.to_thread(counting.began.wait, 30)


async def answer(model: EmbeddedModel, prompt: Sequence[int] = PROMPT, **sampling: Any) -> list[Token]:
    return [token async for token in model.complete(prompt, Sampling(**({"max_tokens": 12} | sampling)))]


def ids(tokens: Sequence[Token]) -> list[int]:
    return [token.id for token in tokens]


async def test_it_is_a_trace_model(model: EmbeddedModel) -> None:
    met: TraceModel = model
    assert (met.name, met.context_tokens) == ("tiny", 512)
    assert met.vocabulary.id(Special.BEGIN) == 263


@pytest.mark.parametrize("seed", range(3))
async def test_its_answer_is_that_of_the_plain_computation(tmp_path: Path, seed: int) -> None:
    config = tiny.write(tmp_path, seed=seed)
    named = tiny.weights(config, seed)
    model = await EmbeddedModel.load(tmp_path)
    text = [*PROMPT]
    for token in await answer(model):
        logits = tiny.reference(config, named, text)[-1]
        logits[278:] = -np.inf  # the tokenizer has no token for these
        best = int(logits.argmax())
        assert token.id == best or logits[best] - logits[token.id] < 0.01
        shares = np.exp(np.array(logits) - logits.max())
        assert token.logprob == pytest.approx(math.log(shares[token.id] / shares.sum()), abs=0.01)
        text.append(token.id)
    await model.aclose()


async def test_an_id_without_a_token_is_never_written(model: EmbeddedModel) -> None:
    tokens = [token for _ in range(20) for token in await answer(model, temperature=50.0, max_tokens=40)]
    assert max(ids(tokens)) < 278
    assert len({*ids(tokens)}) > 150


@settings(max_examples=15, deadline=None)
@given(prompts=st.lists(st.lists(st.integers(20, 22), min_size=1, max_size=90), min_size=1, max_size=9))
async def test_what_is_kept_changes_no_answer(folder: Path, prompts: list[list[int]]) -> None:
    keeping, fresh = await EmbeddedModel.load(folder, slots=2), await EmbeddedModel.load(folder)
    for prompt in prompts:
        counted(fresh)
        kept, alone = await answer(keeping, prompt), await answer(fresh, prompt)
        assert ids(kept) == ids(alone)
        assert [each.logprob for each in kept] == pytest.approx([each.logprob for each in alone], abs=1e-3)
    await fresh.aclose()
    await keeping.aclose()


async def test_only_what_is_new_is_read(model: EmbeddedModel) -> None:
    counting = counted(model)
    first = await answer(model)
    assert counting.read_tokens == [20] + [1] * 11
    counting.read_tokens.clear()
    await answer(model, [*PROMPT, *ids(first), 7, 8], max_tokens=1)
    assert counting.read_tokens == [3]  # the last token of an answer was not read yet
    await answer(model, [*PROMPT, *ids(first)[:4], 9], max_tokens=1)
    assert counting.read_tokens == [3, 1]
    await answer(model, [*PROMPT, *ids(first)[:4], 9], max_tokens=1)
    assert counting.read_tokens == [3, 1, 1]


async def test_texts_that_part_early_are_kept_side_by_side(model: EmbeddedModel) -> None:
    counting = counted(model)
    one, other = [*PROMPT, *[1] * 100], [*PROMPT, *[2] * 100]
    for prompt in (one, other, one, other):
        await answer(model, prompt, max_tokens=1)
    assert counting.read_tokens == [120, 100, 1, 1]


async def test_of_many_texts_the_one_not_used_for_longest_is_forgotten(model: EmbeddedModel) -> None:
    counting = counted(model)
    texts = [[number] * 100 for number in range(5)]
    for text in (*texts, texts[1], texts[0], texts[2]):
        await answer(model, text, max_tokens=1)
    assert counting.read_tokens == [100] * 5 + [1, 100, 100]


async def test_two_answers_at_once_are_those_of_each_alone(model: EmbeddedModel) -> None:
    prompts = [PROMPT, [*PROMPT, 5], PROMPT, [9, 9], [*PROMPT[:10], 3], [7]]
    together = await asyncio.gather(*(answer(model, prompt) for prompt in prompts))
    for prompt, found in zip(prompts, together, strict=True):
        counted(model)
        assert ids(found) == ids(await answer(model, prompt))


async def test_leaving_ends_the_work(model: EmbeddedModel) -> None:
    counting = counted(model)
    async with aclosing(model.complete(PROMPT, Sampling(max_tokens=400))) as tokens:
        await anext(tokens)
        await anext(tokens)
    await asyncio.sleep(0.05)
    assert counting.read_tokens == [20, 1]
    await answer(model, max_tokens=1)
    assert counting.read_tokens == [20, 1, 1]


async def test_a_cancelled_prompt_is_left_after_its_portion(model: EmbeddedModel) -> None:
    counting = counted(model)
    counting.gate.clear()
    task = asyncio.create_task(answer(model, [3] * 500))
    await reading(counting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    counting.gate.set()
    await answer(model, [3] * 500, max_tokens=1)
    assert counting.read_tokens == [PORTION, 500 - PORTION]


async def test_the_event_loop_goes_on_meanwhile(model: EmbeddedModel) -> None:
    counting = counted(model)
    counting.gate.clear()
    task = asyncio.create_task(answer(model, max_tokens=1))
    await reading(counting)
    assert not task.done()
    counting.gate.set()
    assert len(await task) == 1


async def test_a_prompt_that_leaves_no_room(model: EmbeddedModel) -> None:
    with pytest.raises(LimitError, match="512 tokens, and the model takes 512"):
        await answer(model, [1] * 512)
    assert len(await answer(model, [1] * 509, max_tokens=100, stop=())) <= 3
    assert await answer(model, max_tokens=0) == []


@pytest.mark.parametrize("prompt", [[], [-1], [281], [5, 1000]])
async def test_a_prompt_of_no_tokens_or_others(model: EmbeddedModel, prompt: list[int]) -> None:
    with pytest.raises(UsageError, match="0 to 280"):
        await answer(model, prompt)


async def test_a_stop_is_no_part_of_the_answer(model: EmbeddedModel) -> None:
    whole = ids(await answer(model))
    stop = next(each for each in whole[1:] if each != whole[0])
    found = ids(await answer(model, stop=(stop,)))
    assert found == whole[: whole.index(stop)]


async def test_an_end_of_the_models_own_is_told_and_ends(model: EmbeddedModel) -> None:
    end = model.vocabulary.id(Special.END)
    for _ in range(60):
        found = ids(await answer(model, temperature=30.0, max_tokens=60))
        assert not {*found[:-1]} & {*model.vocabulary.stop_ids()}
        if found[-1] == end:
            break
    else:
        pytest.fail("no answer came to its end")


async def test_a_choice_is_kept_to(model: EmbeddedModel) -> None:
    kinds = 'root ::= "<|line_sep|>" | "<|return_sep|>"'
    found = [await answer(model, [number, 3], grammar=kinds) for number in range(30)]
    allowed = {model.vocabulary.id(Special.LINE), model.vocabulary.id(Special.RETURN)}
    assert all(len(each) == 1 for each in found)
    assert {each[0].id for each in found} == allowed
    lines = 'root ::= "    return a\\n" | "    n = \\"<|line_sep|>\\"\\n"'
    for number in range(10):
        tokens = await answer(model, [number, 3], grammar=lines, max_tokens=100)
        assert "".join(each.text for each in tokens) in ("    return a\n", '    n = "<|line_sep|>"\n')
        assert not {*ids(tokens)} & {*model.vocabulary.specials()}


async def test_a_grammar_is_refused_with_the_way_out(model: EmbeddedModel) -> None:
    assert model.grammars == "choices"
    with pytest.raises(UsageError, match="stepwise"):
        await answer(model, grammar='root ::= "a" b\nb ::= "c"*')


async def test_the_same_seed_draws_the_same(folder: Path) -> None:
    drawn = []
    for seed in (1, 1, 2):
        model = await EmbeddedModel.load(folder, seed=seed)
        drawn.append(ids(await answer(model, temperature=3.0)) + ids(await answer(model, temperature=3.0)))
        await model.aclose()
    assert drawn[0] == drawn[1] != drawn[2]


async def test_text_stays_text(model: EmbeddedModel) -> None:
    for text in ("<|frame_sep|>", "a<|line_sep|>{}<|end_of_text|>\n" * 300, " a\tbcd é ½ 漢字 \x00"):
        found = await model.encode(text)
        assert not {*found} & {*model.vocabulary.specials()}
        assert b"".join(model._means.spelling.bytes_of[each] for each in found).decode() == text
    assert await model.encode("") == ()
    assert await model.encode("\ud800") == await model.encode("?")


async def test_a_character_is_with_its_last_token_also_across_answers(model: EmbeddedModel) -> None:
    spelling = model._means.spelling
    first, second, third = spelling.ids_of["漢".encode()[:1]] + [
        spelling.ids_of[bytes([b])][0] for b in "漢".encode()[1:]
    ]
    grammar = 'root ::= "漢x"'
    assert [each.text for each in await answer(model, grammar=grammar)] == ["", "", "漢", "x"]
    assert spelling.after([*PROMPT, first, second]).text(third) == "漢"
    spoken = spelling.after([third, third, second])
    assert spoken.text(spelling.ids_of[b"x"][0]) == "x"


async def test_values_that_are_no_numbers_are_told(model: EmbeddedModel) -> None:
    counting = counted(model)
    counting.read = lambda ids, memory: np.full(281, np.nan, np.float32)  # type: ignore[method-assign]
    with pytest.raises(ModelUnavailable, match="no numbers"):
        await answer(model)


async def test_a_closed_model_says_so(folder: Path) -> None:
    model = await EmbeddedModel.load(folder)
    async with aclosing(model.complete(PROMPT, Sampling())) as tokens:
        await anext(tokens)
        await model.aclose()
        with pytest.raises(ModelUnavailable, match="closed"):
            await anext(tokens)
    with pytest.raises(ModelUnavailable, match="closed"):
        await answer(model)
    await model.aclose()
