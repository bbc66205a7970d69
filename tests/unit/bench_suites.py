"""Small projects for the bench, and the bench on a folder of this machine."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from cwm_agent.containers.bench import ServedBench
from cwm_agent.containers.channel import Channel
from cwm_agent.protocols import Candidate, Verdict
from cwm_agent.resources import sandbox_folder


def project(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def bench_on(folder: Path, *, plugins: bool = False, python: str = sys.executable) -> ServedBench:
    """Without the plugins that happen to be installed beside us, unless they are asked for."""
    environment = dict(os.environ) | ({} if plugins else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    argv = [sys.executable, str(sandbox_folder() / "runner" / "bench.py"), "serve", str(folder), python]
    return ServedBench(lambda: Channel.over_subprocess(argv, env=environment))


def replacing(folder: Path, path: str, *pairs: tuple[str, str]) -> list[Candidate]:
    """One candidate for each (old, new); the old text stands in the file exactly once."""
    text = (folder / path).read_text(encoding="utf-8")
    assert all(text.count(old) == 1 for old, _ in pairs)
    return [Candidate(number, {path: text.replace(old, new)}) for number, (old, new) in enumerate(pairs)]


async def each(candidates: Iterable[Candidate]) -> AsyncIterator[Candidate]:
    for candidate in candidates:
        yield candidate


async def judge(
    bench: ServedBench, candidates: Iterable[Candidate], failing: list[str], related: list[str], seconds: float = 5.0
) -> dict[int, Verdict]:
    found: dict[int, Verdict] = {}
    async for verdict in bench.verify(each(candidates), failing, related, seconds):
        assert verdict.number not in found
        found[verdict.number] = verdict
    return found
