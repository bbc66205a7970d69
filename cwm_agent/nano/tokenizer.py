"""The small model's tokenizer: byte-level BPE with a vocabulary of its own and CWM's separators as special tokens.

Digits, and the characters of a short quoted string, are tokens of their own, for a small model must count and compare
them. Else text is cut where CWM's tokenizer cuts it, so that frames that suit the one in pieces suit the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from cwm_agent.traces.grammar import Special, Vocabulary, look_up
from cwm_agent.traces.segments import Segment, as_ids

VOCABULARY = 1024
_QUOTED = r"'[^'\n\"]*'"
_CHARACTER = r"[^'](?=[^'\n]*'\z)"
_WORD = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""As CWM's tokenizer cuts text, but for single digits, and a bracket before a word."""


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A tokenizer whose words are those of the texts, in which no separator is spelt."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(each), "isolated") for each in (_QUOTED, _CHARACTER, _WORD)),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[special.value for special in Special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    """The ids of the separators."""
    return look_up(tokenizer.token_to_id)


def ids(tokenizer: Tokenizer, segments: Iterable[Segment]) -> list[int]:
    """The segments as token ids; text that spells a separator stays text."""
    return as_ids(segments, vocabulary(tokenizer), lambda text: tokenizer.encode(text).ids)


def weighed_ids(tokenizer: Tokenizer, segments: Iterable[tuple[Segment, int]]) -> tuple[list[int], list[int]]:
    """The segments as token ids, and the weight of each: of a token over several pieces of text, the greatest."""
    found: list[int] = []
    weights: list[int] = []
    special = vocabulary(tokenizer)
    text = ""
    of_character: list[int] = []

    def flush() -> None:
        encoded = tokenizer.encode(text)
        found.extend(encoded.ids)
        weights.extend(max(of_character[start : max(end, start + 1)]) for start, end in encoded.offsets)

    for segment, weight in segments:
        if isinstance(segment, str):
            text, of_character = text + segment, of_character + [weight] * len(segment)
            continue
        if text:
            flush()
        text, of_character = "", []
        found.append(special.id(segment))
        weights.append(weight)
    if text:
        flush()
    return found, weights


def load_tokenizer(folder: Path) -> Tokenizer:
    """The one that was saved beside a model."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer
