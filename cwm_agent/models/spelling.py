"""The texts and bytes of a tokenizer's tokens: text to ids without separators, and ids back to text as they come."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from cwm_agent.errors import ModelUnavailable
from cwm_agent.traces.grammar import Special, Vocabulary, look_up

_REMEDY = "It takes the tokenizer.json of a byte-level tokenizer that has CWM's separators as special tokens."
_CHARACTER = 4  # bytes of the longest character


class Spelling:
    """One tokenizer. `bytes_of` has the bytes of every token, a separator's being its own spelling.

    `ids_of` has the ids of the tokens that spell text, by their bytes.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        self.vocabulary: Vocabulary = look_up(tokenizer.token_to_id)
        self.bytes_of: dict[int, bytes] = {number: each.content.encode() for number, each in added.items()}
        self.ids_of: dict[bytes, list[int]] = {}
        letters = _letters()
        for token, number in tokenizer.get_vocab().items():
            if number not in added:
                spelt = _spelt(token, letters)
                self.bytes_of[number] = spelt
                self.ids_of.setdefault(spelt, []).append(number)
        self._check_text()

    @classmethod
    def load(cls, folder: Path) -> Spelling:
        """The tokenizer beside a model."""
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ModelUnavailable(f"The model in {folder} has no tokenizer.json.", remedy=_REMEDY)
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing narrower
            raise ModelUnavailable(f"{file} cannot be read: {error}", remedy=_REMEDY) from error
        return cls(tokenizer)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return max(self.bytes_of) + 1

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text; half a surrogate pair, which no UTF-8 has, is a question mark."""
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-8", "replace").decode()
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def after(self, ids: Sequence[int]) -> Spoken:
        """Turns the tokens that follow these into text."""
        return Spoken(self.bytes_of, ids[-_CHARACTER:])

    def _check_text(self) -> None:
        """Make sure that text stays text, whatever it spells."""
        specials = self.vocabulary.specials()
        ids = self.encode("".join(special.value for special in Special))
        if found := specials.keys() & set(ids):
            spelt = ", ".join(sorted(specials[number].value for number in found))
            raise ModelUnavailable(f"The model's tokenizer makes separators of text: {spelt}.", remedy=_REMEDY)


class Spoken:
    """The text of tokens that come one by one. A character spread over several is with the last of them."""

    def __init__(self, bytes_of: Mapping[int, bytes], before: Iterable[int]) -> None:
        self._bytes_of = bytes_of
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        for number in before:
            self.text(number)

    def text(self, number: int) -> str:
        """What this token adds; bytes that are no UTF-8 are replacement characters."""
        return self._characters.decode(self._bytes_of.get(number, b""))


def _letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for: itself, where it can be printed."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + at): byte for at, byte in enumerate(others)}


def _spelt(token: str, letters: Mapping[str, int]) -> bytes:
    try:
        return bytes(letters[letter] for letter in token)
    except KeyError:
        raise ModelUnavailable(
            f"The model's tokenizer is not byte-level: it has a token {token!r}.", remedy=_REMEDY
        ) from None
