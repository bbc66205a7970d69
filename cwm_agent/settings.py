"""Every setting, with what it means. The later wins: defaults, config.toml, `CWM_AGENT_*`, the command line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from cwm_agent.errors import UsageError
from cwm_agent.observations import Limits, Mode
from cwm_agent.resources import config_file

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_PLAIN = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")


class _Section(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SandboxSettings(_Section):
    """The container that answers actions."""

    image: str | None = None
    """An image of your own, any language; None is ours, with Python, pytest, git, ripgrep and build tools."""
    base_image: str = "debian:bookworm-slim"
    """What our image starts from, where a registry answers."""
    memory: str = Field(default="2g", pattern=r"^\d+[kmgKMG]$")
    """Memory limit of a container, swap included."""
    cpus: float = Field(default=2.0, gt=0)
    """How many processors a container may use."""
    processes: int = Field(default=512, ge=32)
    """How many processes and threads may live in a container."""
    seconds: float = Field(default=120.0, gt=0)
    """Time limit of one command."""
    output_bytes: int = Field(default=480 * 1024, ge=1024)
    """How much of a command's output is kept; past it the middle is cut out."""
    disk_bytes: int = Field(default=4 * 1024**3, ge=1024**2)
    """How much a session may add to its snapshot."""
    tmp_bytes: int = Field(default=1024**3, ge=1024**2)
    """Size of /tmp, which is memory."""
    runtime: str | None = None
    """An OCI runtime such as runsc; None is the engine's default."""
    allow_setup_network: bool | None = None
    """Whether the project's own install step may use the network: yes, no, or ask (None)."""

    def limits(self) -> Limits:
        """The limits of one request."""
        return Limits(seconds=self.seconds, output_bytes=self.output_bytes, disk_bytes=self.disk_bytes)


class LimitSettings(_Section):
    """How far one request of yours may go."""

    turns: int = Field(default=128, ge=1)
    """Actions of the policy."""
    seconds: float = Field(default=3600.0, gt=0)
    """Wall-clock time."""
    tokens: int = Field(default=131_072, ge=1)
    """Tokens of the model's context."""


def _address(url: str | None) -> str | None:
    """ValueError, which does not quote it, for what is no plain address: a key in it would be shown with it."""
    if url is not None and not _PLAIN.fullmatch(url):
        raise ValueError("it takes an address such as http://localhost:8000/v1, without a key or a query in it")
    return url


class ChatSettings(_Section):
    """The server of the policy `chat`: any that knows OpenAI's chat completions, with tools."""

    url: str | None = None
    """Where it listens, such as http://localhost:11434/v1; None is no such server."""
    model: str | None = None
    """The name under which it knows the model; None is the only one that it has."""
    key_env: str | None = Field(default=None, pattern=_VARIABLE)
    """The name of the environment variable that holds its key; the key itself stands in no setting."""
    temperature: float | None = Field(default=None, ge=0)
    """How freely the model writes; None leaves it to the server."""
    context: int | None = Field(default=None, ge=4096)
    """Tokens of the model's context, where the server tells none or takes fewer than it tells."""

    _url = field_validator("url")(_address)


class WorldSettings(_Section):
    """The world model: where it is, what it is asked, and how far it may go."""

    url: str | None = None
    """Where its vLLM server listens, if elsewhere than at `model_url`."""
    model: str | None = None
    """The name under which its server knows it, if another than `model`."""
    key_env: str | None = Field(default=None, pattern=_VARIABLE)
    """The name of the environment variable that holds the key of the server at `world.url`."""
    embedded: bool = True
    """Whether the small model that comes with the package imagines where no other is named (extra `small`)."""
    embedded_seconds: float = Field(default=2.0, gt=0)
    """Time limit of one trace that the small model of the package imagines; it has the processor of what runs."""
    folder: Path | None = None
    """Another small model to run in this process, on the CPU, where no `model_url` is set (extra `small`)."""
    method: Literal["stepwise", "guided", "free"] = "stepwise"
    """How a trace is imagined: asking only for what the source leaves open, under a grammar, or running free."""
    predictions: int = Field(default=3, ge=0)
    """How many tests or calls are imagined before something runs."""
    seconds: float = Field(default=20.0, gt=0)
    """Time limit of one trace, imagined or real."""
    frames: int = Field(default=5_000, ge=1)
    """How many frames one trace may have."""
    tokens: int = Field(default=8_192, ge=1)
    """How many tokens a model may write for one trace, or for one output that it guesses."""
    patience: float = Field(default=1.0, ge=0)
    """Seconds that a prediction may still take once the real run is over; one that is open then is abandoned."""
    commands: bool = False
    """Whether `verify` has a model that converses guess the output of commands, too. `imagined` mode always does."""
    refine: int = Field(default=0, ge=0, le=16)
    """How often a model that converses may think an action over, once it has seen what is imagined of it."""

    _url = field_validator("url")(_address)


class PatienceSettings(_Section):
    """How long the model server is waited for, and how often it is asked."""

    connect: float = Field(default=5.0, gt=0)
    """Seconds for a connection."""
    first: float = Field(default=300.0, gt=0)
    """Seconds for the first token of an answer, before which a long prompt is read."""
    silence: float = Field(default=60.0, gt=0)
    """Seconds for each further token."""
    attempts: int = Field(default=3, ge=1)
    """How often a request is put in all, where nothing of an answer came and the failure may pass."""
    pause: float = Field(default=0.25, ge=0)
    """Seconds before it is put again; twice as many each further time."""
    longest: float = Field(default=30.0, ge=0)
    """Seconds up to which a pause that the server itself names (Retry-After) is kept."""


class BestOfSettings(_Section):
    """Several rollouts of one request, of which the best patch is taken."""

    at_once: int | None = Field(default=None, ge=1)
    """How many of their containers work at the same time; None is what the engine's memory has room for."""
    tests: int | None = Field(default=None, ge=0)
    """How many tests that reproduce the problem the model is asked for; None is one for each rollout."""
    seconds: float = Field(default=600.0, gt=0)
    """Time limit of one run of the repository's own tests."""
    test_seconds: float = Field(default=30.0, gt=0)
    """Time limit of one test."""


class ForagerSettings(_Section):
    """The repair policy that needs no language model."""

    candidates: int = Field(default=20_000, ge=1)
    """How many candidate edits may be tried for one request."""
    seconds: float = Field(default=300.0, gt=0)
    """How long it may search."""
    test_seconds: float = Field(default=10.0, gt=0)
    """Time limit of one test of one candidate."""
    edits: int = Field(default=1, ge=1, le=2)
    """How many places one candidate may change."""
    imagine_seconds: float = Field(default=0.0, ge=0)
    """How long candidates are imagined by a model in this process before the first is run; it changes their order."""


class Settings(_Section):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_prefix="CWM_AGENT_",
        env_nested_delimiter="__",
    )

    mode: Mode = Mode.VERIFY
    """Which world answers first: real, verify or imagined."""
    policy: Literal["auto", "forager", "cwm", "chat"] = "auto"
    """Who decides. `auto`: the one at `chat.url`, else at `model_url` if it speaks CWM's chat, else the forager."""
    guidance: Literal["ask", "follow", "ignore"] = "ask"
    """Whether a model follows a repository's AGENTS.md: if you say so when asked, always, or never."""
    prompts: Path | None = None
    """A folder of your own templates in place of those of the same name in `prompts/`."""
    model_url: str | None = None
    """Where the model server listens, such as http://localhost:8000; None is no server."""
    model: str = "facebook/cwm"
    """The name under which the server knows the model."""
    model_key_env: str | None = Field(default=None, pattern=_VARIABLE)
    """The name of the environment variable that holds the key of the server at `model_url`."""
    theme: str = "cwm-dark"
    """The TUI's theme."""
    alert: Literal["bell", "message", "off"] = "bell"
    """How the TUI calls you back after long work: a bell, a bell and a note of the terminal's, or not."""
    sandbox: SandboxSettings = SandboxSettings()
    limits: LimitSettings = LimitSettings()
    forager: ForagerSettings = ForagerSettings()
    best_of: BestOfSettings = BestOfSettings()
    chat: ChatSettings = ChatSettings()
    world: WorldSettings = WorldSettings()
    patience: PatienceSettings = PatienceSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The command line over the environment; the file comes in below both through `load`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _FileSource(settings_cls, _file_values)


_file_values: dict[str, Any] = {}


class _FileSource(InitSettingsSource):
    """The values that `load` read from the file."""


def load(path: Path | None = None, **flags: Any) -> Settings:
    """Read the settings; `flags` are what the command line set. UsageError names the file and the key that is wrong."""
    file = path or config_file()
    _file_values.clear()
    try:
        _file_values.update(tomllib.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        if path is not None:
            raise UsageError(f"There is no settings file {path}.", remedy="Check the path after --config.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}", remedy="Correct it, or move it away.") from error
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise UsageError(
            f"Setting {key}: {said}.",
            remedy=f"It comes from {file}, the environment (CWM_AGENT_…) or the command line.",
        ) from error


__all__ = [
    "BestOfSettings",
    "ChatSettings",
    "ForagerSettings",
    "LimitSettings",
    "PatienceSettings",
    "SandboxSettings",
    "Settings",
    "load",
]
