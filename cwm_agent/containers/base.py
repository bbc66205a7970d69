"""What our image starts from: a local image, one that a registry delivers, or one made of Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from docker.errors import APIError, ImageNotFound

from cwm_agent.containers.engine import Engine
from cwm_agent.errors import ImageUnavailable
from cwm_agent.events import Progressed
from cwm_agent.resources import sandbox_folder
from cwm_agent.text import printable_line

DEBIAN_BASE = "cwm-agent-base:bookworm"

_REGISTRY_SECONDS = 20.0
_CHUNK = 1024 * 1024
_LABEL = "Making a base image of Debian packages"

Report = Callable[[Progressed], None]


def choose_base(engine: Engine, wanted: str, report: Report) -> str:
    """The image to build on: `wanted` where it is here or can be pulled, otherwise a Debian base of our own making."""
    if _present(engine, wanted):
        return wanted
    problem = pull(engine, wanted, report)
    if problem is None:
        return wanted
    if not _present(engine, DEBIAN_BASE):
        obstacle = _obstacle()
        if obstacle:
            raise ImageUnavailable(
                f"The base image {printable_line(wanted)} cannot be pulled ({problem}) or made here: {obstacle}.",
                remedy="Make an image registry reachable, or run once as root on Debian or Ubuntu with debootstrap.",
            )
        make_base(engine, report)
    return DEBIAN_BASE


def _present(engine: Engine, name: str) -> bool:
    try:
        engine.client.images.get(name)
    except ImageNotFound:
        return False
    return True


def pull(engine: Engine, name: str, report: Report) -> str | None:
    """Pull an image; returns why that is not possible, or None. A registry that stays silent counts as none."""
    answered, given_up = threading.Event(), threading.Event()
    problems: list[str] = []

    def work() -> None:
        try:
            for message in engine.client.api.pull(*_repository_and_tag(name), stream=True, decode=True):
                if given_up.is_set():
                    return
                if "error" in message:
                    problems.append(_reason(str(message["error"])))
                    return
                answered.set()
                report(_pulled(name, message))
        except (APIError, OSError, ValueError) as error:
            problems.append(_reason(str(getattr(error, "explanation", None) or error)))
        finally:
            answered.set()

    worker = threading.Thread(target=work, name="pull", daemon=True)
    report(Progressed(f"Pulling {name}", 0, None, "bytes"))
    worker.start()
    if not answered.wait(_REGISTRY_SECONDS):
        given_up.set()
        return "the registry does not answer"
    worker.join()
    return problems[0] if problems else None


def _repository_and_tag(name: str) -> tuple[str, str]:
    if "@" in name:
        return name, ""
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "latest")


def _pulled(name: str, message: dict[str, object]) -> Progressed:
    detail = message.get("progressDetail")
    current, total = (detail.get("current"), detail.get("total")) if isinstance(detail, dict) else (None, None)
    note = printable_line(f"{message.get('status', '')} {message.get('id', '')}".strip())
    return Progressed(
        f"Pulling {name}",
        current if isinstance(current, int) else 0,
        total if isinstance(total, int) else None,
        "bytes",
        note[:80],
    )


def _reason(text: str) -> str:
    return printable_line(text.strip().splitlines()[0] if text.strip() else "no reason given")[:200].rstrip(".")


def _obstacle() -> str:
    """Why no base image can be made here, or an empty string."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "that needs root"
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed (apt-get install debootstrap)"
    return ""


def make_base(engine: Engine, report: Report) -> None:
    """Make the Debian base by debootstrap and import it; ImageUnavailable carries what debootstrap said last."""
    script = sandbox_folder() / "base-image.sh"
    with subprocess.Popen(["/bin/sh", str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = deque[str](maxlen=4)
        watcher = threading.Thread(target=_watch, args=(process.stderr, said, report), daemon=True)
        watcher.start()
        first = process.stdout.read(_CHUNK)
        if first:
            repository, tag = DEBIAN_BASE.split(":")
            engine.client.api.import_image_from_stream(_chunks(first, process.stdout), repository=repository, tag=tag)
        code = process.wait()
        watcher.join()
    if code or not first:
        raise ImageUnavailable(
            f"No base image could be made of Debian's packages, it ended with {code}: {said[-1] if said else ''}",
            remedy="Make an image registry or Debian's package servers reachable, and try again.",
        )


def _chunks(first: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield first
    while chunk := stream.read(_CHUNK):
        yield chunk


def _watch(stream: IO[bytes], said: deque[str], report: Report) -> None:
    """Report debootstrap's steps: each package is retrieved, unpacked and configured, which gives the total."""
    retrieved, done, total = 0, 0, None
    for raw in stream:
        line = printable_line(raw.decode("utf-8", "replace").strip()).removeprefix("I: ")
        if not line:
            continue
        said.append(line[:200])
        word = line.split(" ", 1)[0]
        retrieved += word == "Validating"
        done += word in {"Validating", "Unpacking", "Configuring"}
        total = 3 * retrieved if word in {"Unpacking", "Configuring"} else total
        report(Progressed(_LABEL, min(done, total) if total else done, total, "steps", line[:80]))


__all__ = ["DEBIAN_BASE", "choose_base", "make_base", "pull"]
