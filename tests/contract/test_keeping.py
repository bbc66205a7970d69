"""What a model is shown in part, in a real container: read there, in no diff, and there again in the next container."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.sandbox import Sandbox
from cwm_agent.observations import Limits, OutputWritten, RunCommand
from cwm_agent.policies.conversation.keeping import Keeping, address
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.repository import Repository
from cwm_agent.worlds.real import RealWorld

OUTPUT = "".join(f"line {number} é\n" for number in range(1, 30_001))


async def printed(sandbox: Sandbox, command: str) -> str:
    world = RealWorld(sandbox.shell, sandbox.tracer.call)
    events = world.run(RunCommand(command), Limits())
    return "".join([event.text async for event in events if isinstance(event, OutputWritten)])


async def test_it_is_read_in_a_container_and_in_the_one_after_it(
    engine: Engine, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    repository = Repository.open(folder, create=True)
    sandbox = await Sandbox.open(engine, image, repository, SandboxSettings(), session="keeping")
    try:
        keeping = Keeping(sandbox.files)
        assert await keeping.keep(7, OUTPUT) == address(7)
        assert await printed(sandbox, f"sed -n '15000p' {address(7)}; wc -l < {address(7)}") == "line 15000 é\n30000\n"
        assert (await sandbox.files.changes()).changes == ()
        await printed(sandbox, "sed -i s/1/2/ a.py")
        assert "-x = 1\n+x = 2\n" in await keeping.diff()

        await keeping.renew()
        await engine.call("kill", lambda: engine.client.api.kill(sandbox._container.id))
        await sandbox.recover()
        assert "No such file" in await printed(sandbox, f"cat {address(7)} 2>&1")
        await keeping.renew()
        assert await printed(sandbox, f"tail -n 1 {address(7)}") == "line 30000 é\n"
        assert "+x = 2\n" in await keeping.diff()
    finally:
        await sandbox.aclose()
