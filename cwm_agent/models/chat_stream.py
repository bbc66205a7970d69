"""A streamed chat completion, read piece by piece: deltas of text, of reasoning, of tool calls. Pure.

The format is that of OpenAI's `/v1/chat/completions`, with what vLLM, llama.cpp, Ollama and others write besides: the
reasoning as `reasoning_content` or `reasoning`, and calls whose `index` is left out or the same for all.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cwm_agent.models.chat_messages import Ended, Text, Thought, Wish

_CUT_OFF = "length"
_WITHHELD = "content_filter"


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _CallDelta(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Piece(Struct):
    """One event of the stream."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None


class _Call:
    """A call whose deltas arrive."""

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.identity = ""
        self.name = ""
        self.arguments: list[str] = []

    def add(self, delta: _CallDelta) -> None:
        """What a delta adds: a name and an identity come once, arguments bit by bit."""
        self.identity = self.identity or delta.id or ""
        if delta.function is not None:
            self.name = self.name or delta.function.name or ""
            self.arguments.append(delta.function.arguments or "")


class ReplyReader:
    """Puts one reply together. `finished`: the server has said how it ended, and only its counts may still come."""

    def __init__(self) -> None:
        self._finish: str | None = None
        self._calls: list[_Call] = []
        self._usage = _Usage()

    @property
    def finished(self) -> bool:
        """Whether the reply is whole."""
        return self._finish is not None

    def feed(self, piece: Piece) -> list[Thought | Text]:
        """What can be shown at once. What comes behind the end is no part of the reply."""
        if piece.usage is not None:
            self._usage = piece.usage
        if not piece.choices or self.finished:
            return []
        choice = piece.choices[0]
        delta = choice.delta or _Delta()
        found: list[Thought | Text] = []
        if thought := delta.reasoning_content or delta.reasoning:
            found.append(Thought(thought))
        if delta.content:
            found.append(Text(delta.content))
        for each in delta.tool_calls or ():
            self._call(each).add(each)
        self._finish = choice.finish_reason or None
        return found

    def end(self) -> Ended:
        """How the reply ended; ValueError where the server has not said so."""
        if self._finish is None:
            raise ValueError("the reply has no end")
        how: Literal["complete", "cut_off", "withheld"] = "complete"
        if self._finish in (_CUT_OFF, _WITHHELD):
            how = "cut_off" if self._finish == _CUT_OFF else "withheld"
        calls = self._calls if how == "complete" else []
        return Ended(
            how=how,
            wishes=tuple(Wish(each.identity, each.name, "".join(each.arguments)) for each in calls),
            prompt_tokens=self._usage.prompt_tokens,
            reply_tokens=self._usage.completion_tokens,
        )

    def _call(self, delta: _CallDelta) -> _Call:
        """The call that a delta belongs to: that of its index, unless it begins another."""
        same = [each for each in self._calls if each.index == delta.index]
        if not same or self._is_another(same[-1], delta):
            self._calls.append(_Call(delta.index))
            return self._calls[-1]
        return same[-1]

    def _is_another(self, call: _Call, delta: _CallDelta) -> bool:
        """Only a delta that names a function can begin a call; some servers give each delta a new identity."""
        if not call.name or delta.function is None or not delta.function.name:
            return False
        if delta.id and call.identity:
            return delta.id != call.identity
        return delta.index is None
