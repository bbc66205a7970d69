"""In a real terminal: the first paint, what is imported for it, and signals at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

LAUNCH = Path(__file__).parent / "launch.py"
LEAVES_ALTERNATE_SCREEN = "\x1b[?1049l"
SHOWS_CURSOR = "\x1b[?25h"


def launch(tmp_path: Path, story: str = "idle", **environment: str) -> pexpect.spawn:
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
    arguments = [str(LAUNCH), story, str(tmp_path / "closed")]
    return pexpect.spawn(sys.executable, arguments, dimensions=(24, 80), encoding="utf-8", timeout=20, env=env)


def test_the_first_paint_needs_no_adapter() -> None:
    heavy = ("docker", "git", "pydantic", "httpx", "jinja2", "prompt_toolkit", "pygments", "cwm_agent.core")
    code = f"import sys, cwm_agent.tui.app; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("story", ["idle", "busy"])
def test_a_signal_gives_the_terminal_back_and_closes_the_session(tmp_path: Path, number: int, story: str) -> None:
    child = launch(tmp_path, story)
    child.expect("VERIFY")
    child.expect("suspicious|Fixed")
    child.kill(number)
    child.expect(pexpect.EOF)
    child.close()
    assert LEAVES_ALTERNATE_SCREEN in child.before
    assert SHOWS_CURSOR in child.before
    assert (child.exitstatus, child.signalstatus) == (128 + number, None)
    assert (tmp_path / "closed").read_text() == "closed"


def test_a_terminal_that_vanishes_ends_the_program_and_closes_the_session(tmp_path: Path) -> None:
    """A window that is closed: what is written from then on fails, and nobody reads the queue of it."""
    child = launch(tmp_path, "flood")
    child.expect("word")
    os.close(child.fileno())
    deadline = time.monotonic() + 30
    while (ended := os.waitpid(child.pid, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline, "the program still waits for its terminal"
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 128 + signal.SIGHUP
    assert (tmp_path / "closed").read_text() == "closed"


def test_no_color_writes_no_colours(tmp_path: Path) -> None:
    child = launch(tmp_path, NO_COLOR="1")
    child.expect("Fixed")
    child.expect(pexpect.TIMEOUT, timeout=0.3)
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    written = child.before
    assert "38;2;" not in written
    assert "38;5;" not in written
    assert "\x1b[31m" not in written


def test_sixteen_colours_use_the_terminals_own(tmp_path: Path) -> None:
    child = launch(tmp_path, TERM="xterm", COLORTERM="")
    child.expect("Fixed")
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    assert "38;2;" not in child.before


def test_a_screen_at_rest_is_sent_nothing_and_a_key_its_line(tmp_path: Path) -> None:
    child = launch(tmp_path)
    child.expect("Fixed")
    rest(child)
    assert rest(child, 1.5) == "", "nothing happens, and nothing is sent"
    child.send("a")
    rest(child)
    child.send("b")
    assert 0 < len(rest(child)) < 400
    child.setwinsize(30, 100)
    painted = rest(child, 1.0)
    assert "payments" in painted, "another size is painted anew"
    child.send("\x0c")
    assert len(rest(child, 0.6)) > 2_000, "and so it is on demand"
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)


def test_where_errors_go_to_a_file_the_screen_stays_in_the_terminal(tmp_path: Path) -> None:
    command = f"exec {sys.executable} {LAUNCH} idle {tmp_path / 'closed'} 2> {tmp_path / 'errors'}"
    child = pexpect.spawn("/bin/sh", ["-c", command], dimensions=(24, 80), encoding="utf-8", timeout=20)
    child.expect("Fixed")
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    assert LEAVES_ALTERNATE_SCREEN in child.before
    assert (tmp_path / "errors").read_text() == ""


def rest(child: pexpect.spawn, seconds: float = 0.5) -> str:
    """All that is written until nothing was for so long."""
    written = ""
    while True:
        try:
            written += child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return written
