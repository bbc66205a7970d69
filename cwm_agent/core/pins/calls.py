"""The call of a trace, held against the file that it is made in: what a test of it imports, and what forbids one."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Sequence
from pathlib import PurePosixPath

from cwm_agent.errors import UsageError
from cwm_agent.traces.entry import parse
from cwm_agent.traces.frames import Frame, FrameKind


def module_of(path: str) -> str:
    """The name by which a test imports a file; UsageError where it has none."""
    pure = PurePosixPath(path.replace("\\", "/"))
    parts = [pure.stem] if pure.is_absolute() else [*pure.parts[:-1], pure.stem]
    parts = [part for part in parts if part != "."]
    if len(parts) > 1 and parts[0] == "src":
        parts = parts[1:]
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise UsageError(f"{path} cannot be imported by name, so a test of it cannot be written.")
    return ".".join(parts)


def call_of(entry: str) -> ast.Call:
    """The call that was traced; UsageError where it is none: a test's id, another expression, an edited state."""
    try:
        tree = ast.parse(entry.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if not isinstance(tree, ast.Call):
        raise UsageError(f"{entry} is not a call, so there is no test of it.")
    return tree


def called(call: ast.Call) -> str:
    """The name of what is called; UsageError where it has none."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    raise UsageError(f"{ast.unparse(call.func)} has no name, so there is no test of it.")


def check_shown(call: ast.Call, frames: Sequence[Frame], source: str) -> None:
    """UsageError where the end of the trace is not the value of the entry: it calls something else last."""
    name = called(call)
    outermost = [frame for frame in frames if frame.depth == 0 and frame.event is FrameKind.CALL]
    last = outermost[-1] if outermost else None
    nodes = [
        node
        for node in ast.walk(parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
    ]
    plain = [node for node in nodes if not node.decorator_list or _binds_only(node)]
    if last is None or last.function != name or len(nodes) != len(plain) or not nodes:
        raise UsageError(f"The trace does not show what {ast.unparse(call)} gives: its last call is not a plain one.")
    if any(isinstance(node, ast.AsyncFunctionDef) or _yields(node) for node in nodes):
        raise UsageError(f"{name} gives a generator or a coroutine, which has no value that a test could compare.")


def _binds_only(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(
        isinstance(each, ast.Name) and each.id in ("staticmethod", "classmethod") for each in node.decorator_list
    )


def _yields(node: ast.AST) -> bool:
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(inner)
    return False


def needed(call: ast.Call, source: str) -> set[str]:
    """The names of the module that the call uses; UsageError for one that it has not."""
    used = {node.id for node in ast.walk(call) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.arg for node in ast.walk(call) if isinstance(node, ast.arg)}
    own |= {node.id for node in ast.walk(call) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known = top_level(source)
    missing = sorted(name for name in used - known - own if not hasattr(builtins, name))
    if missing:
        raise UsageError(f"{', '.join(missing)} cannot be imported from the file, so no test can call it.")
    return used & known


def top_level(source: str) -> set[str]:
    """The names that a file's own text binds at its top level."""
    found: set[str] = set()
    for node in parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                found.add(inner.id)
            elif isinstance(inner, ast.alias):
                found.add(inner.asname or inner.name.split(".")[0])
    return found
