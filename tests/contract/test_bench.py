"""The bench in the real container, on the sample repository."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.containers.bench import ContainerBench
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.snapshot import take
from cwm_agent.demo.sample import create_sample
from cwm_agent.errors import SandboxError
from cwm_agent.protocols import Bench, Candidate
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.repository import Repository
from tests.unit.bench_suites import judge, replacing

FAILING = "tests/test_statement.py::test_closing_balance_of_a_month_with_large_orders"
DISCOUNTS = "tally/discounts.py"
RULE = "quantity > tier.minimum"


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    return create_sample(tmp_path / "tally")


@contextlib.asynccontextmanager
async def container_on(engine: Engine, image: Image, folder: Path) -> AsyncIterator[Container]:
    snapshot = await take(engine, Repository.open(folder), session="bench", uid=command_user(), image=image)
    container = await start_container(
        engine, image, session="bench", mounts=snapshot.mounts, settings=SandboxSettings(memory="1g")
    )
    try:
        yield container
    finally:
        await container.remove()
        await snapshot.release()


async def test_the_sample_is_localised_and_repaired(engine: Engine, image: Image, sample: Path) -> None:
    async with container_on(engine, image, sample) as container:
        bench = ContainerBench(container)
        _: Bench = bench
        spectrum = await bench.spectrum([], 5.0)
        assert bench.recorded == len(spectrum.results) > 0
        assert spectrum.problem == ""
        assert len(spectrum.results) == 81
        assert [result.id for result in spectrum.results if result.outcome != "passed"] == [FAILING]
        assert DISCOUNTS in spectrum.lines[FAILING]
        candidates = replacing(
            sample,
            DISCOUNTS,
            (RULE, "quantity >= tier.minimum"),
            (RULE, "quantity < tier.minimum"),
            ("Tier(10, 5), Tier(50, 10)", "Tier(9, 5), Tier(49, 10)"),
            (RULE, "[[0] * 10**7 for _ in range(10**4)]"),
            (RULE, "exec('while True: pass')"),
            (RULE, "quantity >>"),
        )
        verdicts = await judge(bench, candidates, [FAILING], [result.id for result in spectrum.results], 1.0)
        stages = [verdicts[number].stage for number in range(len(candidates))]
        assert stages == ["survived", "failing", "related", "failing", "failing", "broken"]
        assert verdicts[0].passed == verdicts[0].total == 81
        assert await container.run_once(["git", "-C", "/workspace", "status", "--porcelain"]) == ""
        await bench.aclose()


async def test_it_goes_on_after_everything_in_the_container_was_killed(
    engine: Engine, image: Image, sample: Path
) -> None:
    async with container_on(engine, image, sample) as container:
        bench = ContainerBench(container)
        text = (sample / DISCOUNTS).read_text()
        candidates = [Candidate(n, {DISCOUNTS: text.replace(RULE, f"quantity > {n + 100}")}) for n in range(60)]
        candidates.append(Candidate(60, {DISCOUNTS: text.replace(RULE, "__import__('os').kill(-1, 9)")}))
        candidates += [Candidate(n, {DISCOUNTS: text.replace(RULE, f"{n} >= tier.minimum")}) for n in range(61, 80)]
        killing = asyncio.create_task(_kill_after_a_moment(container))
        verdicts = await judge(bench, candidates, [FAILING], [], 5.0)
        await killing
        assert set(verdicts) == set(range(80))
        assert {number for number, verdict in verdicts.items() if verdict.stage == "broken"} == {60}
        await bench.aclose()


async def _kill_after_a_moment(container: Container) -> None:
    await asyncio.sleep(0.8)
    await container.kill_commands()


async def test_a_container_that_is_gone_is_a_typed_error(engine: Engine, image: Image, sample: Path) -> None:
    async with container_on(engine, image, sample) as container:
        bench = ContainerBench(container)
        assert not (await bench.spectrum(["tests/test_tax.py"], 5.0)).problem
        await container.remove()
        with pytest.raises(SandboxError):
            await bench.spectrum([], 5.0)
        with pytest.raises(SandboxError):
            await judge(bench, [Candidate(1, {DISCOUNTS: ""})], [FAILING], [])
        await bench.aclose()
