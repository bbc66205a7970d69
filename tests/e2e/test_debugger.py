"""`cwm-agent debug` as a user has it: a real sandbox, a real socket to a model that is scripted, a pseudo-terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from cwm_agent.observations import TraceCall
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import FrameKind
from tests.e2e.conftest import Run
from tests.e2e.model_server import model_server
from tests.e2e.terminal import Terminal
from tests.unit.worlds.stage import believed

LETTERS = """\
def same(one, other):
    return one == other


def count(word, letter):
    n = 0
    for c in word:
        n += same(c, letter)
    return n
"""
HALVES = """\
def halves(n):
    print("halving", n)
    return [n // 2, 7 // (n - n)]
"""
CALL = "count('bob', 'b')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "letters.py").write_text(LETTERS)
    (tmp_path / "halves.py").write_text(HALVES)
    return tmp_path


async def scripted() -> ScriptedTraceModel:
    """A model that has one local wrong, and knows how the call goes on from n = 40."""
    context, frames = await believed(TraceCall(LETTERS, CALL, "letters.py"))
    last = len(frames) - 2
    edited = replace(frames[last], locals={**frames[last].locals, "n": "40"})
    end = replace(frames[last + 1], value="40")
    wrong = next(n for n, frame in enumerate(frames) if frame.event is FrameKind.LINE and frame.locals.get("n") == "1")
    return ScriptedTraceModel(
        belief(context, frames, wrong={(wrong, "n"): "7"}), belief(context, [*frames[:last], edited, end])
    )


@contextmanager
def debugging(program: list[str], environment: dict[str, str], folder: Path, *options: str) -> Iterator[Terminal]:
    command = [*program, "debug", "letters.py", "--call", CALL, *options]
    with Terminal(command, environment, folder) as window:
        window.screen.write_process_input = window.process.send  # type: ignore[method-assign]
        yield window


def enter(window: Terminal, line: str) -> None:
    window.press(line, "enter")


def test_commands_through_a_pipe(run: Run, folder: Path) -> None:
    commands = "s\nb 8 if c == 'b'\nc\nn\nlocals\nwhere\ngoto 2\nout\nset n = 1\nlast\nsave\nfrobnicate\n"
    done = run("debug", "letters.py", "--call", CALL, "--mode", "real", cwd=folder, input=commands)
    assert done.returncode == 0, done.stderr
    assert "(◆ real) s\n◆ frame 2/" in done.stdout
    assert "Breakpoint 1 at letters.py:8: c == 'b'.\n" in done.stdout
    assert "◆ word = 'bob'" in done.stdout
    assert "same returned False." in done.stdout
    assert "there is no world model" in done.stdout
    assert "The run is over: count returned 2." in done.stdout
    assert "No command `frobnicate`" in done.stdout
    assert "◇" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    tested = subprocess.run([sys.executable, "-m", "pytest", "-q", "test_count.py"], cwd=folder, capture_output=True)
    assert tested.returncode == 0, tested.stdout


def test_what_the_program_wrote_and_what_it_raised(run: Run, folder: Path) -> None:
    call = ("debug", "halves.py", "--call", "halves(9)", "--mode", "real")
    done = run(*call, cwd=folder, input="output\nc\nsave test_new.py\n")
    assert "halving 9" in done.stdout
    assert "halves raised ZeroDivisionError: integer division or modulo by zero" in done.stdout
    assert "pytest.raises(ZeroDivisionError)" in (folder / "test_new.py").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("letters.py", "--call", "cuont('a', 'b')", "--mode", "real"), 2, "has no cuont"),
        (("letters.py", "--call", "count(", "--mode", "real"), 2, "parse"),
        (("nothing.py", "--call", "f()", "--mode", "real"), 2, "no file nothing.py"),
        (("letters.py", "--call", CALL, "--mode", "imagined"), 3, "no world model"),
        (("letters.py",), 2, "--call"),
    ],
)
def test_wrong_use_is_told_in_words(run: Run, folder: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = run("debug", *arguments, cwd=folder, input="s\n")
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_real_run_on_a_terminal(program: list[str], environment: dict[str, str], folder: Path) -> None:
    with debugging(program, environment, folder, "--mode", "real") as window:
        window.wait_for(r"\(◆ real\)")
        window.wait_for(r"◆ real\s+frame 1/\d+  letters\.py:5  in count  depth 0")
        for line, shown in (
            ("n", r"letters\.py:6"),
            ("until 8", r"letters\.py:8"),
            ("step", r"letters\.py:1  in same  depth 1"),
            ("back", r"letters\.py:8"),
            ("p word[0] + letter", r"◆ 'bb'"),
            ("list", r"8\s+->\s+n \+= same"),
            ("goto 3", r"Line 3 is never reached"),
            ("reset", r"frame 1/"),
        ):
            enter(window, line)
            window.wait_for(shown)
        window.press("ctrl+d")
        assert window.wait_for_exit() == 0


def test_both_worlds_and_what_if(program: list[str], environment: dict[str, str], folder: Path) -> None:
    with (
        model_server(scripted) as url,
        debugging(
            program, environment, folder, "--mode", "verify", "--model-url", url, "--model", "scripted"
        ) as window,
    ):
        window.wait_for(r"\(◇◆ both\)")
        enter(window, "c")
        window.wait_for(r"The two worlds part here")
        window.wait_for(r"◇ n = 7")
        window.wait_for(r"◆ n = 1")
        enter(window, "goto 9")
        window.wait_for(r"letters\.py:9")
        enter(window, "set n = n * 20")
        window.wait_for(r"\(◇ imagined, edited\)")
        enter(window, "last")
        window.wait_for(r"as imagined, count returned 40")
        enter(window, "reset")
        window.wait_for(r"\(◇◆ both\)")
        enter(window, "q")
        assert window.wait_for_exit() == 0


def test_an_imagined_run_is_marked_in_every_line(run: Run, folder: Path) -> None:
    with model_server(scripted) as url:
        options = ("--mode", "imagined", "--model-url", url, "--model", "scripted")
        commands = "s\ns\ninfo\nlocals\nlast\nsave test_it.py\n"
        done = run("debug", "letters.py", "--call", CALL, *options, cwd=folder, input=commands)
    assert done.returncode == 0, done.stderr
    assert "(◇ imagined) s\n◇ frame 2/2+" in done.stdout
    assert "forced (the source tells it):" in done.stdout
    assert "as imagined, count returned 2" in done.stdout
    assert "◆" not in done.stdout
    assert "imagined by a world model; the call never ran" in (folder / "test_it.py").read_text()
