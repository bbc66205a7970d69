"""Entry of the bench: `python bench.py serve ROOT` answers frames on stdin; `python bench.py work KIND …` is internal.

It runs under the project's own Python, 3.8 or later, because it imports the project's tests. The modules beside this
file are loaded under a package name of their own, so that they neither hide nor meet a module of the project.
"""

from __future__ import annotations

import os
import sys
import types


def enter_package() -> None:
    """Make this folder importable as `_cwm_runner`, and take it off the search path."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    package = types.ModuleType("_cwm_runner")
    package.__path__ = [here]
    sys.modules["_cwm_runner"] = package


def main(arguments: list[str]) -> int:
    """Serve, or be one of the server's own workers; the exit status."""
    enter_package()
    if arguments[:1] == ["work"]:
        from _cwm_runner.bench_worker import work

        return work(arguments[1], [int(number) for number in arguments[2:]])
    from _cwm_runner.bench_server import serve

    return serve(*arguments[1:3])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
