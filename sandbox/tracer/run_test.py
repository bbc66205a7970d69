"""Runs one pytest test in this process, traced while its call phase lasts."""

import os
import sys

from _cwm_tracer.arguments import Misused

_BLOCKED = ("xdist", "xdist.looponfail", "randomly", "random_order")


def run_test(session):
    """pytest's exit status."""
    root = os.path.abspath(session.order.root)
    os.chdir(root)
    sys.path.insert(0, root)
    sys.argv = ["pytest"]
    try:
        import pytest
    except ImportError:
        raise Misused("pytest is not installed for %s." % sys.executable) from None
    plugin = _Plugin(session)
    arguments = [*_arguments(root, session.order.subject), "-p", "no:cacheprovider", "-q", "--color=no"]
    plugin_class = pytest.hookimpl(hookwrapper=True, trylast=True)
    _Plugin.pytest_runtest_call = plugin_class(_Plugin.pytest_runtest_call)
    return int(pytest.main(arguments, plugins=[plugin]))


def _arguments(root, test):
    """The project's own options as far as they keep the test in this process."""
    from shlex import join

    tokens = _options().project_addopts(root, [test])
    tokens = _options().safe_addopts(tokens)
    blocked = [part for name in _BLOCKED for part in ("-p", "no:" + name)]
    return ["--rootdir=" + root, "-o", "addopts=" + join(tokens), *blocked, test if test[:1] != "-" else "./" + test]


def _options():
    """The bench reads a project's options already; its module has no other needs."""
    package = type(sys)("_cwm_runner")
    package.__path__ = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runner")]
    sys.modules.setdefault("_cwm_runner", package)
    from _cwm_runner import bench_options

    return bench_options


class _Plugin:
    """Starts the trace with the first test's call phase, and ends it there."""

    def __init__(self, session):
        self._session = session
        self._done = False

    def pytest_runtest_call(self):
        """Around the test function, inside every other plugin's hook."""
        if self._done:
            yield
            return
        self._done = True
        self._session.start()
        yield
        self._session.finish()
