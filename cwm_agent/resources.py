"""Finds `prompts/` and `sandbox/` in a checkout and in an installed wheel, and the folders that we write to."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parent


def _data(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def sandbox_folder() -> Path:
    """What lives inside the container: Dockerfile, seccomp profile, runner, tracer."""
    return _data("sandbox")


def prompts_folder() -> Path:
    """What the models are told."""
    return _data("prompts")


def shipped_model() -> Path:
    """The small world model that comes with the package."""
    return _PACKAGE / "nano" / "weights"


def _home(kind: str, default: str) -> Path:
    override = os.environ.get("CWM_AGENT_HOME")
    return Path(override) / kind if override else Path(default)


def state_folder() -> Path:
    """Sessions, journals and logs: what must not be lost. `$CWM_AGENT_HOME/state` where that is set."""
    return _home("state", platformdirs.user_state_dir("cwm-agent"))


def cache_folder() -> Path:
    """Mirrors of repositories: what can be made again. `$CWM_AGENT_HOME/cache` where that is set."""
    return _home("cache", platformdirs.user_cache_dir("cwm-agent"))


def config_file() -> Path:
    """The user's settings. `$CWM_AGENT_HOME/config/config.toml` where that is set."""
    return _home("config", platformdirs.user_config_dir("cwm-agent")) / "config.toml"


def private_folder(path: Path) -> Path:
    """Make the folder, readable by its owner alone, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
