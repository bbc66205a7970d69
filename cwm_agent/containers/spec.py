"""What a hardened container is made of, as plain values: the arguments of docker-py's `containers.create`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from cwm_agent.containers.image import Image, command_user
from cwm_agent.containers.labels import labels
from cwm_agent.containers.toolbox import TOOLBOX, TOOLBOX_PYTHON
from cwm_agent.resources import sandbox_folder
from cwm_agent.settings import SandboxSettings

KEEPER = 65533
"""The uid of PID 1, which no command has, so that no command can signal it."""

ENVIRONMENT_FOLDER = "/opt/env"
WORKSPACE = "/workspace"
HOME = "/home/agent"

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WAIT = "import signal\nsignal.pause()"
_OPEN_FILES = 8192  # an engine may have a limit of its own, which ours must not exceed
_HOME_BYTES = 256 * 1024**2
_INODE_BYTES = 4096  # one inode of a tmpfs for so many of its bytes


@cache
def seccomp_profile() -> str:
    """The system calls that are allowed, as the engine takes them."""
    return (sandbox_folder() / "seccomp.json").read_text(encoding="utf-8")


def environment(image_path: str | None) -> dict[str, str]:
    """The whole environment of a container: nothing of the host's. `image_path` is the PATH that the image sets."""
    return {
        "HOME": HOME,
        "USER": "agent",
        "PATH": f"{ENVIRONMENT_FOLDER}/bin:{image_path or _PATH}",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
    }


def tmpfs(settings: SandboxSettings) -> dict[str, str]:
    """The writable places that are memory, each bounded in bytes and inodes."""
    uid = command_user()
    return {
        "/tmp": _bounded(settings.tmp_bytes, "exec,mode=1777"),
        "/var/tmp": _bounded(settings.tmp_bytes // 4, "exec,mode=1777"),
        "/run": _bounded(16 * 1024**2, "noexec,mode=0755"),
        HOME: _bounded(min(_HOME_BYTES, settings.tmp_bytes), f"exec,mode=0755,uid={uid},gid={uid}"),
    }


def _bounded(size: int, options: str) -> str:
    return f"rw,nosuid,nodev,{options},size={size},nr_inodes={max(size // _INODE_BYTES, 1024)}"


def hardened(
    image: Image,
    *,
    session: str,
    kind: str,
    mounts: Sequence[Mount],
    settings: SandboxSettings,
    image_path: str | None,
    network: str = "none",
    extra_environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The container's description; PID 1 is an init and below it a process that only waits."""
    arguments: dict[str, Any] = {
        "image": image.id,
        "entrypoint": [*TOOLBOX_PYTHON, "-c", _WAIT],
        "command": [],
        "hostname": "sandbox",
        "user": f"{KEEPER}:{KEEPER}",
        "working_dir": WORKSPACE,
        "environment": environment(image_path) | dict(extra_environment or {}),
        "use_config_proxy": False,
        "labels": labels(session, kind),
        "network_mode": network,
        **({"dns": ["127.0.0.1"], "dns_search": ["."]} if network == "none" else {}),  # not the host's resolv.conf
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "read_only": True,
        "tmpfs": tmpfs(settings),
        "mounts": list(mounts),
        "mem_limit": settings.memory,
        "memswap_limit": settings.memory,
        "pids_limit": settings.processes,
        "nano_cpus": int(settings.cpus * 1e9),
        "ulimits": [
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=_OPEN_FILES, hard=_OPEN_FILES),
            Ulimit(name="fsize", soft=settings.disk_bytes, hard=settings.disk_bytes),
        ],
        "ipc_mode": "private",
        "init": True,
        "log_config": LogConfig(type=LogConfig.types.NONE),
        "stop_signal": "SIGKILL",
        "detach": True,
    }
    if settings.runtime:
        arguments["runtime"] = settings.runtime
    if image.toolbox_volume:
        arguments["mounts"].append(Mount(TOOLBOX, image.toolbox_volume, type="volume", read_only=True))
    return arguments
