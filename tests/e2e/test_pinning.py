"""A traced call becomes a test of the patch: pinned from the full screen, seen in the review, run in the sandbox."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.conftest import git
from tests.e2e.terminal import Terminal

DEFAULT = {"CWM_AGENT_WORLD__EMBEDDED": "true"}
TEST = "test_round_half_up_fraction_5_2_returns"
FILE = "tests/test_money_pinned.py"
LEFT = r"\^T +mode"
OVER = r"(?s)\A(?!.*Esc +stop).*"


def test_a_call_that_ran_is_pinned_and_its_test_passes(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    command = [*program, "--repo", str(sample), "--mode", "verify"]
    with Terminal(command, environment | DEFAULT, sample, columns=140, rows=40) as terminal:
        terminal.wait_for(r"box ●")
        terminal.press("/trace tally/money.py::round_half_up(Fraction(5, 2))", "enter")
        terminal.wait_for(r"◆ RAN +returned 3")
        assert "◇ IMAGINED" in terminal.text, "in verify mode the call is imagined first"
        terminal.press("/trace", "enter", "t")
        terminal.wait_for(f"◆ pinned +{TEST} ")
        terminal.wait_for(r"not verified")
        assert git(sample, "status", "--porcelain") == "", "nothing reached the user's files"
        terminal.press("escape")
        terminal.wait_for(LEFT)
        terminal.press(f"!python3 -m pytest {FILE}", "enter")  # as the conversation says
        terminal.wait_for(rf"{OVER}1 passed")
        terminal.press("ctrl+r")
        terminal.wait_for(r"from tally\.money import Fraction, round_half_up")
        terminal.wait_for(r"assert round_half_up\(Fraction\(5, 2\)\) == 3")
        terminal.press("A", "enter")
        terminal.wait_for(r"Write 1 hunk in 1 file")
        terminal.press("enter")
        terminal.wait_for(r"Applied to ")
        assert git(sample, "status", "--porcelain") == f"?? {FILE}\n"
        terminal.press("escape", "ctrl+q")
        terminal.wait_for_exit()


def test_a_call_that_was_only_imagined_is_pinned_as_imagined(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    (sample / "same.py").write_text("def same(a):\n    b = a\n    return b\n")
    command = [*program, "--repo", str(sample), "--mode", "imagined"]
    with Terminal(command, environment | DEFAULT, sample, columns=140, rows=40) as terminal:
        terminal.wait_for(r"box ●")
        terminal.press("/trace same.py::same(1)", "enter")
        terminal.wait_for(r"◇ IMAGINED +returned 1")
        terminal.press("/pin", "enter")
        terminal.wait_for(r"◇ pinned +test_same_1_returns_as_imagined ")
        terminal.wait_for(r"a value that cwm-nano imagined and that never ran")
        terminal.press("ctrl+r")
        terminal.wait_for(r"The expectation was imagined by cwm-nano; the call never ran\.")
        assert "◆" not in terminal.text
        terminal.process.kill(signal.SIGTERM)
        terminal.wait_for_exit()
