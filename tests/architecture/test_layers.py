"""Who may import whom: the law of the house, as a test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "cwm_agent"

LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("values", ("traces.frames", "observations", "errors", "text", "resources", "workspace.changes")),
    ("events", ("events",)),
    (
        "pure",
        (
            "traces",
            "analysis",
            "workspace.diff",
            "workspace.flags",
            "workspace.hunks",
            "workspace.merge",
            "workspace.patch_text",
            "workspace.renames",
            "workspace.review",
            "workspace.safety",
            "models.chat_format",
            "models.chat_messages",
            "models.chat_stream",
        ),
    ),
    ("protocols", ("protocols", "settings")),
    ("core", ("core",)),
    (
        "adapters",
        (
            "models",
            "worlds",
            "policies",
            "tools",
            "containers",
            "workspace",
            "testing",
            "testing_models",
            "demo",
            "nano",
        ),
    ),
    (
        "front ends",
        ("tui", "repl", "views", "commands", "editor", "headless", "headless_trace", "transcript", "editors"),
    ),
    (
        "root",
        (
            "compose",
            "compose_traces",
            "compose_serve",
            "compose_sessions",
            "compose_chat",
            "compose_tui",
            "compose_editors",
            "compose_desk",
            "compose_policy",
            "compose_guidance",
            "compose_servers",
            "compose_world",
            "compose_best_of",
            "cli",
            "doctor",
            "doctor_models",
            "preparation",
            "__main__",
        ),
    ),
)
ORDER = [name for name, _ in LAYERS]
PURE = {"values", "events", "pure", "protocols"}
FRONT_MAY_USE = {"values", "events", "pure", "protocols", "core", "front ends"}
TOOLKITS = {
    "textual": ("tui",),
    "prompt_toolkit": ("repl",),
    "acp": ("editors",),
    "docker": ("containers",),
    "git": ("workspace",),
    "torch": ("nano",),
    "transformers": ("nano",),
    "numpy": ("models.network", "models.weights", "models.generation", "models.loading", "nano"),
    "safetensors": ("models.weights", "nano"),
    "threadpoolctl": ("models.loading",),
    "tokenizers": ("models.spelling", "nano"),
    "vllm": ("models.vllm", "models.server"),
    "httpx": ("models",),
}
IO_MODULES = {"asyncio", "socket", "subprocess", "threading", "shutil", "tempfile", "http", "urllib"}


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "repository" in path.parts or "_data" in path.parts:
            continue
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append((name, path))
    return found


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def layer(name: str) -> str | None:
    """The layer of the most exact room that holds the module; None for a package's own docstring module."""
    best: tuple[int, str] | None = None
    for title, rooms in LAYERS:
        for room in rooms:
            if within(name, room) and (best is None or len(room) > best[0]):
                best = (len(room), title)
    return best[1] if best else None


def imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            base = node.module or ""
            found.append((node.lineno, base))
            if base.startswith("cwm_agent"):
                found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def known(target: str, names: set[str]) -> str | None:
    """The module of ours that an import names, without the trailing name of a function or class in it."""
    inner = target.removeprefix("cwm_agent").removeprefix(".")
    return inner if inner in names else None


def breaches() -> list[str]:
    found = []
    names = {name for name, _ in modules()}
    for name, path in modules():
        own = layer(name)
        if not name:
            continue
        if own is None:
            found.append(f"{name}: stands in no layer")
            continue
        for line, target in imports(path):
            where = f"{path.relative_to(PACKAGE.parent)}:{line}"
            top = target.split(".")[0]
            if top in TOOLKITS and own != "root" and not any(within(name, room) for room in TOOLKITS[top]):
                found.append(f"{where}: {top} belongs to {', '.join(TOOLKITS[top])}")
            if own in PURE - {"protocols"} and top in IO_MODULES:
                found.append(f"{where}: {top} is I/O, and {own} is pure")
            if top != "cwm_agent":
                continue
            inner = known(target, names)
            if not inner:
                continue
            other = layer(inner)
            if other is None:
                continue
            if own == "front ends" and other not in FRONT_MAY_USE:
                found.append(f"{where}: a front end imports the adapter {inner}")
            elif ORDER.index(other) > ORDER.index(own):
                found.append(f"{where}: {own} imports {inner}, which is of the layer below ({other})")
    return found


def test_nothing_imports_against_the_order() -> None:
    assert breaches() == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("core.loop", "core"),
        ("workspace.diff", "pure"),
        ("workspace.apply", "adapters"),
        ("traces.frames", "values"),
    ],
)
def test_each_room_has_its_layer(name: str, expected: str) -> None:
    assert layer(name) == expected


def test_the_law_sees_a_breach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "containers").mkdir()
    (tmp_path / "core" / "loop.py").write_text("import docker\nfrom cwm_agent.containers import engine\n")
    (tmp_path / "containers" / "engine.py").write_text("")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert len(breaches()) == 2
