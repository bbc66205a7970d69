"""What a command would print, guessed by the model that decided on it: it goes on in the role of the tool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from cwm_agent.core.interrupt import closing
from cwm_agent.models.chat_format.output import OutputReader
from cwm_agent.observations import Completed, Finished, LimitReached, Limits, OutputWritten, Unreadable, WorldEvent
from cwm_agent.protocols import Sampling, Token, TraceModel


async def guess(
    model: TraceModel, prompt: Sequence[int], limits: Limits, most: int
) -> AsyncGenerator[WorldEvent, None]:
    """The output behind a prompt that ends where it begins, in at most `most` tokens; greedy, as predictions are."""
    specials = model.vocabulary.specials()
    reader = OutputReader()
    written, count = "", 0
    deadline = asyncio.get_running_loop().time() + limits.seconds
    sampling = Sampling(max_tokens=max(1, most), stop=model.vocabulary.stop_ids())
    async with closing(model.complete(prompt, sampling)) as tokens:
        while count < most and not reader.over:
            try:
                token = await _next(tokens, deadline)
            except TimeoutError:
                yield Finished(LimitReached("time", f"the model wrote longer than {limits.seconds:g} s"))
                return
            if token is None:
                break
            count += 1
            if token.id in specials:
                yield Finished(Unreadable(written, "the model wrote a separator into the output"))
                return
            if piece := reader.feed(token.text):
                written += piece
                yield OutputWritten(piece)
    if count >= most and not reader.over:
        yield Finished(LimitReached("tokens", f"the model wrote {count} tokens and was not done"))
        return
    if rest := reader.close():
        yield OutputWritten(rest)
    yield Finished(Completed(0))


async def _next(tokens: AsyncIterator[Token], deadline: float) -> Token | None:
    """The next token, None at the end; TimeoutError past the deadline."""
    async with asyncio.timeout_at(deadline):
        return await anext(tokens, None)
