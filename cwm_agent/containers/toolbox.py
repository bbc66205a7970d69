"""The toolbox: a Python of our own under /opt/cwm that runs inside any Linux image, and what of ours it runs there."""

from __future__ import annotations

TOOLBOX = "/opt/cwm"

TOOLBOX_PYTHON: tuple[str, ...] = (
    f"{TOOLBOX}/lib/ld.so",
    "--library-path",
    f"{TOOLBOX}/lib",
    f"{TOOLBOX}/bin/python3",
    "-I",
    "-S",
    "-B",
)
"""The argv prefix: append a script's path, or `-c` and a program. It needs no environment; it finds its standard
library from its own path, and ignores PYTHON* variables, the user's site and the folder it stands in. A process
that starts another one names this prefix again: `sys.executable` alone has no loader in a foreign image."""

RUNNER = f"{TOOLBOX}/sandbox/runner"
"""The folder of the runner's scripts."""

TRACER = f"{TOOLBOX}/sandbox/tracer"
"""The folder of the tracer's scripts."""
