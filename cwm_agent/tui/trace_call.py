"""What `/trace` means: a call in a file, as it was typed. Pure."""

from __future__ import annotations

from cwm_agent.events import TraceEntry
from cwm_agent.tui.picture import Picture


def wanted(picture: Picture, typed: str) -> TraceEntry | str:
    """`path::call`, or a call alone in the file that was changed or traced last; or why it is neither."""
    path, sign, entry = typed.partition("::")
    if not sign or "(" in path:
        path, entry = _file(picture), typed
    if not path:
        return "In which file? /trace path.py::f(1, 2)"
    if not entry.strip():
        return f"Which call? /trace {path}::f(1, 2)"
    return TraceEntry(path.strip(), entry.strip())


def _file(picture: Picture) -> str:
    """The Python file of ours that changed last, no test where there is another; else the one traced last."""
    changed = [file.name for made in reversed(picture.checkpoints) for file in made.files if file.name.endswith(".py")]
    own = [name for name in changed if not name.rpartition("/")[2].startswith(("test_", "conftest"))]
    traced = [each.path for each in reversed(picture.traces) if each.path]
    return next(iter([*own, *changed, *traced]), "")
