"""Our client against a real vLLM server on the processor, which `cwm-agent serve` started: tokens, limits, grammars.

The model walks from each token to one that follows it, so every answer is known before it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from cwm_agent.errors import LimitError, ModelUnavailable
from cwm_agent.models.server import Server
from cwm_agent.models.vllm import VllmModel
from cwm_agent.protocols import Sampling, Token
from cwm_agent.traces.grammar import Special
from tests.contract.vllm_server import CONTEXT, NAME, Served, until

BYTE = 115
"""From here on each of some eighty tokens is a byte, and no character by itself."""
FINISHED = ("request_success_total", 'finished_reason="length"')


async def answer(model: VllmModel, prompt: Sequence[int], **sampling: object) -> list[Token]:
    return [token async for token in model.complete(prompt, Sampling(**sampling))]  # type: ignore[arg-type]


def ids(tokens: Sequence[Token]) -> list[int]:
    return [token.id for token in tokens]


def test_serve_tells_what_it_starts_and_when_it_is_ready(served: Served) -> None:
    told = "\n".join(served.said)
    assert "preset vllm-cpu" in told
    assert f"starting vLLM on {served.url}" in told
    assert f"cwm-agent --model-url {served.url} --model {NAME}" in told
    assert served.log.stat().st_mode & 0o077 == 0
    assert "CwmForCausalLM" in served.log.read_text()


async def test_the_model_is_met_as_it_is(model: VllmModel) -> None:
    assert (model.name, model.context_tokens) == (NAME, CONTEXT)
    assert model.vocabulary.ids == {special: at for at, special in enumerate(Special)}


async def test_another_model_is_not_served(served: Served) -> None:
    with pytest.raises(ModelUnavailable, match="serves facebook/cwm, not somebody/else"):
        await VllmModel.connect(served.url, "somebody/else")


async def test_the_model_reads_the_ids_that_are_sent_and_no_other(model: VllmModel, served: Served) -> None:
    prompt = [model.vocabulary.id(Special.BEGIN), *range(300, 340), 7, 7, 410]
    served.rests()
    before = served.count("prompt_tokens_total"), served.count("generation_tokens_total")
    found = await answer(model, prompt, max_tokens=40)
    served.rests()
    assert ids(found) == served.walk(410, 40)
    assert served.count("prompt_tokens_total") - before[0] == len(prompt)
    assert served.count("generation_tokens_total") - before[1] == 40


async def test_ids_of_half_characters_come_back_as_they_were_written(model: VllmModel, served: Served) -> None:
    found = await answer(model, [0, BYTE], max_tokens=80)
    assert ids(found) == served.walk(BYTE, 80)
    spelt = served.spell(ids(found))
    assert spelt.count("\N{REPLACEMENT CHARACTER}") > 40
    assert list(await model.encode(spelt)) != ids(found)  # so no text could have brought them back
    assert ids(await answer(model, [0, *ids(found)], max_tokens=3)) == served.walk(found[-1].id, 3)


@pytest.mark.parametrize(
    "text",
    [
        "<|frame_sep|>",
        "a <|line_sep|>{}<|action_sep|>x<|end_of_text|>",
        "<<|call_sep|>>",
        "<|<|return_sep|>|>",
        "    if a < b | c:\n\treturn '<|eot_id|>'\n\n\n",
        " \n  d\r\n ünï→🙂 \x00 \N{REPLACEMENT CHARACTER}",
        "",
    ],
)
async def test_text_stays_text(model: VllmModel, served: Served, text: str) -> None:
    found = await model.encode(text)
    assert not set(found) & set(model.vocabulary.ids.values())
    assert served.spell(found) == text


async def test_tokens_come_while_the_model_writes(model: VllmModel, served: Served) -> None:
    async with aclosing(model.complete([0, 300], Sampling(max_tokens=15_000))) as tokens:
        first = [(await anext(tokens)).id for _ in range(100)]
        assert served.count("num_requests_running") == 1, "the answer is far from its end"
    assert first == served.walk(300, 100)
    until(lambda: not served.count("num_requests_running"), 10)


async def test_closing_an_answer_stops_the_server(model: VllmModel, served: Served) -> None:
    served.rests()
    before = served.count("generation_tokens_total")
    finished = served.count(*FINISHED)
    async with aclosing(model.complete([0, 300], Sampling(max_tokens=15_000))) as tokens:
        for _ in range(20):
            await anext(tokens)
        assert served.count("num_requests_running") == 1
    until(lambda: not served.count("num_requests_running"), 10)
    assert served.count("generation_tokens_total") - before < 1_000
    assert served.count(*FINISHED) == finished
    assert ids(await answer(model, [0, 300], max_tokens=2)) == served.walk(300, 2)


async def test_a_stop_ends_the_answer_and_is_no_part_of_it(model: VllmModel, served: Served) -> None:
    *before, stop = served.walk(300, 6)
    assert ids(await answer(model, [0, 300], max_tokens=50, stop=(stop,))) == before


async def test_guesses_speed_an_answer_up_and_never_change_it(model: VllmModel, served: Served) -> None:
    """What the prompt has behind the same tokens is a good guess the first time, and a bad one the second."""
    right = [300, *served.walk(300, 40)]
    wrong = [0, right[20], right[21], 500, 501, 502, 0]
    served.rests()
    drafts, accepted = "spec_decode_num_drafts_total", "spec_decode_num_accepted_tokens_total"
    before = served.count(drafts), served.count(accepted)
    prompt = [0, *wrong, *right, 0, *right[:3]]
    guessed = await answer(model, prompt, max_tokens=50)
    served.rests()
    assert served.count(drafts) > before[0]
    assert served.count(accepted) - before[1] > 20
    one_by_one: list[int] = []
    while len(one_by_one) < 50:  # a single token is never guessed
        one_by_one += ids(await answer(model, [*prompt, *one_by_one], max_tokens=1))
    assert ids(guessed) == one_by_one == served.walk(right[2], 50)


async def test_a_grammar_binds_the_model(model: VllmModel) -> None:
    special, stop = model.vocabulary.id, model.vocabulary.stop_ids()
    grammar = 'root ::= "<|line_sep|>{}<|action_sep|>    n = 0\\n<|frame_sep|>" | "<|return_sep|>"'
    found = await answer(model, [0, special(Special.FRAME)], max_tokens=60, stop=stop, grammar=grammar)
    written = [model.vocabulary.specials().get(token.id, token.text) for token in found]
    assert [part for part in written if isinstance(part, Special)] == [Special.LINE, Special.ACTION, Special.FRAME]
    assert "".join(part if isinstance(part, str) else part.value for part in written) == (
        "<|line_sep|>{}<|action_sep|>    n = 0\n<|frame_sep|>"
    )


async def test_every_token_has_its_log_probability(model: VllmModel) -> None:
    likely = await answer(model, [0, 300], max_tokens=30)
    assert all(token.logprob is not None and -1 < token.logprob <= 0 for token in likely)
    (forced,) = await answer(model, [0, 300], max_tokens=1, grammar='root ::= "<|call_sep|>"')
    assert (forced.id, forced.text) == (model.vocabulary.id(Special.CALL), "<|call_sep|>")
    assert forced.logprob is not None
    assert -0.5 < forced.logprob <= 0  # among what the grammar leaves


async def test_what_is_drawn_varies_and_may_end_by_itself(model: VllmModel) -> None:
    stop = model.vocabulary.stop_ids()
    prompt, drawn = [0, 300], {"temperature": 1.0, "top_p": 0.95, "max_tokens": 1_500, "stop": stop}
    found = await asyncio.gather(*(answer(model, prompt, **drawn) for _ in range(8)))
    assert len({tuple(ids(each)) for each in found}) > 1
    assert all(not set(ids(each)) & set(stop) for each in found)
    assert min(len(each) for each in found) < 1_500


async def test_the_context_has_an_end(model: VllmModel, served: Served) -> None:
    filled = [300 + at % 100 for at in range(CONTEXT - 5)]
    assert len(await answer(model, filled, max_tokens=100)) == 5
    served.rests()
    before = served.count("prompt_tokens_total")
    with pytest.raises(LimitError, match=rf"has {CONTEXT} tokens, and the model takes {CONTEXT}"):
        await answer(model, [*filled, *range(300, 305)], max_tokens=1)
    assert served.count("prompt_tokens_total") == before


async def test_the_servers_own_refusal_is_one_clear_line(served: Served) -> None:
    server = Server(served.url)
    asked = {"model": NAME, "prompt": [300] * (CONTEXT + 1), "max_tokens": 1}
    with pytest.raises(ModelUnavailable, match=str(CONTEXT)) as caught:
        await server.ask("/v1/completions", asked)
    await server.aclose()
    assert served.url in caught.value.message
    assert "\n" not in caught.value.message


async def test_many_requests_at_once_keep_apart(model: VllmModel, served: Served) -> None:
    starts = range(300, 500, 20)
    answers = [model.complete([0, start], Sampling(max_tokens=300)) for start in starts]
    first = await asyncio.gather(*map(anext, answers))
    assert served.count("num_requests_running") > len(starts) / 2

    async def rest(tokens: AsyncIterator[Token]) -> list[Token]:
        return [token async for token in tokens]

    found = await asyncio.gather(*map(rest, answers))
    for start, begun, going_on in zip(starts, first, found, strict=True):
        assert ids([begun, *going_on]) == served.walk(start, 300)
