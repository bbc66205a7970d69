"""When two patches are the same: by the syntax of the Python files that they leave, and by the bytes of all others."""

from __future__ import annotations

import ast
import warnings
from hashlib import sha256

from cwm_agent.core.applied import sides
from cwm_agent.workspace.changes import ChangeSet, Entry


def fingerprint(changes: ChangeSet) -> str:
    """The same for change sets against one tree that differ in comments and layout alone; empty for no changes."""
    if not changes:
        return ""
    digest = sha256()
    for path, _, new in sorted(sides(changes), key=lambda side: side[0]):
        for part in (path, _state(path, new)):
            digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _state(path: bytes, entry: Entry | None) -> bytes:
    if entry is None:
        return b"gone"
    syntax = _syntax(entry.content) if path.endswith((b".py", b".pyi")) else None
    return b"%o " % entry.mode + (b"bytes " + entry.content if syntax is None else b"syntax " + syntax)


def _syntax(source: bytes) -> bytes | None:
    """The tree of a file without places; None where it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(source)).encode("utf-8", "surrogatepass")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
