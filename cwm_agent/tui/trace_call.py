"""What `/trace` means: a call in a file, as it was typed. Pure."""

from __future__ import annotations

from cwm_agent.commands import split_call
from cwm_agent.events import TraceEntry
from cwm_agent.tui.picture import Picture


def wanted(picture: Picture, typed: str) -> TraceEntry | str:
    """`path::call`, or a call alone in the file that was changed or traced last; or why it is neither."""
    path, entry = split_call(typed)
    path = path or _file(picture)
    if not path:
        return "In which file? /trace path.py::f(1, 2)"
    if not entry:
        return f"Which call? /trace {path}::f(1, 2)"
    return TraceEntry(path, entry)


def _file(picture: Picture) -> str:
    """The Python file of ours that changed last, no test where there is another; else the one traced last."""
    changed = [file.name for made in reversed(picture.checkpoints) for file in made.files if file.name.endswith(".py")]
    own = [name for name in changed if not name.rpartition("/")[2].startswith(("test_", "conftest"))]
    traced = [each.path for each in reversed(picture.traces) if each.path]
    return next(iter([*own, *changed, *traced]), "")
