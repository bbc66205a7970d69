"""Building our image on the engine: a context made of bytes, steps counted, the engine's own words in an error."""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cwm_agent.containers.engine import Engine
from cwm_agent.containers.labels import KIND
from cwm_agent.errors import ImageUnavailable
from cwm_agent.events import Progressed
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.text import printable_line

_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
_LABEL = "Building the sandbox image"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def build_image(
    engine: Engine, tag: str, files: dict[str, bytes], *, base: str, uid: int, report: Callable[[Progressed], None]
) -> str:
    """Build and tag the image; returns its id. ImageUnavailable carries the last lines of a failed build."""
    arguments = {"BASE": base, "UID": str(uid)} | {name: os.environ[name] for name in _PROXIES if name in os.environ}
    stream = engine.client.api.build(
        fileobj=_context(files),
        custom_context=True,
        tag=tag,
        buildargs=arguments,
        labels={KIND: "image"},
        network_mode="host",
        rm=True,
        forcerm=True,
        decode=True,
    )
    identity, said = "", deque[str](maxlen=8)
    step, steps = 0, files["Dockerfile"].count(b"\nRUN ")
    for message in stream:
        if "error" in message:
            raise _failed(base, str(message["error"]), said)
        identity = message.get("aux", {}).get("ID", identity)
        for line in str(message.get("stream", "")).splitlines():
            text = printable_line(line.strip())
            if not text or text.startswith("--->"):
                continue
            said.append(text)
            found = _STEP.match(text)
            if found:
                step, steps = int(found[1]), int(found[2])
            report(Progressed(_LABEL, max(step - 1, 0), steps, "steps", found[3][:80] if found else text[:80]))
    report(Progressed(_LABEL, steps, steps, "steps"))
    return identity or str(engine.client.images.get(tag).id)


def _context(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in ("runner", "tracer"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _failed(base: str, error: str, said: deque[str]) -> ImageUnavailable:
    reason = printable_line(error.strip().splitlines()[0] if error.strip() else "the build failed")
    return ImageUnavailable(
        f"The sandbox image could not be built from {base}: {reason.rstrip('.')}.",
        remedy="The build needs Debian's package servers. It last said: " + " · ".join(list(said)[-4:]),
    )


@contextmanager
def building_alone(report: Callable[[Progressed], None]) -> Iterator[None]:
    """Hold the lock of this machine's builds, so that two processes do not do the same work at once."""
    import fcntl  # not on every system that the rest of the package can be imported on

    with (private_folder(cache_folder()) / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(Progressed(_LABEL, 0, None, "steps", "another process is building it"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
