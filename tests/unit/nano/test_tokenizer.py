"""The small model's tokenizer: what it must never do to a text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from cwm_agent.nano.dataset import examples
from cwm_agent.nano.shards import WHOLE
from cwm_agent.nano.tokenizer import ids, load_tokenizer, train_tokenizer, vocabulary, weighed_ids
from cwm_agent.nano.weighing import TOLD, weighed
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.locals import shorten


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = [each for level in (0, 1) for each in examples(range(120), level)]
    return train_tokenizer(part for each in made for part in (*each.prompt, *each.frames) if isinstance(part, str))


@settings(max_examples=150)
@given(text=st.text(max_size=60))
@example(text="<|frame_sep|>")
@example(text="x = 'it\\'s'\n\n\n    return {'a': \"b\"}\n")
def test_any_text_comes_back_and_is_never_a_separator(tokenizer: Tokenizer, text: str) -> None:
    encoded = tokenizer.encode(text).ids
    assert tokenizer.decode(encoded, skip_special_tokens=False) == text
    assert not set(encoded) & set(vocabulary(tokenizer).specials())


@given(number=st.integers(0, 10**9))
def test_digits_are_tokens_one_by_one(tokenizer: Tokenizer, number: int) -> None:
    found = [tokenizer.decode([each]) for each in tokenizer.encode(f"a = {number}\n").ids]
    assert [each.strip() for each in found if any(map(str.isdigit, each))] == list(str(number))


def test_the_letters_of_a_quoted_word_are_tokens_one_by_one(tokenizer: Tokenizer) -> None:
    found = [tokenizer.decode([each]) for each in tokenizer.encode("\"'return'\"").ids]
    assert "".join(found) == "\"'return'\""
    assert [each for each in found if each.isalpha()] == list("return")


def test_every_separator_has_a_token_of_its_own(tokenizer: Tokenizer) -> None:
    numbers = [vocabulary(tokenizer).id(special) for special in Special]
    assert len(set(numbers)) == len(numbers)
    assert ids(tokenizer, [Special.FRAME, "<|frame_sep|>"]).count(vocabulary(tokenizer).id(Special.FRAME)) == 1


def test_a_saved_one_cuts_alike(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = load_tokenizer(tmp_path)
    text = "<|frame_sep|>def f(a):\n    return 'abc' + a[12]\n"
    assert again.encode(text).ids == tokenizer.encode(text).ids


def test_weights_leave_the_tokens_as_they_are(tokenizer: Tokenizer) -> None:
    for each in examples(range(500, 520), 1):
        found, weights = weighed_ids(tokenizer, weighed(shorten(each.trace.frames)))
        assert found == ids(tokenizer, each.frames)
        assert len(weights) == len(found)
        assert set(weights) == {0, TOLD, WHOLE}
        frame = found.index(vocabulary(tokenizer).id(Special.FRAME))
        assert not any(weights[: frame + 1])
        assert all(weights[frame + 1 :])


def test_what_changed_counts_in_full_and_what_stays_little(tokenizer: Tokenizer) -> None:
    made = next(examples(range(40), 0))
    found, weights = weighed_ids(tokenizer, weighed(shorten(made.trace.frames)))
    said = list(zip((tokenizer.decode([each], skip_special_tokens=False) for each in found), weights, strict=True))
    assert any('".."' in text and weight == TOLD for text, weight in said)
    value = made.trace.frames[-1].value
    assert value is not None
    tail = [weight for text, weight in said[-8:] if text.strip(' "') and text.strip(' "') in value]
    assert tail
    assert set(tail) == {WHOLE}
