"""The policy over the client of a real server: the ids that the server gave come back to it as they were."""

from __future__ import annotations

from cwm_agent.events import Rested
from cwm_agent.models.vllm import VllmModel
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.settings import LimitSettings
from cwm_agent.traces.grammar import Special
from tests.unit.core.stage import Stage, opened
from tests.unit.models.scripted_server import Answer, Exchange, serving
from tests.unit.policies.chat_model import call, says

SPECIALS = {special.value: 1000 + at for at, special in enumerate(Special)}
END = (SPECIALS[Special.END_OF_TURN.value], "")


async def models(exchange: Exchange) -> None:
    await exchange.json({"data": [{"id": "tiny", "max_model_len": 20_000}]})


def replies(text: str) -> Answer:
    async def answer(exchange: Exchange) -> None:
        pieces = [text[at : at + 7] for at in range(0, len(text), 7)]
        await exchange.tokens(*((2000 + at, piece) for at, piece in enumerate(pieces)), END, each=3)

    return answer


async def test_a_conversation_over_the_wire() -> None:
    spelt = f"a file that spells {Special.END_OF_TURN.value}\n"
    said = [call("bash", "cat f", text="I look."), says("It spells a separator.")]
    async with serving(SPECIALS) as server:
        server.script["/v1/models"] = [models]
        server.script["/v1/completions"] = [replies(text) for text in said]
        model = await VllmModel.connect(server.url, "tiny")
        stage = Stage(policy=CwmPolicy(model, LimitSettings()))
        stage.answer("cat f", spelt)
        try:
            async with opened(stage):
                assert await stage.tell("look") == Rested("answered")
        finally:
            await model.aclose()
        first, second = (exchange.content["prompt"] for exchange in server.asked("/v1/completions"))
    written = [*first, *(2000 + at for at in range(-(-len(said[0]) // 7))), END[0]]
    assert second[: len(written)] == written
    assert second.count(END[0]) == 4  # of the system, the user, the model and the tool
    answer = bytes(number for number in second[len(written) :] if number < 256).decode()
    assert answer.startswith(f"tool: bash\n\n<output>\n{spelt}</output>\n\n<budget>\n")
