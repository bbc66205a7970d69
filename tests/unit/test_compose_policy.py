"""Who decides and who imagines: two settings, and what comes of each pair of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from cwm_agent.compose_policy import Mind, kind, mind
from cwm_agent.compose_servers import Place, imagining, key_of, named
from cwm_agent.compose_world import trace_model
from cwm_agent.errors import UsageError
from cwm_agent.settings import Settings, load
from cwm_agent.testing_models import ScriptedTraceModel
from cwm_agent.traces.grammar import TRACE_SPECIALS, Special
from tests.unit.models.scripted_server import ScriptedServer, serving

MODEL = ScriptedTraceModel()
IDS = {special.value: MODEL.vocabulary.id(special) for special in Special}
A, B = "http://a:1", "http://b:2"


def settings(**values: Any) -> Settings:
    return load(Path(os.devnull), **values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "auto"),
        ({"chat": {"url": A}}, "chat"),
        ({"chat": {"url": A}, "model_url": B}, "chat"),
        ({"chat": {"url": A}, "policy": "forager"}, "forager"),
        ({"chat": {"url": A}, "policy": "cwm", "model_url": B}, "cwm"),
        ({"policy": "cwm", "world": {"folder": "/x"}}, "cwm"),
        ({"model_url": B}, "auto"),
    ],
)
def test_what_is_named_wins(values: dict[str, Any], expected: str) -> None:
    assert kind(settings(**values)) == expected


@pytest.mark.parametrize(
    ("values", "decides", "imagines"),
    [
        ({}, None, None),
        ({"model_url": A}, Place(A, "facebook/cwm", None), Place(A, "facebook/cwm", None)),
        ({"model_url": A, "model": "m", "model_key_env": "K"}, Place(A, "m", "K"), Place(A, "m", "K")),
        ({"world": {"url": B}}, None, Place(B, "facebook/cwm", None)),
        (
            {"model_url": A, "model": "m", "model_key_env": "K", "world": {"url": B, "model": "w", "key_env": "W"}},
            Place(A, "m", "K"),
            Place(B, "w", "W"),
        ),
        ({"model_url": A, "model": "m", "world": {"model": "w"}}, Place(A, "m", None), Place(A, "w", None)),
    ],
)
def test_where_each_of_them_is(values: dict[str, Any], decides: Place | None, imagines: Place | None) -> None:
    assert (named(settings(**values)), imagining(settings(**values))) == (decides, imagines)


def test_a_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " sk-1\n")
    assert key_of("SOME_KEY") == "sk-1"
    assert key_of(None) == ""
    for bad in ("", "  ", "sk sekret", "sk-sekret\nx", "sk-sékret"):
        monkeypatch.setenv("SOME_KEY", bad)
        with pytest.raises(UsageError) as raised:
            key_of("SOME_KEY")
        assert "kret" not in str(raised.value)
        assert "SOME_KEY" not in str(raised.value), "a key that was put in the wrong place is not shown either"


@pytest.fixture
async def servers() -> AsyncIterator[dict[str, ScriptedServer]]:
    """One that converses, one that only writes traces, one of chat completions."""
    traces = {special.value: IDS[special.value] for special in TRACE_SPECIALS}
    async with AsyncExitStack() as stack:
        made = {
            "cwm": await stack.enter_async_context(serving(IDS)),
            "tracer": await stack.enter_async_context(serving(traces)),
            "other": await stack.enter_async_context(serving({})),
        }
        made["cwm"].script["/v1/models"] = [
            lambda each: each.json({"data": [{"id": "m", "max_model_len": 20_000}, {"id": "w", "max_model_len": 64}]})
        ]
        yield made


async def decided(settings: Settings) -> tuple[Mind, str | None]:
    """The model that decides, and the name of the one that imagines; both closed again."""
    world = await trace_model(settings)
    found = await mind(settings, world)
    await found.aclose()
    if world is not None:
        await world.aclose()
    return found, world.name if world else None


async def test_one_server_for_both_is_met_once(servers: dict[str, ScriptedServer]) -> None:
    found, world = await decided(settings(model_url=servers["cwm"].url, model="m"))
    assert found.cwm is not None
    assert (found.cwm.name, found.own, world) == ("m", False, "m")
    assert len(servers["cwm"].asked("/v1/models")) == 1


async def test_two_servers_are_met_apart(servers: dict[str, ScriptedServer]) -> None:
    world = {"url": servers["tracer"].url, "model": "tiny"}
    found, name = await decided(settings(model_url=servers["cwm"].url, model="m", world=world))
    assert found.cwm is not None
    assert (found.cwm.name, found.own, name) == ("m", True, "tiny")


async def test_one_server_may_have_two_models(servers: dict[str, ScriptedServer]) -> None:
    found, world = await decided(settings(model_url=servers["cwm"].url, model="m", world={"model": "w"}))
    assert found.cwm is not None
    assert (found.cwm.name, world) == ("m", "w")


async def test_one_that_cannot_converse_only_imagines(servers: dict[str, ScriptedServer]) -> None:
    found, world = await decided(settings(model_url=servers["tracer"].url, model="tiny"))
    assert (found, world) == (Mind(), "tiny")
    small, _ = await decided(settings(model_url=servers["cwm"].url, model="w"))
    assert small.cwm is None, "its context is too short to talk"


async def test_a_world_elsewhere_alone_does_not_decide(servers: dict[str, ScriptedServer]) -> None:
    found, world = await decided(settings(world={"url": servers["cwm"].url, "model": "m"}))
    assert (found.cwm, found.chat, world) == (None, None, "m")


async def test_another_server_decides_with_the_world_beside_it(servers: dict[str, ScriptedServer]) -> None:
    chat = {"url": servers["other"].url, "context": 9_000}
    found, world = await decided(settings(model_url=servers["cwm"].url, model="m", chat=chat))
    assert found.chat is not None
    assert (found.chat.name, found.chat.context_tokens, found.cwm, world) == ("tiny", 9_000, None, "m")


async def test_the_forager_asks_no_server(servers: dict[str, ScriptedServer]) -> None:
    chat = {"url": servers["other"].url}
    assert await mind(settings(chat=chat, policy="forager"), None) == Mind()
    assert servers["other"].seen == []
