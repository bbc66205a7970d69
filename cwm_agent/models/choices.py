"""A grammar that is a choice of literals, held token by token."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cwm_agent.errors import UsageError

_ROOT, _OR = "root ::= ", " | "


class Choices:
    """What may still be written of some literals.

    A literal that is a separator's spelling and nothing else is that separator; in all others text stays text.
    `ids_of` has the ids of the tokens that spell text, by their bytes. With `ends`, the ids that end an answer, a
    choice is closed that is complete and could go on.
    """

    def __init__(
        self,
        literals: Sequence[str],
        ids_of: Mapping[bytes, Sequence[int]],
        separators: Mapping[str, int],
        ends: Sequence[int] = (),
    ) -> None:
        self._ids_of = ids_of
        self._ends = tuple(ends)
        self._rest = {each.encode("utf-8", "replace") for each in literals if each not in separators}
        self._next = {separators[each]: {b""} for each in literals if each in separators}
        self._look()

    @property
    def over(self) -> bool:
        """Whether nothing more fits."""
        return not self._next

    def allowed(self) -> list[int]:
        """The tokens that may come next; an end where a literal is complete, and goes on in another."""
        ends = self._ends if self._next and b"" in self._rest else ()
        return sorted({*self._next, *ends})

    def take(self, number: int) -> bool:
        """An allowed token is written; False where it is an end."""
        if number not in self._next:
            return False
        self._rest, self._next = self._next[number], {}
        self._look()
        return True

    def _look(self) -> None:
        """Find the tokens that fit, and what each leaves to be written."""
        for whole in self._rest:
            for end in range(1, len(whole) + 1):
                for number in self._ids_of.get(whole[:end], ()):
                    self._next.setdefault(number, set()).add(whole[end:])


def literals_of(grammar: str) -> list[str]:
    """The literals of `root ::= "one" | "other"`; UsageError for any other grammar."""
    found: list[str] = []
    at = len(_ROOT)
    decoder = json.JSONDecoder()
    try:
        if not grammar.startswith(_ROOT):
            raise ValueError
        while True:
            literal, at = decoder.raw_decode(grammar, at)
            found.append(_string(literal))
            if at == len(grammar):
                return found
            if not grammar.startswith(_OR, at):
                raise ValueError
            at += len(_OR)
    except (ValueError, RecursionError):
        raise UsageError(
            "A model in this process is held to choices of literals, not to larger grammars.",
            remedy="Set `world.method` to `stepwise` or `free`, or name a server with --model-url.",
        ) from None


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value
