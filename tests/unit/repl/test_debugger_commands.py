"""The words of the debugger's prompt, piped in as a script would, and what is printed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from cwm_agent.core.debugger.engine import Debugger, Worlds
from cwm_agent.observations import Completed, LimitReached, Limits, Mode, Unreadable
from cwm_agent.repl.debugger import run
from cwm_agent.repl.debugger_commands import ALL, COMMANDS
from cwm_agent.testing import ScriptedWorld
from tests.unit.core.debugger.stage import PATH, SUM, Dreaming, guessed, real, recorded

ENTRY = "total([1, 2])"


class Console:
    """Pipes commands in and keeps what is printed."""

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self._patch, self._captured = patch, captured
        self.code: int | None = None

    async def __call__(
        self,
        *commands: str,
        mode: Mode = Mode.REAL,
        entry: str = ENTRY,
        world: ScriptedWorld | None = None,
        dreaming: Dreaming | None = None,
        source: str = SUM,
    ) -> str:
        self._patch.setattr("sys.stdin", io.StringIO("".join(f"{each}\n" for each in commands)))
        world = world or (real(entry, source) if mode is not Mode.IMAGINED else None)
        if dreaming is None and mode is not Mode.REAL:
            dreaming = Dreaming(recorded(entry, source))
        debugger = Debugger(source, PATH, entry, Worlds(world, dreaming), mode=mode, limits=Limits())
        self.code = await run(debugger, history_file=None)
        return self._captured.readouterr().out


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


def after(output: str, command: str) -> str:
    """What was printed for a command, up to the next prompt."""
    return re.split(r"^\([◆◇]", output.split(f") {command}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


async def test_every_claim_carries_the_mark_of_its_world(console: Console) -> None:
    out = await console("s", "p xs")
    assert "(◆ real) s\n◆ frame 2/17  f.py:7  in total  depth 0  line\n    7 ->     t = 0\n" in out
    assert after(out, "p xs") == "◆ [1, 2]\n"
    assert "◇" not in out
    out = await console("s", "p xs", mode=Mode.IMAGINED)
    assert "(◇ imagined) s\n◇ frame 2/2+  f.py:7  in total  depth 0  line\n    7 ->     t = 0\n" in out
    assert after(out, "p xs") == "◇ [1, 2]\n"
    assert "◆" not in out
    assert console.code == 0


async def test_the_abbreviations_of_pdb_and_counts(console: Console) -> None:
    out = await console("n 3", "s 2", "w", "o", "bk 2", "rn", "rout")
    assert "f.py:9  in total" in after(out, "n 3")
    assert "f.py:2  in double" in after(out, "s 2")
    assert after(out, "w").splitlines() == ["  f.py:9  total  t += double(x)", "> f.py:2  double  m = n * 2"]
    assert after(out, "o").startswith("double returned 2.\n◆ frame 9/17  f.py:8")
    assert "frame 7/17" in after(out, "bk 2")
    assert "frame 6/17" in after(out, "rn")
    assert "frame 4/17" in after(out, "rout")


async def test_breakpoints_from_setting_to_deleting(console: Console) -> None:
    out = await console(
        "b 2 if n == 2", "b double", "b f.py:10, t > 5", "b", "c", "c", "c", "c", "delete 2", "delete 9", "cl", "b"
    )
    assert after(out, "b 2 if n == 2") == "Breakpoint 1 at f.py:2, if n == 2.\n"
    assert after(out, "b").splitlines() == ["  1  f.py:2  if n == 2", "  2  double", "  3  f.py:10  if t > 5"]
    assert [line[:22] for line in out.splitlines() if re.match(r"Breakpoint \d at .*[.]$", line)] == [
        "Breakpoint 1 at f.py:2",
        "Breakpoint 2 at double",
        "Breakpoint 3 at f.py:1",
        "Breakpoint 2 at double",
        "Breakpoint 2 at double",
        "Breakpoint 1 at f.py:2",
        "Breakpoint 3 at f.py:1",
        "Breakpoint 2 at double",
    ]
    assert "There is no breakpoint 9.\nThere are 1, 3." in after(out, "delete 9")
    assert "There are no breakpoints." in out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("b 4", "no function has code there.\nThe next line with code is 6."),
        ("b nothing", "There is no function nothing."),
        ("b 2 if n ==", "Not an expression"),
        ("goto", "Not a number"),
        ("goto x", "Not a number"),
        ("goto 99", "has no line 99"),
        ("goto frame 99", "There is no frame 99: the run has 17."),
        ("s -1", "Not a number"),
        ("s 0", "Not a number"),
        ("s 99999999999999999999", "Not a number"),
        ("p zz", "No local `zz` here. There is xs."),
        ("p open('/etc/passwd')", "`open` is not called"),
        ("set xs", "`set` takes a name and a value."),
        ("set xs == 1", "`set` takes a name and a value."),
        ("set xs = 1", "there is no world model"),
        ("stepp", "No command `stepp`, and no expression over the locals here.\nDid you mean `step`?"),
        ("import os", "No command `import`"),
        ("help frobnicate", "No command `frobnicate`."),
        ("diverge", "Only one world speaks here"),
        ("output", "The program wrote nothing."),
        ("watch", "Nothing is watched."),
        ("unwatch zz", "zz is not watched."),
        ("down", "This is the running call."),
        ("list x", "Not a number"),
        ("list 900", "There are no more lines."),
        ("\x1b[2J", "No command"),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_session_goes_on(console: Console, command: str, words: str) -> None:
    out = await console(command, "info")
    assert words in out
    assert "◆ real  total([1, 2])  frame 1/17" in out
    assert "\x1b" not in out
    assert console.code == 0


async def test_a_line_that_is_no_command_is_an_expression(console: Console) -> None:
    assert after(await console("xs[0] + 41"), "xs[0] + 41") == "◆ 42\n"


async def test_the_listing_goes_on_and_comes_back(console: Console) -> None:
    out = await console("list 2,3", "list", "list .", "l 6,2", "ll")
    assert after(out, "list 2,3") == "    2         m = n * 2\n    3         return m\n"
    assert after(out, "list").splitlines()[0].split() == ["4"]
    assert "    6  -> def total(xs):" in after(out, "list .")
    assert len(after(out, "l 6,2").splitlines()) == 2
    assert len(after(out, "ll").splitlines()) == 5


async def test_a_watched_value_stops_and_is_told(console: Console) -> None:
    out = await console("watch t", "c", "c", "unwatch t", "c")
    assert after(out, "watch t") == "watch t\nNo local `t` here. There is xs.\n"
    assert "watch t: (none) → 0" in out
    assert "watch t: 0 → 2" in out
    assert "watch t: 2 → 6" not in out


async def test_locals_tell_what_imagined_values_rest_on(console: Console) -> None:
    frames = list(recorded(ENTRY))
    frames[2] = guessed(frames[2], t="0")
    out = await console("s 2", "locals", "info", mode=Mode.IMAGINED, dreaming=Dreaming(frames))
    assert "◇ t = 0   the model wrote it" in after(out, "locals")
    assert "free (the model wrote it): t" in after(out, "info")


async def test_both_worlds_are_shown_where_they_differ(console: Console) -> None:
    frames = list(recorded(ENTRY))
    frames[6] = guessed(frames[6], m="3")
    out = await console("diverge", "p m * 10", "locals", "trace", mode=Mode.VERIFY, dreaming=Dreaming(frames))
    assert "      ◇ m = 3\n      ◆ m = 2\n" in after(out, "diverge")
    assert after(out, "p m * 10") == "◇ 30\n◆ 20\n"
    assert after(out, "locals").startswith("◇◆ n = 1\n◇ m = 3   the model wrote it\n◆ m = 2\n")
    (row,) = [line for line in after(out, "trace").splitlines() if "≠" in line]
    assert row.startswith(">  7 ◇◆≠ line")
    assert row.endswith("m: ◇ 3 ◆ 2")


async def test_what_if_is_marked_as_imagined_until_it_is_reset(console: Console) -> None:
    out = await console("s 2", "set t = 40", "info", "p t", "last", "save", "reset", dreaming=Dreaming(recorded(ENTRY)))
    assert "(◇ imagined, edited) info" in out
    assert "edited at frame 3: t was 0, is 40" in after(out, "info")
    assert after(out, "p t") == "◇ 40\n"
    assert "as imagined, total returned 6" in after(out, "last")
    assert "edited state" in after(out, "save")
    assert after(out, "reset").startswith("The edits are gone.\n◆ frame 1/17")


async def test_a_run_is_saved_once_and_again(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "test_it.py"
    out = await console(f"save {path}", f"save {path}")
    assert f"test_total_1_2_returns is in {path}." in out
    assert f"test_total_1_2_returns_2 is in {path}." in out
    assert path.read_text().count("assert total([1, 2]) == 6") == 2


async def test_what_the_program_wrote_is_shown_and_not_obeyed(console: Console) -> None:
    world = real(ENTRY, output=("one\ttwo\n", "\x1b]0;evil\x07three\n"))
    out = await console("output", world=world)
    assert after(out, "output") == "one     two\n␛]0;evil␇three\n"


async def test_hostile_values_are_shown_and_not_obeyed(console: Console) -> None:
    frames = [guessed(frame, xs="'\x1b[2J\n\u202e'") for frame in recorded(ENTRY)]
    out = await console("s", "p xs", "locals", "trace", "w", "list", mode=Mode.IMAGINED, dreaming=Dreaming(frames))
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "◇ '␛[2J␊<U+202E>'" in out


async def test_a_run_without_a_frame_ends_with_its_reason(console: Console) -> None:
    world = ScriptedWorld()
    out = await console("s", world=world)
    assert "command not found" in out
    assert f"Nothing was traced of {ENTRY}." in out
    assert console.code == 1
    out = await console(mode=Mode.IMAGINED, dreaming=Dreaming((), outcome=Unreadable("hm", "Frame 1: no.")))
    assert "Frame 1: no." in out
    assert console.code == 1
    await console(mode=Mode.IMAGINED, dreaming=Dreaming((), outcome=LimitReached("tokens")))
    assert console.code == 4


async def test_a_limit_is_said_at_the_beginning_and_at_the_end(console: Console) -> None:
    world = real(ENTRY, frames=recorded(ENTRY)[:6], outcome=LimitReached("frames", "6 frames"))
    out = await console("c", world=world)
    assert out.count("A limit ended the run after 6 frames") == 2


async def test_nothing_is_done_for_blank_lines_and_comments_and_the_end_of_the_input_leaves(console: Console) -> None:
    out = await console("", "# a note", "  s  ", "")
    assert out.count("◆ frame") == 2
    assert console.code == 0


async def test_a_failed_program_has_no_claim_of_a_value(console: Console) -> None:
    out = await console("last", world=real(ENTRY, frames=recorded(ENTRY), outcome=Completed(1)))
    assert "The run is over, with exit code 1." in out


async def test_help_has_a_line_for_every_command(console: Console) -> None:
    lines = after(await console("help"), "help").splitlines()
    assert len(lines) == len(ALL) + 2
    assert all(len(line) <= 130 for line in lines)
    out = await console(*(f"help {word}" for word in COMMANDS))
    assert out.count("No command") == 0


def test_no_word_stands_for_two_commands() -> None:
    words = [word for command in ALL for word in command.words]
    assert len(words) == len(set(words))
    assert {"s", "n", "o", "r", "b", "c", "p", "l", "w", "q", "u", "d", "h", "bt", "unt", "cl"} <= set(words)
