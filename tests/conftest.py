"""Where tests run when several processes share them: those of one file together, those of one model server too."""

from __future__ import annotations

import signal

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell has its background jobs ignore it, and their children
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # the marks are read by a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Session fixtures are made once in each process: what is dear is asked for in one of them."""
    for item in items:
        shared = "served" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("model server" if shared else item.path.name))
