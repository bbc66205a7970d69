"""Starts the debugger's prompt on scripted worlds, in a process of its own: for a pseudo-terminal, or a pipe.

python -m tests.unit.repl.launch MODE [HISTORY] [slow]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cwm_agent.core.debugger.engine import Debugger, Worlds
from cwm_agent.observations import Limits, Mode
from cwm_agent.repl.debugger import run
from tests.unit.core.debugger.stage import PATH, SUM, Dreaming, guessed, real, recorded

ENTRY = "total([1, 2])"


async def main(mode: Mode, history: Path | None, *, slow: bool) -> int:
    frames = list(recorded(ENTRY))
    if mode is Mode.VERIFY:
        frames[6] = guessed(frames[6], m="3")
    dreaming = Dreaming(frames, halt=8 if slow else None)
    debugger = Debugger(SUM, PATH, ENTRY, Worlds(real(ENTRY), dreaming), mode=mode, limits=Limits())
    return await run(debugger, history_file=history)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "slow"]
    sys.exit(asyncio.run(main(Mode(words[0]), Path(words[1]) if words[1:] else None, slow="slow" in sys.argv)))
