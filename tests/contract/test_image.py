from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cwm_agent.containers import base, image
from cwm_agent.containers.container import start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, ensure_image, image_tag, sandbox_files
from cwm_agent.containers.toolbox import RUNNER, TOOLBOX_PYTHON
from cwm_agent.errors import ImageUnavailable
from cwm_agent.events import Progressed
from cwm_agent.settings import SandboxSettings
from tests.contract.registry import layer, registry

SCRIPTS = Path(__file__).parents[2] / "scripts"


async def test_a_second_time_costs_nothing(engine: Engine) -> None:
    reports: list[object] = []
    first = await ensure_image(engine, SandboxSettings(), lambda _: None)
    assert await ensure_image(engine, SandboxSettings(), reports.append) == first
    assert reports == []
    assert first.ours


def test_whatever_goes_into_the_image_changes_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    files = sandbox_files()
    tag = image_tag(SandboxSettings(), files)
    assert tag == image_tag(SandboxSettings(memory="1g"), dict(files))
    assert tag != image_tag(SandboxSettings(), files | {"runner/x.py": b""})
    assert tag != image_tag(SandboxSettings(), files | {"Dockerfile": files["Dockerfile"] + b"\n"})
    assert tag != image_tag(SandboxSettings(base_image="ubuntu:24.04"), files)
    monkeypatch.setattr(image, "command_user", lambda: 4711)
    assert tag != image_tag(SandboxSettings(), files)


async def test_a_changed_script_is_built_in_and_counted(
    engine: Engine, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cwm_agent.containers import image as module

    files = sandbox_files() | {"runner/probe.py": f"print({os.getpid()})".encode()}
    monkeypatch.setattr(module, "sandbox_files", lambda: files)
    reports: list[Progressed] = []
    built = await ensure_image(engine, SandboxSettings(), reports.append)
    try:
        assert built.tag != image.tag
        counted = [report for report in reports if report.unit == "steps" and report.total]
        assert [report.done for report in counted] == sorted(report.done for report in counted)
        assert counted[-1].done == counted[-1].total
        container = await start_container(engine, built, session="b", mounts=[], settings=SandboxSettings())
        try:
            said = await container.run_once([*TOOLBOX_PYTHON, f"{RUNNER}/probe.py"])
        finally:
            await container.remove()
        assert said == f"{os.getpid()}\n"
    finally:
        engine.client.images.remove(built.tag)


async def test_a_build_that_fails_says_what_the_engine_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from cwm_agent.containers import image as module

    files = sandbox_files()
    start = files["Dockerfile"].partition(b"RUN export")[0]
    broken = files | {"Dockerfile": start + b"RUN echo the reason; exit 3\n"}
    monkeypatch.setattr(module, "sandbox_files", lambda: broken)
    with pytest.raises(ImageUnavailable, match="returned a non-zero code: 3") as caught:
        await ensure_image(engine, SandboxSettings(), lambda _: None)
    assert "the reason" in caught.value.remedy


@pytest.fixture
def bare(engine: Engine) -> Iterator[str]:
    """An image with one file and nothing that could run."""
    name = f"cwm-agent-test-bare-{os.getpid()}"
    engine.client.api.import_image_from_data(
        layer({"marker": b"bare"}), repository=name, tag="x", changes=["ENV PATH=/special/bin:/bin"]
    )
    yield f"{name}:x"
    engine.client.images.remove(f"{name}:x", force=True)


async def test_the_toolbox_runs_in_an_image_that_has_nothing(engine: Engine, bare: str) -> None:
    settings = SandboxSettings(image=bare)
    found = await ensure_image(engine, settings, lambda _: None)
    assert not found.ours
    assert found.toolbox_volume
    container = await start_container(engine, found, session="bare", mounts=[], settings=settings)
    try:
        script = (
            "import asyncio, ctypes, hashlib, os, sqlite3, subprocess\n"
            "print(open('/marker').read(), os.getuid(), os.path.exists('/bin/sh'), os.environ['PATH'])\n"
            f"print(os.access({RUNNER!r}, os.R_OK), os.access('/opt/cwm', os.W_OK))\n"
            f"print(subprocess.check_output([*{TOOLBOX_PYTHON!r}, '-c', 'print(6 * 7)']))"
        )
        said = (await container.run_once([*TOOLBOX_PYTHON, "-c", script])).splitlines()
        assert said == [
            f"bare {image.command_user()} False /opt/env/bin:/special/bin:/bin",
            "True False",
            "b'42\\n'",
        ]
        await container.kill_commands()
        assert (await container.memory_events()).kills == 0
    finally:
        await container.remove()


async def test_an_image_is_pulled_where_a_registry_answers(engine: Engine) -> None:
    reports: list[Progressed] = []
    with registry({"marker": os.urandom(300_000)}) as name:
        settings = SandboxSettings(image=f"{name}:v1")
        found = await ensure_image(engine, settings, reports.append)
        try:
            assert found.id == engine.client.images.get(f"{name}:v1").id
            assert any(report.total and report.total > 300_000 for report in reports)
        finally:
            engine.client.images.remove(f"{name}:v1")
        with pytest.raises(ImageUnavailable, match="cannot be pulled: manifest"):
            await ensure_image(engine, SandboxSettings(image=f"{name}:v2"), reports.append)


async def test_a_registry_that_stays_silent_is_given_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_REGISTRY_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(ImageUnavailable, match="the registry does not answer"):
            await ensure_image(
                engine, SandboxSettings(image=f"127.0.0.1:{silent.getsockname()[1]}/x:1"), lambda _: None
            )
    assert time.monotonic() - started < 10


async def test_a_base_that_can_neither_be_pulled_nor_made_says_what_to_do(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "DEBIAN_BASE", "cwm-agent-base:none")
    monkeypatch.setattr(base.os, "geteuid", lambda: 1000)
    with pytest.raises(ImageUnavailable, match="needs root") as caught:
        await asyncio.to_thread(base.choose_base, engine, "127.0.0.1:1/nothing:1", lambda _: None)
    assert "debootstrap" in caught.value.remedy


def test_a_base_that_fails_carries_what_was_said_last(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBIAN_MIRROR", "http://127.0.0.1:1/debian")
    reports: list[Progressed] = []
    with pytest.raises(ImageUnavailable, match=r"it ended with \d+: .*debootstrap|Failed getting release file"):
        base.make_base(engine, reports.append)
    assert not list(Path("/var/tmp").glob("cwm-agent-base.*"))


def test_the_steps_of_debootstrap_give_a_total_once_it_is_known() -> None:
    said = [b"I: Retrieving a\n", b"I: Validating a\n", b"I: Validating b\n", b"\n", b"I: Unpacking a\n"]
    said += [b"I: Unpacking b\n", b"I: Configuring a\n", b"I: Configuring b\n"]
    reports: list[Progressed] = []
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream:
        with os.fdopen(writer, "wb") as sink:
            sink.writelines(said)
        last = base.deque[str](maxlen=2)
        base._watch(stream, last, reports.append)
    assert [(report.done, report.total) for report in reports] == [
        (0, None), (1, None), (2, None), (3, 6), (4, 6), (5, 6), (6, 6),
    ]  # fmt: skip
    assert list(last) == ["Configuring a", "Configuring b"]


def test_ensure_docker_is_done_where_an_engine_answers_and_names_a_wrong_host() -> None:
    script = ["/bin/sh", str(SCRIPTS / "ensure-docker.sh")]
    assert subprocess.run(script).returncode == 0
    wrong = subprocess.run(script, env=os.environ | {"DOCKER_HOST": "unix:///nowhere"}, capture_output=True, text=True)
    assert wrong.returncode == 3
    assert "DOCKER_HOST is unix:///nowhere" in wrong.stderr


def test_two_processes_do_not_build_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cwm_agent.containers.build import building_alone

    monkeypatch.setenv("CWM_AGENT_HOME", str(tmp_path))
    reports: list[Progressed] = []
    waiting, inside = threading.Event(), threading.Event()

    def second() -> None:
        with building_alone(lambda report: (reports.append(report), waiting.set())):
            inside.set()

    worker = threading.Thread(target=second)
    with building_alone(reports.append):
        worker.start()
        assert waiting.wait(10)
        assert not inside.is_set()
    worker.join(10)
    assert inside.is_set()
    assert "another process" in reports[0].note
