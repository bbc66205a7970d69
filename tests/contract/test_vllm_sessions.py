"""Sessions against a real vLLM server whose model babbles, and whose process is killed: they end in plain words."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.conversation import held
from benchmarks.prefix_cache import BLOCK, tell
from cwm_agent.demo.sample import create_sample
from cwm_agent.errors import ModelUnavailable
from cwm_agent.events import ActionProposed, PromptAccepted, TextWritten, ToolCall
from cwm_agent.models.vllm import VllmModel
from cwm_agent.observations import Finished, LimitReached, Limits, OutputWritten
from cwm_agent.policies.cwm.policy import CwmPolicy
from cwm_agent.protocols import Sampling
from cwm_agent.settings import LimitSettings
from tests.contract.vllm_server import Served, run, started, until

CODE = "def add(a, b):\n    return a - b\n"
TASK = ("run", "test_add fails, please fix it", "--format", "json")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "calc.py").write_text(CODE)
    (folder / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@localhost"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    return folder


def test_a_session_with_a_model_that_babbles_ends_cleanly(served: Served, project: Path) -> None:
    served.rests()
    before = served.count("generation_tokens_total")
    done = run(served, project.parent / "home", *TASK, "--repo", str(project))
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["policy"], result["patch"]) == ("cwm", "")
    assert (result["status"], result["exit_code"], done.returncode) == ("no_patch", 1, 1), result
    assert "Traceback" not in done.stderr
    assert (project / "calc.py").read_text() == CODE
    assert served.count("generation_tokens_total") > before


async def test_each_prompt_of_a_session_extends_the_one_before_and_is_found_in_the_cache(
    model: VllmModel, served: Served, tmp_path: Path
) -> None:
    asks = await held(model, create_sample(tmp_path / "sample"))
    assert len(asks) > 10
    assert len(asks[-1].prompt) > 40 * BLOCK
    await tell(served, model, asks[0].prompt)
    for before, ask in pairwise(asks):
        so_far = (*before.prompt, *before.written)
        assert ask.prompt[: len(so_far)] == so_far
        queries, hits = served.count("prefix_cache_queries_total"), served.count("prefix_cache_hits_total")
        await tell(served, model, ask.prompt)
        assert served.count("prefix_cache_queries_total") - queries == len(ask.prompt)
        assert served.count("prefix_cache_hits_total") - hits >= (len(before.prompt) - 1) // BLOCK * BLOCK


async def test_the_output_of_a_command_is_imagined_behind_the_conversation(model: VllmModel, served: Served) -> None:
    """Greedy and marked as a guess: the very tokens of the model, as far as it may write."""
    most = 80
    call = ToolCall("bash", "ls")
    history = (PromptAccepted("look"), TextWritten("I look."), ActionProposed(1, call))
    policy = CwmPolicy(model, LimitSettings(), guess_tokens=most)
    *written, last = [event async for event in policy.guess(history, call, Limits())]
    (*_, begun) = await model.encode("\n\n<output>\n")
    assert last == Finished(LimitReached("tokens", f"the model wrote {most} tokens and was not done"))
    text = "".join(event.text for event in written if isinstance(event, OutputWritten))
    assert len(text) > most // 2
    assert served.spell(served.walk(begun, most)).startswith(text)


async def test_a_server_that_is_killed_is_told_once_and_comes_back(
    model: VllmModel, served: Served, project: Path
) -> None:
    async def read_on() -> None:
        while True:
            async for _ in model.complete([0, 300], Sampling(max_tokens=15_000)):
                pass

    starts, told = served.starts, len(served.said)
    reading = asyncio.create_task(read_on())
    working = started(served, project.parent / "home", *TASK, "--repo", str(project))
    await asyncio.to_thread(until, lambda: served.count("num_requests_running") > 1, 120)
    os.kill(served.pid, signal.SIGKILL)
    with pytest.raises(ModelUnavailable) as caught:
        await reading
    assert served.url in caught.value.message
    assert "\n" not in caught.value.message
    said, errors = await asyncio.to_thread(working.communicate, timeout=120)
    result = json.loads(said.splitlines()[-1])
    assert result["status"] == "error", result
    assert served.url in result["message"]
    assert "\n" not in result["message"].strip()
    assert "Traceback" not in errors
    await asyncio.to_thread(served.ready, starts + 1)
    assert any("signal 9" in line and "; restart " in line for line in served.said[told:])
    again = [token.id async for token in model.complete([0, 300], Sampling(max_tokens=3))]
    assert again == served.walk(300, 3)
