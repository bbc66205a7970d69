"""What the model fills in between forced text: a string, one of several lines, the kind of a frame, the last locals.

A token that the model wrote is kept under its id as long as its text fits. Where a token goes past what was asked for
and on as the forced text does not, it is dropped, and its text up to there is encoded again with what follows.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from itertools import chain, repeat

from cwm_agent.protocols import Token
from cwm_agent.traces.frames import FrameKind
from cwm_agent.traces.grammar import KIND_OF_SPECIAL, SPECIAL_OF_KIND, Special
from cwm_agent.worlds.imagination.binding import VALUE_LIMIT
from cwm_agent.worlds.imagination.ebnf import quoted
from cwm_agent.worlds.imagination.form import Rest
from cwm_agent.worlds.imagination.pen import Pen

_PORTIONS = (16, 64, 256)
_ENDS = ('"', '",', '"}')
_CHOOSING = (1, 4, 16)  # tokens that a choice is likely to take
_LONGEST = 6 * VALUE_LIMIT + 2  # each character as \uXXXX


class Blanks:
    """Asks the model through a pen."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._stop: tuple[int, ...] | None = None

    async def kind(self, kinds: Iterable[FrameKind]) -> FrameKind:
        """One of these kinds of frames, by its separator. A backend that knows grammars is held to them."""
        allowed = sorted(kinds)
        grammar = _either([SPECIAL_OF_KIND[kind].value for kind in allowed])
        async with aclosing(self._pen.ask(1, grammar=grammar)) as tokens:
            async for token in tokens:
                segment = self._pen.take(token)
                kind = KIND_OF_SPECIAL.get(segment) if isinstance(segment, Special) else None
                if kind is not None and kind in allowed:
                    return kind
                raise self._pen.unreadable(f"it begins as no {' or '.join(allowed)}")
        raise self._pen.unreadable("the model stopped before it")

    async def string(self, blank: str, follow: str) -> int:
        """A JSON string after a blank; how many characters of `follow`, the text after it, are already written."""
        scan = StringScan(blank)
        stop = await self._closing() if blank else ()
        for size in chain(_PORTIONS, repeat(_PORTIONS[-1])):
            count = 0
            async with aclosing(self._pen.ask(size, stop=stop)) as tokens:
                async for token in tokens:
                    count += 1
                    written = self._written(scan, token, follow)
                    if written is not None:
                        return written
            if count == size:
                continue
            if not stop or not scan.text:
                break
            if scan.escaped:
                stop = ()  # what it stopped at may be a quote of the value
                continue
            self._pen.force('"')
            if scan.feed('"') is not None:
                if not isinstance(_json(scan.text), str):
                    raise self._pen.unreadable("a value is not a JSON string")
                return 0
        raise self._pen.unreadable("the model stopped in the middle of a value")

    def _written(self, scan: StringScan, token: Token, follow: str) -> int | None:
        """Take a token of a string; where it ends there, how much of `follow` is written."""
        segment, over, before = self._pen.segment(token), None, scan.length
        if isinstance(segment, str):
            over = scan.feed(segment)
            if over and not follow.startswith(over) and isinstance(_json(scan.text), str):
                self._pen.weigh(token)
                self._pen.force(scan.text[before:])
                return 0
        self._pen.take(token)
        if not isinstance(segment, str):
            raise self._pen.unreadable(f"{segment.value} in the middle of a value")
        if scan.wrong or (over is not None and not isinstance(_json(scan.text), str)):
            raise self._pen.unreadable("a value is not a JSON string")
        if scan.length > _LONGEST:
            raise self._pen.unreadable(f"a value is longer than {VALUE_LIMIT:,} characters")
        return None if over is None else len(over)

    async def _closing(self) -> tuple[int, ...]:
        """The tokens that end a string and begin with its quote: a request that ends by itself wastes nothing."""
        if self._stop is None:
            ends = [await self._pen.encoded(text) for text in _ENDS]
            self._stop = tuple({ids[0] for ids in ends if len(ids) == 1})
        return self._stop

    async def choice(self, texts: Sequence[str], wrong: str = "it stands at no line that can come next") -> str:
        """One of several lines, or other texts: the model writes until it is decided which, the rest is forced.

        An indentation that all have is forced too, but for its last blank, which may be one token with the first word.
        Where they differ in it, it is the model's: blanks that are forced would be other tokens than those of a deeper
        line. Nor do blanks that it writes begin a line of which they are no token. A backend that knows grammars is
        held to the lines.
        """
        depths = {len(each) - len(each.lstrip(" ")) for each in texts}
        text = " " * (min(depths) - 1) if len(depths) == 1 else ""
        if text:
            self._pen.force(text)
        whole = {each: await self._pen.encoded(each[len(text) :]) for each in texts}
        ids: tuple[int, ...] = ()
        for size in chain(_CHOOSING, repeat(_CHOOSING[-1])):
            count = 0
            async with aclosing(self._pen.ask(size, grammar=_either(texts, len(text)))) as tokens:
                async for token in tokens:
                    count += 1
                    segment = self._pen.take(token)
                    text += segment if isinstance(segment, str) else segment.value
                    texts = [each for each in texts if each.startswith(text)]
                    if not texts:
                        raise self._pen.unreadable(f"{wrong}: {text.strip()[:80]}")
                    ids = (*ids, token.id)
                    meant = [each for each in texts if whole[each][: len(ids)] == ids] or texts
                    if len(meant) == 1:
                        self._pen.force(meant[0][len(text) :])
                        return meant[0]
            if count < size:
                break
        raise self._pen.unreadable("the model stopped where it had to choose")

    async def rest(self, rest: Rest) -> list[str]:
        """The model writes the locals to the end of their object; the names whose values are its own."""
        async with aclosing(self._tokens()) as tokens:
            async for token in tokens:
                segment = self._pen.segment(token)
                if segment is Special.ACTION:
                    return self._names(rest)
                self._pen.take(token)
                if not isinstance(segment, str):
                    raise self._pen.unreadable(f"{segment.value} in the middle of the locals")
        raise self._pen.unreadable("the model stopped in the middle of the locals")

    async def _tokens(self) -> AsyncGenerator[Token]:
        """What the model writes, in requests that grow: one that is left early has not asked for much too much."""
        for size in chain(_PORTIONS, repeat(_PORTIONS[-1])):
            count = 0
            async with aclosing(self._pen.ask(size)) as tokens:
                async for token in tokens:
                    count += 1
                    yield token
            if count < size:
                return

    def locals(self) -> dict[str, str]:
        """The locals of the frame that is being written, once their object is whole."""
        found = _json("".join(each for each in self._pen.frame if isinstance(each, str)))
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise self._pen.unreadable("the locals are not a JSON object of strings")
        return found

    def _names(self, rest: Rest) -> list[str]:
        """The names with values of the model's, which are strings under names that there can be."""
        found = self.locals()
        allowed = found.keys() if rest.names is None else rest.names | rest.done
        for name in found:
            if name not in allowed:
                raise self._pen.unreadable(f"`{name}` is no variable that there can be")
        for name in sorted(rest.needed - found.keys()):
            raise self._pen.unreadable(f"`{name}` is missing from the locals")
        return [name for name, value in found.items() if name not in rest.done and rest.told.get(name) != value]


def _either(texts: Sequence[str], start: int = 0) -> str:
    """The grammar of one of these texts, from a character on."""
    return "root ::= " + " | ".join(quoted(each[start:]) for each in texts)


def _json(text: str) -> object:
    """The value, None where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class StringScan:
    """Looks for the end of a JSON string that stands after `blank`, in text that comes piece by piece.

    `text` is what belongs to it; `wrong`: it is no string; `escaped`: a backslash was the last of it.
    """

    def __init__(self, blank: str) -> None:
        self._start = blank + '"'
        self.escaped = False
        self.text = ""
        self.wrong = False

    @property
    def length(self) -> int:
        """The characters so far."""
        return len(self.text)

    def feed(self, piece: str) -> str | None:
        """What of the piece is past the string's end, None where it goes on."""
        for at, letter in enumerate(piece):
            if self.length < len(self._start):
                self.wrong = self.wrong or letter != self._start[self.length]
            elif self.escaped:
                self.escaped = False
            elif letter == '"' and not self.wrong:
                self.text += letter
                return piece[at + 1 :]
            else:
                self.escaped = letter == "\\"
            self.text += letter
        return None
