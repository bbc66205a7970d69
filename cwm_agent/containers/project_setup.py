"""Installing what a project needs, into a volume that later containers see read-only. Only here there is a network."""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from docker.errors import NotFound
from docker.types import Mount

from cwm_agent.containers.container import Container, create_and_start, image_path
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.host_pip import BUNDLE, HostPip, host_pip
from cwm_agent.containers.image import Image
from cwm_agent.containers.labels import KIND
from cwm_agent.containers.project_needs import SetUp, detect, matters
from cwm_agent.containers.spec import ENVIRONMENT_FOLDER, WORKSPACE, hardened
from cwm_agent.containers.toolbox import TOOLBOX_PYTHON
from cwm_agent.errors import SandboxError
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.settings import SandboxSettings
from cwm_agent.text import printable_line

_SECONDS = 1800.0
_LOCK_SECONDS = 0.2
_MARKER = f"{ENVIRONMENT_FOLDER}/.cwm-agent-complete"
_TEMPORARY = f"{ENVIRONMENT_FOLDER}/.tmp"
_ROOT = "0:0"

_OPEN = f"import os; os.chmod({ENVIRONMENT_FOLDER!r}, 0o777)"
_CLOSE = f"import os; open({_MARKER!r}, 'w').close(); os.chmod({ENVIRONMENT_FOLDER!r}, 0o755)"
_STORE = f"import sys; open({BUNDLE!r}, 'wb').write(sys.stdin.buffer.read())"
_LOOK = f"import os; print(os.path.exists({_MARKER!r}))"

_SCRIPT = """
exec 2>&1
leavings() {{ find . \\( -name '*.egg-info' -o -name build \\) -prune | sort; }}
before=$(mktemp) && leavings > "$before"
without=$(python3 -m pip --version > /dev/null 2>&1 && echo --without-pip)  # the image's own does, and saves seconds
python3 -m venv --clear --system-site-packages $without {folder} || exit
mkdir -p {temporary} && export TMPDIR={temporary}
{commands}
code=$?
leavings | comm -13 "$before" - | while IFS= read -r leaving; do rm -rf "$leaving"; done
rm -rf {temporary}
exit $code
"""
"""Installs, and takes back what building the project itself leaves in its tree, which is the user's snapshot."""


@asynccontextmanager
async def _alone(name: str) -> AsyncIterator[None]:
    """Wait until no other process of this machine installs the same."""
    with (private_folder(cache_folder()) / f"{name}.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_LOCK_SECONDS)
            else:
                break
        yield


async def install(
    engine: Engine,
    image: Image,
    mounts: Sequence[Mount],
    set_up: SetUp,
    settings: SandboxSettings,
    on_output: Callable[[str], None],
) -> str:
    """Install into a volume and return its name; where the same was installed before, nothing runs.

    `mounts` show the project at /workspace. The commands run in a hardened container of their own that differs in one
    thing: it has a network. SandboxError carries the last line that a failed command wrote.
    """
    name = await engine.call("name the project's environment", lambda: environment_volume(engine, image, set_up))
    async with _alone(name):
        if not await _is_complete(engine, image, name, settings):
            await engine.call(
                "make the project's environment",
                lambda: engine.client.volumes.create(name, labels={KIND: "environment"}),
            )
            await _install(engine, image, [*mounts], name, set_up, settings, on_output)
    return name


async def installed(engine: Engine, image: Image, set_up: SetUp, settings: SandboxSettings) -> bool:
    """Whether the same was installed before, so that `install` would run nothing."""
    name = await engine.call("name the project's environment", lambda: environment_volume(engine, image, set_up))
    return await _is_complete(engine, image, name, settings)


def environment_volume(engine: Engine, image: Image, set_up: SetUp) -> str:
    """The volume's name: the same image, the same files and the same commands give the same one."""
    digest = hashlib.sha256(_python_of(engine, image).encode())
    for part in (set_up.digest, *set_up.commands):
        digest.update(b"\0" + part.encode())
    return f"cwm-agent-env-{digest.hexdigest()[:16]}"


def _python_of(engine: Engine, image: Image) -> str:
    """The image as far as an environment depends on it: of ours without the last two layers, our own scripts."""
    if not image.ours:
        return image.id
    return "\0".join(engine.client.images.get(image.id).attrs["RootFS"]["Layers"][:-2])


async def _start(
    engine: Engine, image: Image, mounts: list[Mount], volume: str, settings: SandboxSettings, network: str
) -> Container:
    def work() -> str:
        arguments = hardened(
            image,
            session="",
            kind="setup",
            mounts=[*mounts, Mount(ENVIRONMENT_FOLDER, volume, type="volume")],
            settings=settings,
            image_path=image_path(engine, image),
            network=network,
        )
        return create_and_start(engine, arguments)

    return Container(engine, await engine.call("start the set-up's container", work), "")


async def _is_complete(engine: Engine, image: Image, volume: str, settings: SandboxSettings) -> bool:
    def exists() -> bool:
        try:
            engine.client.volumes.get(volume)
        except NotFound:
            return False
        return True

    if not await engine.call("look for the project's environment", exists):
        return False
    container = await _start(engine, image, [], volume, settings, "none")
    try:
        return (await container.run_once([*TOOLBOX_PYTHON, "-c", _LOOK])).strip() == "True"
    finally:
        await container.remove()


async def _install(
    engine: Engine,
    image: Image,
    mounts: list[Mount],
    volume: str,
    set_up: SetUp,
    settings: SandboxSettings,
    on_output: Callable[[str], None],
) -> None:
    container = await _start(engine, image, mounts, volume, settings, "bridge")
    try:
        pip = await asyncio.to_thread(host_pip)
        await container.run_once([*TOOLBOX_PYTHON, "-c", _OPEN], user=_ROOT)
        if pip.certificates:
            await container.follow([*TOOLBOX_PYTHON, "-c", _STORE], lambda _: None, standard_input=pip.certificates)
        await _run_commands(container, pip, set_up, on_output)
        await container.run_once([*TOOLBOX_PYTHON, "-c", _CLOSE], user=_ROOT)
    finally:
        await container.remove()


async def _run_commands(container: Container, pip: HostPip, set_up: SetUp, on_output: Callable[[str], None]) -> None:
    decoder, said = codecs.getincrementaldecoder("utf-8")("replace"), ""

    def take(piece: bytes) -> None:
        nonlocal said
        text = decoder.decode(piece)
        said = (said + text)[-2000:]
        on_output(text)

    script = _SCRIPT.format(folder=ENVIRONMENT_FOLDER, temporary=_TEMPORARY, commands=" &&\n".join(set_up.commands))
    environment = pip.environment | {
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_INPUT": "1",
        "PIP_PROGRESS_BAR": "off",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    try:
        code = await container.follow(["sh", "-c", script], take, env=environment, workdir=WORKSPACE, seconds=_SECONDS)
    except TimeoutError as error:
        raise SandboxError(f"The project's set-up did not end within {_SECONDS / 60:.0f} minutes.") from error
    if code:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "it wrote nothing")
        raise SandboxError(
            f"The project's set-up ended with {code}: {printable_line(last.strip())[:300]}",
            remedy="Its whole output is above. Without it the tests run with what the image has.",
        )


__all__ = ["SetUp", "detect", "environment_volume", "install", "installed", "matters"]
