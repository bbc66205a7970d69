"""The container engine: finding it, and saying in one line what is wrong when it cannot be reached or used."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from cwm_agent.errors import ContainerDied, EngineUnavailable, ImageUnavailable, SandboxDiskFull, SandboxError
from cwm_agent.text import printable_line

T = TypeVar("T")

_CALL_SECONDS = 120
_CONNECTIONS = 32
_START = "Start it with `scripts/ensure-docker.sh`, or see https://docs.docker.com/engine/install/."


class Engine:
    """A Docker engine that answered at `host`; `remote` is True where it may not see this machine's files."""

    def __init__(self, client: docker.DockerClient, *, host: str, version: str, remote: bool) -> None:
        self.client = client
        self.host = host
        self.version = version
        self.remote = remote

    @classmethod
    async def connect(cls) -> Engine:
        """Find the engine that DOCKER_HOST names, or the one behind a usual socket."""
        return await asyncio.to_thread(_connect)

    async def call(self, doing: str, work: Callable[[], T]) -> T:
        """Run blocking work of docker-py in a thread; its failures become errors of ours, named by `doing`."""
        return await asyncio.to_thread(self.guarded, doing, work)

    def guarded(self, doing: str, work: Callable[[], T]) -> T:
        """The same for code that is in a thread already."""
        with typed_errors(doing):
            return work()

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self.client.close)


def _sockets() -> list[Path]:
    home, runtime = Path.home(), os.environ.get("XDG_RUNTIME_DIR")
    usual = [Path("/var/run/docker.sock")]
    if runtime:
        usual.append(Path(runtime) / "docker.sock")
    return [
        *usual,
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        home / ".colima/docker.sock",
    ]


def _connect() -> Engine:
    host = os.environ.get("DOCKER_HOST", "")
    if host.startswith("unix://"):
        problem = _probe(Path(host.removeprefix("unix://")))
        if problem:
            raise EngineUnavailable(
                f"The engine that DOCKER_HOST names ({printable_line(host)}) does not answer: {problem}.",
                remedy="Start that engine, or unset DOCKER_HOST.",
            )
        return _open(host, remote=False)
    if host:
        return _open(host, remote=True)
    problems = {}
    for path in _sockets():
        problem = _probe(path)
        if not problem:
            return _open(f"unix://{path}", remote=False)
        problems[path] = problem
    raise _unreachable(problems)


def _probe(path: Path) -> str:
    """Why the socket cannot be used, or an empty string."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(10)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return "no such socket"
        except PermissionError:
            return "no permission"
        except ConnectionRefusedError:
            return "nobody listens"
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _unreachable(problems: dict[Path, str]) -> EngineUnavailable:
    for path, problem in problems.items():
        if problem == "no permission":
            return EngineUnavailable(
                f"You may not use the Docker engine behind {path}.",
                remedy="Run `sudo usermod -aG docker $USER` and log in again; access to Docker equals root.",
            )
    installed = shutil.which("dockerd") or (sys.platform == "darwin" and shutil.which("docker"))
    if installed or "nobody listens" in problems.values():
        return EngineUnavailable("Docker is installed, but its engine is not running.", remedy=_START)
    return EngineUnavailable("No container engine is installed.", remedy=_START)


def _open(host: str, *, remote: bool) -> Engine:
    try:
        if remote:
            client = docker.from_env(timeout=_CALL_SECONDS, max_pool_size=_CONNECTIONS)
        else:
            client = docker.DockerClient(host, version="auto", timeout=_CALL_SECONDS, max_pool_size=_CONNECTIONS)
        version = str(client.version()["Version"])
    except (DockerException, requests.RequestException, OSError) as error:
        raise EngineUnavailable(
            f"The Docker engine at {printable_line(host)} does not answer: {_first_line(error)}.",
            remedy="Check DOCKER_HOST, or unset it." if os.environ.get("DOCKER_HOST") else _START,
        ) from error
    return Engine(client, host=client.api.base_url if remote else host, version=version, remote=remote)


def _first_line(error: BaseException) -> str:
    text = str(getattr(error, "explanation", None) or error).strip() or type(error).__name__
    return printable_line(text.splitlines()[0])[:300].rstrip(".")


@contextmanager
def typed_errors(doing: str) -> Iterator[None]:
    """Turn every failure of docker-py into an error of ours; `doing` completes "Could not …"."""
    try:
        yield
    except ImageNotFound as error:
        raise ImageUnavailable(f"Could not {doing}: {_first_line(error)}.") from error
    except NotFound as error:
        raise ContainerDied(f"Could not {doing}: {_first_line(error)}.") from error
    except APIError as error:
        raise _of_api(doing, error) from error
    except (requests.RequestException, ConnectionError, BrokenPipeError, TimeoutError) as error:
        raise EngineUnavailable(
            f"Could not {doing}: the Docker engine stopped answering ({type(error).__name__}).", remedy=_START
        ) from error
    except DockerException as error:
        raise SandboxError(f"Could not {doing}: {_first_line(error)}.") from error


def _of_api(doing: str, error: APIError) -> SandboxError:
    text = _first_line(error)
    message = f"Could not {doing}: {text}."
    if "no space left on device" in text:
        return SandboxDiskFull(message, remedy="Free some space; `docker system df` shows what Docker holds.")
    if any(words in text for words in ("is not running", "is dead", "removal of container", "No such container")):
        return ContainerDied(message)
    return SandboxError(message)
