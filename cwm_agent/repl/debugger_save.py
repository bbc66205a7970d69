"""Writes a saved test to the disk: into a new file, or behind the tests of one that `save` wrote."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.saving import as_test, default_name
from cwm_agent.core.pins.file import append
from cwm_agent.errors import UsageError


def save(debugger: Debugger, name: str) -> tuple[Path, str]:
    """The file and the test's name; UsageError says why nothing was written. No other file is ever overwritten."""
    test = as_test(debugger)
    path = Path(name or default_name(debugger))
    if path.suffix != ".py":
        raise UsageError(f"{path} is no Python file.", remedy="Name one that ends in `.py`.")
    try:
        before = path.read_bytes().decode("utf-8") if path.exists() else None
        if before == "":
            raise UsageError(f"{path} is there already, and was not written by `save`.", remedy="Name another file.")
        whole, written = append(before or "", test)
        if before is None:
            with path.open("x", encoding="utf-8") as out:
                out.write(whole)
        else:
            _replace(path.resolve(), whole)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8, so `save` did not write it.", remedy="Name another file.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", remedy="Name another file.") from error
    return path, written


def _replace(path: Path, whole: str) -> None:
    """Put the text in the file's place at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(whole)
        Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
