"""Looks at everything that a session needs and says, for each, what its state is and what would mend it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from cwm_agent import __version__
from cwm_agent.errors import CwmAgentError
from cwm_agent.resources import cache_folder, private_folder, state_folder
from cwm_agent.settings import Settings
from cwm_agent.text import printable_line

State = Literal["ok", "warning", "missing"]
_MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "missing": "✗"}
_SMALLEST_DISK = 5 * 1024**3
_EXIT_MISSING = 3


class Finding(Struct, frozen=True):
    """The state of one thing; `needed` is False for what a session can do without."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    needed: bool = True


async def _engine_and_image(settings: Settings) -> list[Finding]:
    from cwm_agent.containers.engine import Engine
    from cwm_agent.containers.image import image_id, image_tag, sandbox_files

    try:
        engine = await Engine.connect()
        tag = settings.sandbox.image or image_tag(settings.sandbox, sandbox_files())
        present = await engine.call("look for the image", lambda: image_id(engine, tag))
        await engine.close()
    except CwmAgentError as error:
        return [Finding("engine", "missing", error.message, error.remedy)]
    found = [Finding("engine", "ok", f"Docker {engine.version}" + (", remote" if engine.remote else ""))]
    if present:
        return [*found, Finding("image", "ok", printable_line(tag))]
    if settings.sandbox.image:
        return [*found, Finding("image", "warning", f"{printable_line(tag)} is not here; it is pulled at first use")]
    return [*found, Finding("image", "warning", "not built yet; the first session builds it")]


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("gpu", "warning", "none found; none is needed", needed=False)
    asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    answer = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    cards = [printable_line(line) for line in answer.stdout.splitlines() if line.strip()]
    if answer.returncode or not cards:
        return Finding("gpu", "warning", "nvidia-smi finds no working card; none is needed", needed=False)
    return Finding("gpu", "ok", "; ".join(cards), needed=False)


def _git() -> Finding:
    if shutil.which("git") is None:
        return Finding("git", "missing", "no git on the PATH", "Install git 2.30 or later.")
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    return Finding("git", "ok", printable_line(said.strip()))


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "warning", "standard output is not a terminal: sessions run headless", needed=False)
    columns, rows = shutil.get_terminal_size()
    colours = (
        "no colour (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM") or "16 to 256 colours"
    )
    detail = f"{columns}×{rows}, {os.environ.get('TERM', 'unknown')}, {colours}"
    if columns < 80 or rows < 24:
        return Finding("terminal", "warning", detail, "Make it 80×24 or larger.", needed=False)
    return Finding("terminal", "ok", detail, needed=False)


def _folders() -> Finding:
    try:
        free = min(shutil.disk_usage(private_folder(folder)).free for folder in (state_folder(), cache_folder()))
    except OSError as error:
        return Finding("folders", "missing", f"{error.filename}: {error.strerror}", "Make it writable for you.")
    detail = f"{free / 1024**3:.0f} GB free for sessions and snapshots in {state_folder()} and {cache_folder()}"
    if free < _SMALLEST_DISK:
        return Finding("folders", "warning", detail, "Make room: a session may need several gigabytes.")
    return Finding("folders", "ok", detail)


def _trust() -> list[Finding]:
    """What the user said of the guidance of repositories; nothing where nothing was asked yet."""
    from cwm_agent.compose_guidance import answers_in_words

    said = answers_in_words()
    return [Finding("trust", "ok", said, "To see and to change it: cwm-agent trust", needed=False)] if said else []


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a session needs the things."""
    from cwm_agent.doctor_models import look

    sandbox = asyncio.run(_engine_and_image(settings))
    return [*sandbox, *asyncio.run(look(settings)), _gpu(), _git(), _folders(), *_trust(), _terminal()]


def in_words(findings: list[Finding]) -> Iterator[str]:
    """The findings as lines, each with its remedy below."""
    for finding in findings:
        yield f"{_MARKS[finding.state]} {finding.name:<9} {finding.detail}"
        if finding.remedy:
            yield f"  {'':<9} → {finding.remedy}"


def report(settings: Settings, *, format_: str) -> int:
    """Print the findings; 3 where something is missing that a session needs."""
    findings = examine(settings)
    if format_ == "json":
        print(msgspec.json.encode({"version": __version__, "findings": findings}).decode())
    else:
        print("\n".join(in_words(findings)))
    return _EXIT_MISSING if any(each.state == "missing" and each.needed for each in findings) else 0
