"""The persistent shell in a real container: what lasts, what ends, what is told."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from cwm_agent.containers.container import Container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.errors import ContainerDied
from cwm_agent.observations import Completed, LimitReached, Limits, OutputWritten
from tests.contract.running import LIMITS, run, start


@pytest.fixture(scope="module")
def container(engine: Engine, image: Image) -> Iterator[Container]:
    container = asyncio.run(start(engine, image))
    yield container
    asyncio.run(container.remove())


@pytest.fixture
async def shell(container: Container) -> AsyncIterator[Shell]:
    shell = Shell(container)
    yield shell
    await shell.aclose()


async def processes(container: Container) -> str:
    """The arguments of what runs as the commands' user, this question's own left out."""
    return await container.run_once(["sh", "-c", "ps -u $(id -u) -o args= | grep -v -e ^ps -e ^grep -e '^sh -c'; true"])


async def test_folder_variables_and_functions_last(shell: Shell) -> None:
    first = await run(shell, "mkdir -p a/b; cd a/b; A=1; export B=2; f() { echo f$1; }; alias x=y; set -o pipefail")
    assert first == ("", "", Completed(0), first.seconds)
    answer = await run(shell, "pwd; echo $A; sh -c 'echo $B'; f 3; set -o | grep pipefail")
    assert answer.text == "/workspace/a/b\n1\n2\nf3\npipefail       \ton\n"


@pytest.mark.parametrize(
    ("command", "text", "code"),
    [
        ("cat; echo $?", "0\n", 0),
        ("read x; echo $?", "1\n", 0),
        ("python3 -c 'input()' 2>&1 | tail -1", "EOFError: EOF when reading a line\n", 0),
        ("echo out; echo err >&2; echo out", "out\nerr\nout\n", 0),
        ("false", "", 1),
        ("sh -c 'exit 42'", "", 42),
        ("sh -c 'kill -TERM $$'", "Terminated\n", 143),
        ("no-such-thing", "bash: line 1: no-such-thing: command not found\n", 127),
        ("echo a\n\nif", "a\nbash: eval: line 4: syntax error: unexpected end of file\n", 2),
        ("break; echo no", "", 0),
        ("printf 'no newline'", "no newline", 0),
        ("printf '%s' '<<E' \"it's\" '$x' '\\'", "<<Eit's$x\\", 0),
        ("echo 1 # comment", "1\n", 0),
        ("yes | head -n 2", "y\ny\n", 0),
        ("seq 3 > >(sleep 0.02; cat)", "1\n2\n3\n", 0),
        ("ls /proc/self/fd | wc -l", "4\n", 0),
        ("exec 9>lock 200>lock; echo ok", "ok\n", 0),
        ("a\0b", "The command holds a NUL byte and was not run.\n", 2),
        ("echo ä \udcff", "ä �\n", 0),
        ("echo '\ud800'", "?\n", 0),
        ("", "", 0),
    ],
)
async def test_a_command_says_what_bash_would(shell: Shell, command: str, text: str, code: int) -> None:
    answer = await run(shell, command)
    assert (answer.text, answer.outcome, answer.notices) == (text, Completed(code), "")
    assert (await run(shell, "echo next")).text == "next\n"


@pytest.mark.parametrize(
    ("command", "text", "code"),
    [
        ("exit 7", "", 7),
        ("trap 'echo bye' EXIT; exit 3", "bye\n", 3),
        ("exec echo gone", "gone\n", 0),
        ("set -e; echo before; false; echo after", "before\n", 1),
        ("kill -9 $$", "", 137),
        ("set -u; echo $nothing", "bash: line 1: nothing: unbound variable\n", 1),
    ],
)
async def test_a_shell_that_ends_is_started_again_where_it_was(
    shell: Shell, command: str, text: str, code: int
) -> None:
    await run(shell, "mkdir -p here; cd here; LOST=1")
    answer = await run(shell, command)
    assert (answer.text, answer.outcome) == (text, Completed(code))
    assert answer.notices == "the shell ended and was started again; its variables are lost"
    assert (await run(shell, 'pwd; echo "[$LOST]"')).text == "/workspace/here\n[]\n"


async def test_an_unterminated_heredoc_ends_with_the_command(shell: Shell) -> None:
    answer = await run(shell, "cat <<E\nline")
    assert answer.text.endswith("delimited by end-of-file (wanted `E')\nline\n")


@pytest.mark.parametrize("command", ["trap '' TERM INT; true", "trap 'echo noise' DEBUG; true", "set -x; set -v; true"])
async def test_traps_and_tracing_do_not_wedge_it(shell: Shell, command: str) -> None:
    await run(shell, command)
    answer = await run(shell, "echo next")
    assert answer.text.endswith("next\n")
    assert answer.outcome == Completed(0)
    assert answer.seconds < 1


async def test_everything_left_in_the_background_is_ended_and_counted(shell: Shell, container: Container) -> None:
    answer = await run(
        shell, "sleep 300 & (setsid sleep 301 &); (trap '' TERM HUP; sleep 302) & python3 -c '0' & disown"
    )
    assert answer.outcome == Completed(0)
    assert answer.notices == "3 background processes were ended"
    assert "sleep 30" not in await processes(container)
    assert (await run(shell, "echo next; jobs")).text == "next\n"


async def test_what_the_time_limit_ends_leaves_its_output_and_the_variables(shell: Shell) -> None:
    await run(shell, "KEPT=1")
    answer = await run(shell, "echo partial; sleep 100", Limits(seconds=0.5))
    assert answer.text == "partial\n"
    assert answer.outcome == LimitReached("time", "0.5 s")
    assert answer.seconds < 3
    assert (await run(shell, "echo $KEPT")).text == "1\n"


@pytest.mark.parametrize(
    "command",
    [
        "sleep 100; touch went-on",
        "while :; do :; done; touch went-on",
        "(trap '' TERM; setsid sleep 100); touch went-on",
        "set -n\ntouch went-on",
        "while sleep 100; do touch went-on; done",
    ],
)
async def test_nothing_of_an_ended_command_goes_on(shell: Shell, command: str) -> None:
    answer = await run(shell, command, Limits(seconds=0.4))
    assert isinstance(answer.outcome, LimitReached)
    assert answer.outcome.which == "time"
    assert (await run(shell, "ls went-on")).outcome == Completed(2)


async def test_closing_the_iterator_ends_the_command_and_keeps_the_shell(shell: Shell, container: Container) -> None:
    await run(shell, "KEPT=1; cd /tmp")
    events = shell.run("echo started; sleep 303", LIMITS)
    assert await anext(events) == OutputWritten("started\n")
    began = time.monotonic()
    await events.aclose()
    assert time.monotonic() - began < 2
    assert "sleep 303" not in await processes(container)
    answer = await run(shell, "echo $KEPT; pwd")
    assert answer.text == "1\n/tmp\n"


async def test_what_an_interrupt_cost_is_told_with_the_next_command(shell: Shell) -> None:
    await run(shell, "cd /tmp")
    events = shell.run("LOST=1; echo busy; while :; do :; done", LIMITS)
    assert await anext(events) == OutputWritten("busy\n")
    await events.aclose()
    answer = await run(shell, 'echo "[$LOST]"; pwd')
    assert answer.notices == "the shell ended and was started again; its variables are lost"
    assert answer.text == "[]\n/tmp\n"
    assert (await run(shell, "true")).notices == ""


async def test_a_cancelled_task_ends_its_command(shell: Shell, container: Container) -> None:
    await run(shell, "true")
    task = asyncio.create_task(run(shell, "sleep 304; touch went-on"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "sleep 304" not in await processes(container)
    assert (await run(shell, "ls went-on")).outcome == Completed(2)


async def test_output_is_live(shell: Shell) -> None:
    await run(shell, "true")
    events = shell.run("echo one; sleep 5; echo two", LIMITS)
    async with asyncio.timeout(2):
        assert await anext(events) == OutputWritten("one\n")
    await events.aclose()


@pytest.mark.parametrize("command", ["kill -9 -1", "kill -9 $PPID", "setsid kill -9 -- -1"])
async def test_a_killed_service_is_started_again(shell: Shell, container: Container, command: str) -> None:
    await run(shell, "mkdir -p here; cd here; LOST=1; sleep 0")
    answer = await run(shell, f"(setsid sleep 305 &); {command}; sleep 306")
    assert answer.outcome == Completed(137)
    assert answer.notices == "the shell was killed and started again; its variables are lost"
    assert "sleep 30" not in await processes(container)
    assert (await run(shell, 'pwd; echo "[$LOST]"')).text == "/workspace/here\n[]\n"


async def test_a_service_that_is_killed_between_two_commands_takes_none_along(
    shell: Shell, container: Container
) -> None:
    await run(shell, "cd /tmp")
    await container.kill_commands()
    answer = await run(shell, "pwd")
    assert (answer.text, answer.outcome) == ("/tmp\n", Completed(0))
    assert answer.notices == "the shell was killed and started again; its variables are lost"


async def test_a_stopped_service_is_replaced(
    shell: Shell, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwm_agent.containers.shell._GRACE", 0.5)
    await run(shell, "cd /tmp")
    answer = await run(shell, "echo said; kill -STOP $PPID; sleep 1", Limits(seconds=1))
    assert answer.outcome == LimitReached("time", "1 s")
    assert "did not answer" in answer.notices
    assert (await run(shell, "pwd")).text == "/tmp\n"


async def test_a_removed_container_is_an_error_of_its_own(engine: Engine, image: Image) -> None:
    container = await start(engine, image)
    shell = Shell(container)
    try:
        events = shell.run("echo here; sleep 100", LIMITS)
        assert await anext(events) == OutputWritten("here\n")
        await container.remove()
        with pytest.raises(ContainerDied):
            await anext(events)
        with pytest.raises(ContainerDied):
            await run(shell, "echo again")
    finally:
        await shell.aclose()
        await container.remove()


async def test_a_command_of_a_megabyte(shell: Shell) -> None:
    text = "x" * 1_000_000
    answer = await run(shell, f"t='{text}'; echo ${{#t}}; sleep 0")
    assert answer.text == "1000000\n"
    assert (await run(shell, "#" * 9_000_000)).outcome == Completed(2)
    assert (await run(shell, "echo ${#t}")).text == "1000000\n"


async def test_two_hundred_commands_in_a_row_are_quick(shell: Shell) -> None:
    await run(shell, "i=0")
    seconds = []
    for number in range(1, 201):
        answer = await run(shell, "i=$((i+1)); echo $i")
        assert answer.text == f"{number}\n"
        seconds.append(answer.seconds)
    assert statistics.median(seconds) < 0.01


async def test_the_environment_is_the_containers_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWM_SECRET", "do not tell")
    answer = await run(shell, "env; id -u; echo $-")
    assert "do not tell" not in answer.text
    assert "HOME=/home/agent" in answer.text
    assert "\n0\n" not in answer.text


async def test_a_shell_starts_without_bash(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image may have a plain sh alone: the same protocol, the same answers."""
    await container.run_once(["sh", "-c", "mkdir -p /tmp/bin && ln -sf /bin/sh /bin/cat /bin/sleep /tmp/bin/"])
    plain = container.exec_socket
    monkeypatch.setattr(
        container, "exec_socket", lambda argv, **rest: plain(argv, **rest | {"env": {"PATH": "/tmp/bin"}})
    )
    shell = Shell(container)
    try:
        assert (await run(shell, "X=1; cd /tmp; echo $0 $BASH_VERSION; cat")).text == "sh\n"
        assert (await run(shell, "echo $X; pwd")).text == "1\n/tmp\n"
        assert (await run(shell, "if")).outcome == Completed(2)
        assert (await run(shell, "exit 4")).outcome == Completed(4)
        assert (await run(shell, "sleep 307", Limits(seconds=0.3))).outcome == LimitReached("time", "0.3 s")
        assert (await run(shell, "pwd")).text == "/tmp\n"
    finally:
        await shell.aclose()
