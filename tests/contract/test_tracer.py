"""The tracer in a real container: frames as they come, limits, deaths, and nothing left behind."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from cwm_agent.containers.container import Container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image
from cwm_agent.containers.shell import Shell
from cwm_agent.containers.tracer import ContainerTracer
from cwm_agent.observations import (
    Completed,
    Finished,
    FrameReached,
    LimitReached,
    Limits,
    Outcome,
    OutputWritten,
    TraceCall,
    WorldEvent,
)
from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.worlds.real import RealWorld, Tracer
from tests.contract.running import run, start

LIMITS = Limits(seconds=20.0)
PROCESSES = "for p in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $p; echo; done 2>/dev/null"


class Seen(NamedTuple):
    """A finished trace."""

    frames: list[Frame]
    text: str
    outcome: Outcome


@pytest.fixture
async def container(engine: Engine, image: Image) -> AsyncIterator[Container]:
    container = await start(engine, image)
    yield container
    await container.remove()


@pytest.fixture
def tracer(container: Container) -> ContainerTracer:
    return ContainerTracer(container)


async def seen(events: AsyncIterator[WorldEvent]) -> Seen:
    frames, text, outcomes = [], [], []
    async for event in events:
        assert not outcomes, "an event after Finished"
        match event:
            case FrameReached(frame):
                frames.append(frame)
            case OutputWritten(piece):
                text.append(piece)
            case Finished(outcome):
                outcomes.append(outcome)
    assert len(outcomes) == 1
    return Seen(frames, "".join(text), outcomes[0])


async def put(container: Container, files: dict[str, str]) -> None:
    shell = Shell(container)
    for name, content in files.items():
        encoded = base64.b64encode(content.encode()).decode()
        command = f"mkdir -p $(dirname /workspace/{name}) && echo {encoded} | base64 -d > /workspace/{name}"
        assert (await run(shell, command)).outcome == Completed(0)
    await shell.aclose()


async def test_a_call_through_the_real_world(container: Container, tracer: ContainerTracer) -> None:
    call: Tracer = tracer.call
    world = RealWorld(Shell(container), call)
    found = await seen(world.run(TraceCall("def f(a):\n    print(a)\n    return a + 1\n", "f(41)"), LIMITS))
    assert (found.text, found.outcome) == ("41\n", Completed(0))
    assert [frame.event for frame in found.frames] == ["call", "line", "line", "return"]
    assert found.frames[0].locals == {"a": "41"}
    assert (found.frames[-1].value, found.frames[-1].depth) == ("42", 0)
    await world.aclose()


async def test_a_file_of_the_snapshot_with_another_text(container: Container, tracer: ContainerTracer) -> None:
    await put(
        container,
        {"app/__init__.py": "", "app/b.py": "X = 2\n", "app/a.py": "from .b import X\n\ndef f():\n    return X\n"},
    )
    on_disk = "from .b import X\n\ndef f():\n    return X\n"
    found = await seen(tracer.call(TraceCall(on_disk, "f()", "app/a.py"), LIMITS))
    assert (found.frames[-1].value, found.frames[-1].file) == ("2", "app/a.py")
    edited = on_disk.replace("return X", "return X * 10")
    found = await seen(tracer.call(TraceCall(edited, "f()", "app/a.py"), LIMITS))
    assert (found.frames[-1].value, found.frames[-1].source) == ("20", "    return X * 10")
    answer = await run(Shell(container), "cat /workspace/app/a.py")
    assert answer.text == on_disk


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("os._exit(7)", Completed(7)),
        ("os.kill(os.getpid(), 9)", Completed(137)),
        ("ctypes.string_at(0)", Completed(139)),
        ("raise SystemExit(3)", Completed(3)),
        ("1 / 0", Completed(1)),
        ("time.sleep(60)", LimitReached("time", "1.5 s")),
        ("os.fork() or time.sleep(60)", Completed(0)),
        ("os.system('sleep 100 & setsid sleep 101 &')", Completed(0)),
    ],
)
async def test_however_it_ends_the_frames_are_kept(
    container: Container, tracer: ContainerTracer, body: str, outcome: Outcome
) -> None:
    source = f"import ctypes, os, time\n\ndef f():\n    x = 1\n    {body}\n"
    found = await seen(tracer.call(TraceCall(source, "f()"), Limits(seconds=1.5)))
    assert found.outcome == outcome
    lines = [frame.line for frame in found.frames if frame.event is FrameKind.LINE]
    assert lines == [4, 5]
    answer = await run(Shell(container), f"ls /tmp; {PROCESSES} | grep -E '[s]leep|[t]race' || true")
    assert answer.text == ""


async def test_the_limit_of_frames_ends_a_program_that_goes_on(tracer: ContainerTracer) -> None:
    source = "def f():\n    n = 0\n    while True:\n        n += 1\n"
    found = await seen(tracer.call(TraceCall(source, "f()"), Limits(seconds=60, frames=500)))
    assert found.outcome == LimitReached("frames", "500 frames")
    assert len(found.frames) == 500


async def test_a_short_program_ends_by_itself_past_the_limit(tracer: ContainerTracer) -> None:
    source = "def f():\n    for i in range(1000):\n        x = i\n    print(x)\n"
    found = await seen(tracer.call(TraceCall(source, "f()"), Limits(seconds=60, frames=50)))
    assert (found.text, found.outcome) == ("999\n", LimitReached("frames", "50 frames"))


async def test_closing_early_ends_the_program(container: Container, tracer: ContainerTracer) -> None:
    events = tracer.call(TraceCall("import time\ndef f():\n    time.sleep(97)\n", "f()"), LIMITS)
    assert isinstance(await anext(events), FrameReached)
    shell = Shell(container)
    assert "trace.py" in (await run(shell, PROCESSES)).text
    await events.aclose()
    for _ in range(50):
        answer = await run(shell, f"{PROCESSES} | grep -E '[t]race.py|[s]erved.py' || true; sleep 0.1")
        if not answer.text:
            break
    assert not answer.text
    await shell.aclose()


async def test_what_cannot_run_says_why(tracer: ContainerTracer) -> None:
    found = await seen(tracer.call(TraceCall("def f(:\n", "f()"), LIMITS))
    assert (found.frames, found.outcome) == ([], Completed(2))
    assert found.text.startswith("traced.py does not parse, line 1")
    found = await seen(tracer.call(TraceCall("def f(): pass\n", "g({text})"), LIMITS))
    assert found.text == "traced.py has no g. It has f.\n"


async def test_threads_come_after_the_one_that_called(tracer: ContainerTracer) -> None:
    source = """\
import threading
def work(i):
    return i
def f():
    ts = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for t in ts: t.start()
    for t in ts: t.join()
"""
    found = await seen(tracer.call(TraceCall(source, "f()"), LIMITS))
    functions = [frame.function for frame in found.frames if frame.event is FrameKind.CALL]
    assert functions == ["f", "work", "work"]
    assert [frame.depth for frame in found.frames] == [0] * len(found.frames)


async def test_a_test_and_its_inputs(container: Container, tracer: ContainerTracer) -> None:
    files = {
        "lib.py": "def double(x):\n    return x * 2\n",
        "test_lib.py": "from lib import double\n\ndef test_double():\n    assert double([1]) == [1, 1]\n",
    }
    await put(container, files)
    found = await seen(tracer.test("test_lib.py::test_double", LIMITS))
    assert found.outcome == Completed(0)
    assert "1 passed" in found.text
    assert [frame.function for frame in found.frames if frame.event is FrameKind.CALL] == ["test_double", "double"]
    (recorded,) = await tracer.inputs("test_lib.py::test_double", LIMITS)
    assert (recorded.call, recorded.file, recorded.module, recorded.depth) == ("double(x=[1])", "lib.py", "lib", 1)
    again = await seen(tracer.call(TraceCall(files["lib.py"], recorded.call or "", recorded.file), LIMITS))
    assert again.frames[-1].value == "[1, 1]"
