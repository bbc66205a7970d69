"""Line mode: the same session at a prompt, on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.e2e.conftest import Run, git
from tests.e2e.terminal import Terminal

FAILING = "fix the failing tests"
TWO_HUNKS = "sed -i 's/^/# /' README.md && printf 'def added():\\n    return 1\\n' > tally/added.py && echo done"


def test_a_script_does_the_main_job_reviews_applies_and_undoes(run: Run, sample: Path, tmp_path: Path) -> None:
    patch = tmp_path / "out.patch"
    lines = [FAILING, "/tests", f"/export patch {patch}", "/review", "a", "yes", "/undo", "/nonsense"]
    done = run("chat", "--repo", str(sample), input="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "status     fixed" in said
    assert "◆ ran      80 passed, 1 failed" in said, "/tests tells the runs"
    assert "applied    tally/discounts.py" in said
    assert "undone     tally/discounts.py" in said
    assert "There is no /nonsense." in said
    assert "\x1b" not in said, "nothing moves a cursor or has a colour"
    assert git(sample, "status", "--porcelain") == ""
    subprocess.run(["git", "apply", "--check", str(patch)], cwd=sample, check=True)


def test_a_review_takes_and_leaves_hunks_and_the_notes_are_told(run: Run, sample: Path) -> None:
    lines = [f"!{TWO_HUNKS}", "/review", "?", "n not the headings", "a", "yes", "/diff"]
    done = run("chat", "--repo", str(sample), input="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reject with a note" in done.stdout, "an unknown letter is answered by the list"
    assert git(sample, "status", "--porcelain", "-uall") == "?? tally/added.py\n"
    assert "not the headings" in done.stdout


def test_a_traced_call_is_pinned_as_a_test_that_stands_in_the_patch(run: Run, sample: Path) -> None:
    lines = ["/pin", "/trace tally/money.py::round_half_up(Fraction(5, 2))", "/pin", "/review", "a", "yes"]
    done = run("chat", "--repo", str(sample), "--mode", "real", input="\n".join(lines) + "\n")
    assert "Nothing was traced yet." in done.stdout
    assert "Trace a call first: /trace path.py::f(1, 2)" in done.stdout
    pinned = sample / "tests" / "test_money_pinned.py"
    assert "assert round_half_up(Fraction(5, 2)) == 3" in pinned.read_text(), done.stdout
    assert git(sample, "status", "--porcelain") == "?? tests/test_money_pinned.py\n"


def test_leaving_a_review_or_refusing_at_its_end_writes_nothing(run: Run, sample: Path) -> None:
    for answers in (["q"], ["a", "a", "no"], ["a"]):
        lines = [f"!{TWO_HUNKS}", "/review", *answers]
        done = run("chat", "--repo", str(sample), input="\n".join(lines) + "\n")
        assert done.returncode == 0, done.stdout + done.stderr
        assert git(sample, "status", "--porcelain") == "", answers


def test_what_is_exported_never_replaces_a_file(run: Run, sample: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.md"
    mine.write_text("my own words\n")
    done = run("chat", "--repo", str(sample), input=f"!echo hello\n/export markdown {mine}\n/export nothing\n/theme\n")
    assert "cannot be written: File exists" in done.stdout
    assert "Write /export markdown FILE" in done.stdout
    assert "/theme is a command of the full screen" in done.stdout
    assert mine.read_text() == "my own words\n"


def test_at_a_terminal_it_completes_files_interrupts_and_takes_a_session_up_again(
    program: list[str], environment: dict[str, str], sample: Path, run: Run
) -> None:
    run("chat", "--repo", str(sample), input="!echo kept > kept.txt\n")
    listed = json.loads(run("sessions", "list", "--format", "json").stdout)
    earlier = next(each["identity"] for each in listed if each["repository"] == str(sample))
    with Terminal([*program, "chat", "--repo", str(sample)], environment, sample) as terminal:
        terminal.wait_for(r"verify ›")
        terminal.press("!cat @tlystat")
        terminal.wait_for(r"tally/statement\.py")
        terminal.press("tab")
        terminal.wait_for(r"!cat @?tally/statement\.py")
        terminal.press("ctrl+c")
        terminal.press("!echo begun; sleep 60", "enter")
        terminal.wait_for(r"begun\n")
        terminal.press("!echo later", "enter", "/unqueue", "enter")
        terminal.wait_for(r"taken back !echo later\n(.*\n)*verify … › !echo later")
        terminal.press("ctrl+c", "ctrl+c")
        terminal.wait_for(r"interrupted", seconds=15)
        terminal.press("/resume", "enter")
        terminal.wait_for(rf"{earlier} .*\n(.*\n)*Write /resume and the name of one of these")
        terminal.press("/resume nobody", "enter")
        terminal.wait_for(r"There is no session 'nobody'\.")
        terminal.press("!echo still $((1 + 1))", "enter")
        terminal.wait_for(r"still 2")
        terminal.press(f"/resume {earlier}", "enter")
        terminal.wait_for(r"resumed")
        terminal.press("/diff", "enter")
        terminal.wait_for(r"\+kept")
        terminal.press("ctrl+d")
        assert terminal.wait_for_exit() == 0
    assert git(sample, "status", "--porcelain") == ""


def test_ctrl_c_stops_the_work_of_a_plain_chat_and_not_the_chat(
    program: list[str], environment: dict[str, str], sample: Path
) -> None:
    command = [*program, "chat", "--plain", "--repo", str(sample)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as chat:
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write("!echo begun; sleep 60\n!echo still here\n")
        chat.stdin.flush()
        for line in chat.stdout:
            if line.strip() == "begun":
                os.kill(chat.pid, signal.SIGINT)
                break
        chat.stdin.close()
        rest = chat.stdout.read()
    assert "interrupted" in rest
    assert "still here" in rest
