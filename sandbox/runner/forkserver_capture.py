"""pytest's capturing in a forked child.

The zygote captures in memory, for files would be shared with its children, offset and all. A child that is about to
run tests begins anew with the method that the project's tests expect.
"""

from __future__ import annotations


def own_capture(config, method: str) -> None:
    """Capture by `method` (fd, sys, no, tee-sys) from now on."""
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is None or method == "sys":
        return
    manager.stop_global_capturing()
    manager._method = method  # noqa: SLF001 - pytest has no other way to change it after the start
    manager.start_global_capturing()
