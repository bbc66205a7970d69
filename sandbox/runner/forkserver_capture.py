"""pytest's capturing in a forked child.

A zygote captures in memory, for files would be shared by all that are forked from it, offset and all. A slot, which
has one child at a time, begins anew with the method that the project's tests expect, and so does a child of the slow
lane.
"""

from __future__ import annotations

import os
import stat


def own_capture(config, method: str) -> None:
    """Capture by `method` (fd, sys, no, tee-sys) from now on."""
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is None or method == "sys":
        return
    manager.stop_global_capturing()
    manager._method = method  # noqa: SLF001 - pytest has no other way to change it after the start
    manager.start_global_capturing()


def forget_output() -> None:
    """Empty the files to which standard output and error go, where they are files: what a child wrote is of no use."""
    for number in (1, 2):
        state = os.fstat(number)
        if stat.S_ISREG(state.st_mode) and state.st_size:
            os.lseek(number, 0, os.SEEK_SET)
            os.ftruncate(number, 0)
