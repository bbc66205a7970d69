"""Floods, bombs, hogs and bytes that are no text: the command ends, the host stays small, the next command works."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator

import pytest

from cwm_agent.containers.container import Container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.observations import Completed, LimitReached, Limits
from tests.contract.running import LIMITS, Answer, run, start

MIB = 1024 * 1024


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


def which(answer: Answer) -> str:
    return answer.outcome.which if isinstance(answer.outcome, LimitReached) else repr(answer.outcome)


async def assert_next_works(shell: Shell) -> None:
    answer = await run(shell, "echo next; /bin/echo forked")
    assert (answer.text, answer.outcome) == ("next\nforked\n", Completed(0))
    assert answer.seconds < 5


async def test_the_middle_of_long_output_is_cut_and_the_cut_is_said(shell: Shell) -> None:
    answer = await run(shell, "seq 1 20000", Limits(output_bytes=1000))
    head, said, tail = answer.text.partition("\n… 107,894 bytes left out …\n")
    assert said
    assert head.startswith("1\n2\n3\n")
    assert len(head) == 500
    assert len(tail) == 500
    assert tail.endswith("19999\n20000\n")
    assert answer.outcome == Completed(0)


@pytest.mark.parametrize("size", [998, 999, 1000])
async def test_output_within_the_limit_is_whole(shell: Shell, size: int) -> None:
    answer = await run(shell, f"head -c {size} /dev/zero | tr '\\0' a", Limits(output_bytes=1000))
    assert answer.text == "a" * size


async def test_no_half_character_shows_beside_the_cut(shell: Shell) -> None:
    answer = await run(shell, "for i in $(seq 400); do printf 'ä€'; done", Limits(output_bytes=1003))
    assert "bytes left out" in answer.text
    assert "�" not in answer.text
    assert set(answer.text) <= set("ä€\n… 0123456789,bytesleftout")


async def test_partial_output_of_a_flood_is_kept_at_the_time_limit(shell: Shell) -> None:
    limits = Limits(seconds=0.5, output_bytes=2000, flood_bytes=2**60)
    answer = await run(shell, "echo first; yes", limits)
    assert which(answer) == "time"
    assert answer.text.startswith("first\ny\ny\n")
    assert answer.text.endswith("y\ny\n")
    assert "bytes left out" in answer.text
    assert answer.seconds < 3
    await assert_next_works(shell)


@pytest.mark.parametrize("command", ["yes", "head -c 10G /dev/zero", "cat /dev/urandom & yes >&2 & wait"])
async def test_a_flood_is_stopped_and_the_host_stays_small(shell: Shell, command: str) -> None:
    await run(shell, "true")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await run(shell, command)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert answer.outcome == LimitReached("output", "more than 268,435,456 bytes written")
    assert len(answer.text) <= LIMITS.output_bytes + 100
    assert grown <= 64 * MIB
    assert answer.seconds < 10
    await assert_next_works(shell)


async def test_a_reader_that_takes_its_time_does_not_make_the_host_grow(shell: Shell) -> None:
    await run(shell, "true")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events = shell.run("yes", Limits(output_bytes=64 * MIB))
    await anext(events)
    await asyncio.sleep(1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    await events.aclose()
    assert grown <= 64 * MIB
    await assert_next_works(shell)


@pytest.mark.parametrize(
    "command",
    [
        ":(){ :|:& };:",
        "bomb() { bomb | bomb & }; bomb; sleep 100",
        "python3 -c 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass'",
        "python3 -c 'import os\nwhile True:\n  try: os.fork() or os.setsid()\n  except OSError: pass'",
    ],
    ids=["in the background", "waited for", "busy", "each its own session"],
)
async def test_after_a_fork_bomb_the_next_command_works(shell: Shell, command: str) -> None:
    answer = await run(shell, command, Limits(seconds=1))
    assert which(answer) == "processes"
    assert answer.seconds < 10
    await assert_next_works(shell)


async def test_a_refused_fork_is_the_commands_own_failure(shell: Shell) -> None:
    answer = await run(shell, "for i in $(seq 200); do sleep 50 & done; false", Limits(seconds=2))
    assert which(answer) == "processes"
    await assert_next_works(shell)


@pytest.mark.parametrize(
    "command",
    [
        "python3 -c 'x = bytearray(10**10)'; exit_code=$?; sh -c \"exit $exit_code\"",
        "python3 -c 'x = [bytearray(2**20) for _ in range(10**5)]'",
        "x=$(yes | head -c 800M)",
    ],
    ids=["a hog that failed", "a growing hog", "the shell itself"],
)
async def test_the_memory_limit_is_told(shell: Shell, command: str) -> None:
    answer = await run(shell, command)
    assert which(answer) == "memory"
    await assert_next_works(shell)
    assert (await run(shell, "false")).outcome == Completed(1)


async def test_the_disk_limit_ends_a_command_and_lets_the_next_one_clean_up(shell: Shell) -> None:
    limits = Limits(seconds=20, disk_bytes=20 * MIB)
    answer = await run(shell, "head -c 60M /dev/zero > big; sleep 10", limits)
    assert which(answer) == "disk"
    answer = await run(shell, "exec 5> open; rm open; head -c 60M /dev/zero >&5; sleep 10", limits)
    assert which(answer) == "disk"
    assert (await run(shell, "rm big; sleep 0.3; echo gone", limits)).text == "gone\n"
    answer = await run(shell, "head -c 10M /dev/zero > fits; sleep 0.3; rm fits", limits)
    assert answer.outcome == Completed(0)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (r"printf '\377\376 a \342\202'", "�� a �"),
        (r"printf '\342'; sleep 0.05; printf '\202\254'", "€"),
        (r"printf '\0\1\2\177'", "\0\1\2\x7f"),
        (r"printf '\033]0;title\a\033[2J\302\233'", "\x1b]0;title\a\x1b[2J\x9b"),
        (r"printf 'a\r\nb\rc'", "a\r\nb\rc"),
        (r"printf '\355\240\200'", "���"),
    ],
    ids=["not UTF-8", "a character in two pieces", "control characters", "escapes", "returns", "a surrogate"],
)
async def test_bytes_come_as_text_that_hides_nothing(shell: Shell, command: str, text: str) -> None:
    assert (await run(shell, command)).text == text


async def test_binary_output_survives(shell: Shell) -> None:
    answer = await run(shell, "head -c 20000 /dev/urandom")
    assert answer.outcome == Completed(0)
    assert "�" in answer.text
    answer.text.encode("utf-8")


async def test_a_command_cannot_speak_for_the_service(shell: Shell) -> None:
    """The service's descriptors belong to it alone: frames and completions cannot be forged through /proc."""
    forged = r"\0\0\0\20\0\0\0\0{\"t\":\"done\"}"
    answer = await run(
        shell,
        f"for fd in 1 2; do printf '{forged}' > /proc/$PPID/fd/$fd; done 2>&1 | grep -c denied; "
        "for fd in 196 198 199; do echo 0 >&$fd; done 2>&1 | grep -c 'Bad file'; echo end",
    )
    assert answer.text == "2\n3\nend\n"
    assert answer.outcome == Completed(0)
