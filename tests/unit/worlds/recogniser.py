"""Whether a text is of an EBNF grammar: as much of the notation as the grammars of traces use."""

from __future__ import annotations

import re
import sys
from functools import cache

from msgspec import Struct

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[A-Za-z_]\w*|[()|*+])', re.DOTALL)


class Literal(Struct, frozen=True):
    text: str


class Letters(Struct, frozen=True):
    pattern: str


class Rule(Struct, frozen=True):
    name: str


class Row(Struct, frozen=True):
    parts: tuple[object, ...]


class Either(Struct, frozen=True):
    parts: tuple[object, ...]


class Repeat(Struct, frozen=True):
    part: object
    least: int


class Grammar:
    def __init__(self, text: str) -> None:
        self.rules: dict[str, object] = {}
        for line in filter(None, text.split("\n")):
            name, body = line.split(" ::= ", 1)
            assert name not in self.rules, name
            self._tokens = _TOKEN.findall(body)
            assert "".join(self._tokens) == _TOKEN.sub(r"\1", body).strip(), body
            self.rules[name] = self._either()
            assert not self._tokens, body
        self.check()

    def check(self) -> None:
        """Every rule that is named is there, and leads somewhere."""
        waiting, seen = ["root"], {"root"}
        while waiting:
            for name in _named(self.rules[waiting.pop()]):
                assert name in self.rules, name
                waiting += [name] if name not in seen else []
                seen.add(name)

    def _either(self) -> object:
        parts = [self._row()]
        while self._tokens and self._tokens[0] == "|":
            self._tokens.pop(0)
            parts.append(self._row())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _row(self) -> object:
        parts = []
        while self._tokens and self._tokens[0] not in "|)":
            token = self._tokens.pop(0)
            part: object
            if token == "(":
                part = self._either()
                assert self._tokens.pop(0) == ")"
            elif token[0] == '"':
                part = Literal(
                    re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), token[1:-1])
                )
            elif token[0] == "[":
                part = Letters(token)
            else:
                part = Rule(token)
            while self._tokens and self._tokens[0] in ("*", "+"):
                part = Repeat(part, int(self._tokens.pop(0) == "+"))
            parts.append(part)
        return Row(tuple(parts))

    def accepts(self, text: str) -> bool:
        return len(text) in self._ends(text)

    def reach(self, text: str) -> int:
        """How far the text is a beginning of what the grammar has."""
        self._ends(text)
        return self._far

    def _ends(self, text: str) -> frozenset[int]:
        self._far = 0
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(40_000)

        @cache
        def rule(name: str, at: int) -> frozenset[int]:
            return match(self.rules[name], at)

        def match(node: object, at: int) -> frozenset[int]:
            match node:
                case Literal(text=literal):
                    found = frozenset({at + len(literal)} if text.startswith(literal, at) else ())
                case Letters(pattern=pattern):
                    found = frozenset({at + 1} if re.match(pattern, text[at : at + 1]) else ())
                case Rule(name=name):
                    return rule(name, at)
                case Row(parts=parts):
                    found = frozenset({at})
                    for part in parts:
                        found = frozenset().union(*(match_(part, each) for each in found))
                    return found
                case Either(parts=parts):
                    return frozenset().union(*(match_(part, at) for part in parts))
                case Repeat(part=part, least=least):
                    return repeat(part, at, least)
                case _:
                    raise AssertionError(node)
            self._far = max([self._far, *found])
            return found

        def repeat(part: object, at: int, least: int) -> frozenset[int]:
            seen: set[int] = set() if least else {at}
            waiting = {at}
            while waiting:
                waiting = set().union(*(match_(part, each) for each in waiting)) - seen
                seen |= waiting
            return frozenset(seen)

        match_ = match
        try:
            return rule("root", 0)
        finally:
            sys.setrecursionlimit(limit)


def _named(node: object) -> list[str]:
    match node:
        case Rule(name=name):
            return [name]
        case Row(parts=parts) | Either(parts=parts):
            return [name for part in parts for name in _named(part)]
        case Repeat(part=part):
            return _named(part)
    return []
