"""Makes the README's screenshots from the real program: the demo on the real engine, its screens written as SVG."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from cwm_agent.compose import House
from cwm_agent.demo.sample import PROMPT, create_sample
from cwm_agent.events import SubmitPrompt
from cwm_agent.settings import load
from cwm_agent.tui.app import CwmApp
from cwm_agent.workspace.repository import Repository

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SIZE = (120, 34)


async def shoot(folder: Path) -> None:
    repository = Repository.open(create_sample(folder / "sample"))
    house = House(load(), repository)
    app = CwmApp(house.open, title="sample", branch=repository.branch)
    async with app.run_test(size=SIZE) as pilot:
        while app.session is None:
            await pilot.pause(0.1)
        await app.session.send(SubmitPrompt(PROMPT))
        await app.session.idle()
        await pilot.pause(0.5)
        (IMAGES / "conversation.svg").write_text(app.export_screenshot(title="cwm-agent"))
        await pilot.press("ctrl+r")
        await pilot.pause(0.5)
        (IMAGES / "review.svg").write_text(app.export_screenshot(title="cwm-agent"))
    await house.aclose()


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CWM_AGENT_HOME"] = f"{folder}/home"
        asyncio.run(shoot(Path(folder)))
