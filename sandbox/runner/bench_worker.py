"""A process of the bench that imports pytest: a spectrum run, or the zygote of one of the two lanes."""

from __future__ import annotations

import io
import os
import sys

from _cwm_runner import forkserver_link
from _cwm_runner.forkserver_imports import Tree, install

_TAIL = 16 * 1024


class Tail(io.StringIO):
    """Takes any amount of text and keeps the end of it."""

    def write(self, text: str) -> int:
        """Keep the text, and forget the oldest."""
        super().write(text)
        if self.tell() > 4 * _TAIL:
            rest = self.getvalue()[-_TAIL:]
            self.seek(0)
            self.truncate()
            super().write(rest)
        return len(text)


def last_words(text: str) -> str:
    """The line of pytest's output that says why it did not start."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line[2:].strip() for line in lines if line.startswith("E ")]
    where = [
        line for line in lines if line.startswith(("ImportError while loading conftest", "ERROR:", "INTERNALERROR"))
    ]
    wrong = [line.partition("error: ")[2] for line in lines if "error: " in line]
    if wrong and not marked:
        return wrong[0][:500]
    return ": ".join([*where[:1], *marked[-1:]] or lines[-1:])[:500]


def prepare(root: str) -> Tree:
    """Make this process look like `python -m pytest` in the project's folder; returns the project's tree."""
    os.chdir(root)
    sys.argv[:] = ["pytest"]
    sys.path.insert(0, root)
    source = os.path.join(root, "src")
    if os.path.isdir(source) and source not in sys.path:
        sys.path.append(source)
    sys.dont_write_bytecode = True
    os.environ.pop("PYTEST_ADDOPTS", None)
    sys.stdout = sys.stderr = Tail()
    return Tree(root)


def work(kind: str, numbers: list[int]) -> int:
    """Be the worker `kind`; the first descriptor is the control link, the others are for the slots."""
    links = [forkserver_link.from_fd(number) for number in numbers]
    control = links[0]
    order = control.receive()
    tree = prepare(order["root"])
    finder = install(tree)
    try:
        import pytest  # noqa: F401 - to say that it is missing before anything else happens
    except ImportError as error:
        control.send({"failed": f"pytest is missing in {sys.executable}: {error}", "missing": True})
        return 1
    if kind == "spectrum":
        from _cwm_runner.bench_spectrum import run_spectrum

        return run_spectrum(order, tree, finder, control)
    if kind == "fast":
        from _cwm_runner.bench_fast import run_fast

        return run_fast(order, tree, finder, control, links[1:])
    from _cwm_runner.bench_slow import run_slow

    return run_slow(order, tree, finder, control, links[1:])
