"""Makes the sandbox's image, where it does not stand yet, and says how far it is: `python scripts/build_image.py`."""

from __future__ import annotations

import asyncio
import sys

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import ensure_image
from cwm_agent.settings import SandboxSettings
from cwm_agent.transcript import Transcript


async def main() -> None:
    engine = await Engine.connect()
    try:
        await ensure_image(engine, SandboxSettings(), Transcript(sys.stdout).write)
    finally:
        await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
