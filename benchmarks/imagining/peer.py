"""The method of the debugger among the demos of facebookresearch/cwm: one request a frame, and nothing forced.

The prompt of each request is all that came before; the model writes one frame, up to the separator that ends it. As
there, a step that follows a call goes into it: the event of that frame, and that alone, is given.
"""

from __future__ import annotations

import httpx
from msgspec import Struct

from benchmarks.imagining.served import NAME
from cwm_agent.models.vllm import VllmModel
from cwm_agent.observations import TraceCall
from cwm_agent.traces.decode import Ended
from cwm_agent.traces.encode import prompt_segments, trace_segments
from cwm_agent.traces.frames import FrameKind, Trace
from cwm_agent.traces.grammar import Special
from cwm_agent.traces.segments import Segment
from cwm_agent.worlds.imagination.gather import gather
from cwm_agent.worlds.imagination.pen import Cut
from cwm_agent.worlds.imagination.reader import Reader


class Imagined(Struct, frozen=True):
    """A trace and the requests that it took; `broken`: one more frame was begun, and came to no good end."""

    trace: Trace
    requests: int
    broken: bool


async def demo(url: str, model: VllmModel, request: TraceCall, most: int, frame_tokens: int) -> Imagined:
    """A trace of `most` frames at most, each of so many tokens at most, from the same prompt as ours."""
    scene = await gather(request, None, model.context_tokens // 2)
    assert not scene.wrapped, "the frames are those of the called function"
    reader = Reader(scene)
    reader.given(scene.told)
    frames = list(scene.told)
    ids = await _ids(model, [*prompt_segments(scene.entry.text), *trace_segments(scene.told, complete=False)])
    requests, broken = 0, False
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        while len(frames) < most and not reader.over and len(ids) < model.context_tokens:
            forced = [model.vocabulary.id(Special.LINE)] if frames[-1].event is FrameKind.CALL else []
            requests += 1
            ids += forced
            written, text = await _frame(client, model, ids, frame_tokens)
            ids += written
            segments = _segments(model, forced + written, text)
            try:
                events = reader.read([*segments, Special.FRAME])
            except Cut:
                events = []
            if not events or isinstance(events[0], Ended):
                broken = True
                break
            frames.append(events[0])
            ids.append(model.vocabulary.id(Special.FRAME))
    return Imagined(Trace(tuple(frames), complete=reader.over), requests, broken)


async def _ids(model: VllmModel, segments: list[Segment]) -> list[int]:
    found: list[int] = []
    for each in segments:
        found += await model.encode(each) if isinstance(each, str) else [model.vocabulary.id(each)]
    return found


async def _frame(client: httpx.AsyncClient, model: VllmModel, ids: list[int], most: int) -> tuple[list[int], list[str]]:
    """The ids of one frame without the separator that ends it, and their texts."""
    stop = model.vocabulary.id(Special.FRAME)
    asked = {
        "model": NAME, "prompt": ids, "max_tokens": min(most, model.context_tokens - len(ids)),
        "temperature": 0.0, "stop_token_ids": [stop], "return_token_ids": True, "skip_special_tokens": False,
        "logprobs": 0,
    }  # fmt: skip
    answer = await client.post("/v1/completions", json=asked)
    answer.raise_for_status()
    choice = answer.json()["choices"][0]
    found = list(zip(choice["token_ids"], choice["logprobs"]["tokens"], strict=True))
    if found and found[-1][0] == stop:
        found.pop()
    return [number for number, _ in found], [text for _, text in found]


def _segments(model: VllmModel, ids: list[int], texts: list[str]) -> list[Segment]:
    specials = model.vocabulary.specials()
    texts = [""] * (len(ids) - len(texts)) + texts
    return [specials.get(number, text) for number, text in zip(ids, texts, strict=True)]
