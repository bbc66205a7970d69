"""The debugger's prompt in a pseudo-terminal, its worlds scripted: keys, completion, history, Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal

ROOT = Path(__file__).parents[3]
LAUNCH = [sys.executable, "-m", "tests.unit.repl.launch"]
ENVIRONMENT = {**os.environ, "TERM": "xterm-256color"}


def terminal(*arguments: str, **environment: str) -> Terminal:
    window = Terminal([*LAUNCH, *arguments], {**ENVIRONMENT, **environment}, ROOT)
    # As a real terminal does, this one says where its cursor is when it is asked.
    window.screen.write_process_input = window.process.send  # type: ignore[method-assign]
    return window


def enter(window: Terminal, line: str) -> None:
    window.press(line, "enter")


def test_a_session_on_a_terminal(tmp_path: Path) -> None:
    history = tmp_path / "folder" / "history"
    with terminal("real", str(history)) as window:
        window.wait_for(r"\(◆ real\)")
        window.wait_for(r"◆ real\s+frame 1/17  f\.py:6  in total  depth 0")
        enter(window, "next 3")
        window.wait_for(r"frame 4/17  f\.py:9")
        window.press("enter")
        window.wait_for(r"frame 15/17")
        enter(window, "bogus")
        window.wait_for("No command `bogus`")
        window.press("wh", "tab", "enter")
        window.wait_for(r"> f\.py:8  total")
        window.press("half a li", "ctrl+c")
        enter(window, "p t")
        window.wait_for("◆ 6")
        window.press("ctrl+d")
        assert window.wait_for_exit() == 0
    assert "+next 3\n" in history.read_text()
    with terminal("real", str(history)) as window:
        window.wait_for(r"\(◆ real\)")
        window.press("up")
        window.wait_for(r"\) p t")


def test_both_worlds_speak_on_the_status_line() -> None:
    with terminal("verify") as window:
        window.wait_for(r"\(◇◆ both\)")
        enter(window, "diverge")
        window.wait_for("The two worlds part here")
        enter(window, "set m = 50")
        window.wait_for(r"\(◇ imagined, edited\)")
        enter(window, "quit")
        assert window.wait_for_exit() == 0


def test_ctrl_c_stops_imagining_and_the_session_goes_on() -> None:
    with terminal("imagined", "", "slow") as window:
        window.wait_for(r"\(◇ imagined\)")
        enter(window, "continue")
        window.wait_for("Ctrl-C stops this")
        window.press("ctrl+c")
        window.wait_for("The run was stopped; 8 frames are kept.")
        enter(window, "p n")
        window.wait_for(r"◇ 1")
        window.press("ctrl+d")
        assert window.wait_for_exit() == 0


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_it_says_the_same(environment: dict[str, str]) -> None:
    with terminal("imagined", **environment) as window:
        window.wait_for(r"\(◇ imagined\)")
        enter(window, "s")
        window.wait_for(r"◇ frame 2/2\+  f\.py:7")
        enter(window, "q")
        assert window.wait_for_exit() == 0
    assert b"\x1b[3" not in window.raw
    assert b"\x1b[0;3" not in window.raw


def test_a_pipe_that_is_interrupted_ends_at_once() -> None:
    with subprocess.Popen(
        [*LAUNCH, "real"], cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"step\n")
        process.stdin.flush()
        while b"2/17" not in process.stdout.readline():
            pass
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (130, -signal.SIGINT, 1)


def test_a_terminal_that_can_only_write_ascii_gets_ascii() -> None:
    done = subprocess.run(
        [*LAUNCH, "real"],
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"},
        input=b"s\n",
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert rb"(\u25c6 real) s" in done.stdout
