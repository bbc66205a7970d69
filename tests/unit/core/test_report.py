"""What counts as a test run, and what it says."""

from __future__ import annotations

import pytest

from cwm_agent.core import report as reports
from cwm_agent.core.report import Report, runs_tests
from cwm_agent.events import ToolCall
from cwm_agent.observations import Completed, LimitReached, Outcome

DONE = Completed(0)
PYTEST = """\
============================= test session starts ==============================
collected 4 items

tests/test_a.py F.E.                                                     [100%]

=================================== FAILURES ===================================
FAILED this line is output of a test, not of pytest
1 passed in the words of a test
=========================== short test summary info ============================
FAILED tests/test_a.py::test_x[a b] - AssertionError: assert 1 == 2
ERROR tests/test_a.py::test_y - RuntimeError: no - really
=============== 1 failed, 2 passed, 1 warning, 1 error in 0.12s ================
"""
UNITTEST = """\
F.E
======================================================================
ERROR: test_c (tests.test_a.TestA.test_c)
----------------------------------------------------------------------
Traceback (most recent call last):
======================================================================
FAIL: test_a (tests.test_a.TestA)
----------------------------------------------------------------------
Ran 5 tests in 0.001s

FAILED (failures=1, errors=1, skipped=1)
"""


def report(output: str, command: str = "pytest", outcome: Outcome = DONE) -> Report | None:
    return reports.tests_in(ToolCall("bash", command), output, outcome)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (PYTEST, Report(2, 2, ("tests/test_a.py::test_x[a b]", "tests/test_a.py::test_y"))),
        ("...\n3 passed in 0.01s\n", Report(3, 0)),
        ("\x1b[32m\x1b[1m3 passed\x1b[0m\x1b[32m in 0.01s\x1b[0m\n", Report(3, 0)),
        ("3 passed, 1 skipped, 2 xfailed in 61.01s (0:01:01)\r\n", Report(3, 0)),
        ("==== no tests ran in 0.00s ====\n", Report(0, 0)),
        ("1 passed in 0.1s\n2 failed in 0.1s\n", Report(1, 2)),
        (UNITTEST, Report(2, 2, ("tests.test_a.TestA.test_c", "tests.test_a.TestA.test_a"))),
        ("Ran 2 tests in 0.0s\n\nOK\n", Report(2, 0)),
        ("Ran 3 tests in 0.0s\n\nOK (skipped=1, expected failures=1)\n", Report(1, 0)),
        ("Ran 1 test in 0.0s\n\nFAILED (unexpected successes=1)\n", Report(0, 1)),
        ("Ran 0 tests in 0.000s\n\nNO TESTS RAN\n", Report(0, 0)),
        ("3 passed\n", None),
        ("I think that 3 passed in 0.1s\n", None),
        ("OK\n", None),
        ("", None),
    ],
)
def test_a_summary_is_read(output: str, expected: Report | None) -> None:
    assert report(output) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -q", True),
        ("cd /workspace && python3 -m pytest tests | tail -5", True),
        ("PYTHONPATH=. python -m unittest", True),
        ("make check", True),
        ("./run_tests.sh\necho done", True),
        ("cat test.log", False),
        ("echo '3 passed in 0.1s'", False),
        ("grep -r passed tests; head tests/out", False),
        ("python main.py", False),
        ("", False),
    ],
)
def test_a_command_that_only_prints_is_no_test_run(command: str, expected: bool) -> None:
    assert runs_tests(command) is expected
    assert (report("3 passed in 0.1s\n", command) is not None) is expected


def test_no_pass_is_claimed_for_a_command_that_failed_or_was_stopped() -> None:
    assert report("3 passed in 0.1s\n", outcome=Completed(1)) is None
    assert report("3 passed in 0.1s\n", outcome=LimitReached("time")) is None
    assert report("1 failed in 0.1s\n", outcome=Completed(1)) == Report(0, 1)
    assert reports.tests_in(ToolCall("edit", "pytest"), "3 passed in 0.1s\n", Completed(0)) is None
