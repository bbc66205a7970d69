"""A run as a pytest test: what the call returned or raised, as the trace tells it."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from pathlib import PurePosixPath

from msgspec import Struct

from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.expressions import Opaque, read
from cwm_agent.core.debugger.tape import Tape
from cwm_agent.core.debugger.words import end, final
from cwm_agent.errors import UsageError
from cwm_agent.observations import Origin
from cwm_agent.traces.entry import parse
from cwm_agent.traces.frames import Frame, FrameKind

OWN = '"""Tests saved by the debugger of cwm-agent."""'
"""The first line of a file that may be appended to."""
_CUT = 3990
"""Characters from which on the tracer may have left out the middle of a repr."""


class Test(Struct, frozen=True):
    """A test function and the imports that it needs: module → names, an empty tuple for a plain import."""

    __test__ = False  # not one of ours, for pytest

    name: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    body: str


def as_test(debugger: Debugger) -> Test:
    """The test that holds what this run showed; UsageError says why there is none."""
    tape = _speaking(debugger)
    entry = _entry(debugger.entry)
    found = final(tape)
    if found is None:
        why = " ".join(end(tape)) or "`last` goes there."
        raise UsageError(f"The trace does not show how {debugger.entry} ends.", remedy=why)
    _check_shown(entry, tape, debugger.source)
    kind, _ = found
    needed = _needed(entry, debugger.source)
    module = module_of(debugger.path)
    imports = [(module, tuple(sorted(needed)))] if needed else []
    call = ast.unparse(entry)
    value = _last_value(tape.frames, kind)
    if kind is FrameKind.RETURN:
        check = f"    assert {_comparison(call, value)}\n"
    else:
        name, check = _raising(call, value, debugger.source)
        imports.insert(0, ("pytest", ()))
        if not hasattr(builtins, name):
            imports[-1] = (module, tuple(sorted({*needed, _defined(name, debugger.source)})))
    return _written(entry, tape, kind, check, tuple(imports))


def append(before: str, test: Test) -> tuple[str, str]:
    """A test file's text with one test more, and that test's name in it; `before` is empty for a new file.

    UsageError where `before` was not written by this.
    """
    if before and not before.startswith(OWN):
        raise UsageError("That file was not written by `save`, so nothing is added to it.", remedy="Name another file.")
    head, tests = _split(before)
    taken = {node.name for node in parse(before).body if isinstance(node, ast.FunctionDef)} if before else set()
    name, number = test.name, 2
    while name in taken:
        name, number = f"{test.name}_{number}", number + 1
    merged: dict[str, set[str]] = {}
    for module, names in (*head, *test.imports):
        merged.setdefault(module, set()).update(names)
    plain = [f"import {module}" for module, names in sorted(merged.items()) if not names]
    picked = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(merged.items()) if names]
    lines = "\n".join([*plain, *([""] if plain and picked else []), *picked])
    parts = [f"{OWN}\n", f"{lines}\n" if lines else "", tests, f"\ndef {name}() -> None:\n{test.body}"]
    return "\n".join(part for part in parts if part), name


def default_name(debugger: Debugger) -> str:
    """The file's name where the user gives none."""
    return f"test_{_called(_entry(debugger.entry))}.py"


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


def _speaking(debugger: Debugger) -> Tape:
    """The tape whose end is the expectation: the real one, where there is one."""
    if debugger.edits:
        raise UsageError(
            "This run goes on from an edited state, which no call of the program has.", remedy="`reset`, then save."
        )
    return debugger.run.tapes[-1]


def _entry(entry: str) -> ast.Call:
    tree = ast.parse(entry.strip(), mode="eval").body
    if not isinstance(tree, ast.Call):
        raise UsageError(f"{entry} is not a call, so there is no test of it.")
    return tree


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    raise UsageError(f"{ast.unparse(call.func)} has no name, so there is no test of it.")


def _check_shown(call: ast.Call, tape: Tape, source: str) -> None:
    """UsageError where the end of the trace is not the value of the entry: it calls something else last."""
    name = _called(call)
    outermost = [frame for frame in tape.frames if frame.depth == 0 and frame.event is FrameKind.CALL]
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


def _last_value(frames: list[Frame], kind: FrameKind) -> str:
    """What the entry returned, or `Name: text` of what it raised."""
    found = next(frame for frame in reversed(frames) if frame.event is kind and frame.depth == 0)
    return found.value or "None"


def _comparison(call: str, value: str) -> str:
    """`call == value`; UsageError where the repr is no literal that comes back equal."""
    literal = read(value)
    if isinstance(literal, Opaque) or literal != read(repr(literal)):
        raise UsageError(f"The value is no literal that a test could compare: {value[:80]}")
    if len(value) >= _CUT and "..." in value:
        raise UsageError("The value is so long that its middle was left out, so no test can compare it.")
    shown = repr(literal)
    return f"{call} is {shown}" if shown in ("None", "True", "False") else f"{call} == {shown}"


def _raising(call: str, value: str, source: str) -> tuple[str, str]:
    """The exception's name, and the lines that expect it: with its text, where that is sure to be what `str` gives."""
    name, _, text = value.partition(": ")
    lines = f"    with pytest.raises({name}) as raised:\n        {call}\n"
    if text and "..." not in text and "0x…" not in text and (hasattr(builtins, name) or _is_plain(name, source)):
        return name, f"{lines}    assert str(raised.value) == {text!r}\n"
    return name, lines.replace(" as raised", "")


def _is_plain(name: str, source: str) -> bool:
    """Whether it is an exception class of the file that does not say itself what its text is."""
    for node in parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            inner = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            return "__str__" not in inner and all(hasattr(builtins, base) for base in bases)
    return False


def _defined(name: str, source: str) -> str:
    if name not in _top_level(source):
        raise UsageError(f"{name} is neither a built-in exception nor a name of the file, so no test can expect it.")
    return name


def _needed(call: ast.Call, source: str) -> set[str]:
    """The names of the module that the call uses; UsageError for one that it has not."""
    used = {node.id for node in ast.walk(call) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.arg for node in ast.walk(call) if isinstance(node, ast.arg)}
    own |= {node.id for node in ast.walk(call) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known = _top_level(source)
    missing = sorted(name for name in used - known - own if not hasattr(builtins, name))
    if missing:
        raise UsageError(f"{', '.join(missing)} cannot be imported from the file, so no test can call it.")
    return used & known


def _top_level(source: str) -> set[str]:
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


def _written(
    call: ast.Call, tape: Tape, kind: FrameKind, check: str, imports: tuple[tuple[str, tuple[str, ...]], ...]
) -> Test:
    imagined = tape.origin is Origin.IMAGINED
    verb = "raises" if kind is FrameKind.EXCEPTION else "returns"
    words = re.sub(r"\W+", "_", ", ".join(map(ast.unparse, call.args))).strip("_").lower()[:40].strip("_")
    name = "_".join(part for part in ("test", _called(call), words, verb, "as_imagined" if imagined else "") if part)
    docstring = '    """The expectation was imagined by a world model; the call never ran."""\n' if imagined else ""
    return Test(name, imports, docstring + check)


def _split(text: str) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
    """The imports of a file of ours, and the rest of it after them."""
    if not text:
        return [], ""
    imports: list[tuple[str, tuple[str, ...]]] = []
    last = 1
    for node in parse(text).body[1:]:
        if isinstance(node, ast.Import):
            imports += [(alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.module or "", tuple(alias.name for alias in node.names)))
        else:
            break
        last = node.end_lineno or last
    return imports, "\n" + "\n".join(text.split("\n")[last:]).strip("\n") + "\n"
