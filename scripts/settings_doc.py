"""Writes docs/settings.md from the settings themselves; `--check` says whether it is what it should be."""

from __future__ import annotations

import sys
import types
import typing
from enum import Enum
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from cwm_agent.settings import Settings

TARGET = Path(__file__).parents[1] / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

They are read from `config.toml` in the platform's config folder (or the file after `--config`), from `CWM_AGENT_…` in
the environment (`CWM_AGENT_SANDBOX__MEMORY=4g`), and from flags; the later wins. An unknown key is an error.
This page is written by `scripts/settings_doc.py`.
"""


def type_in_words(annotation: object) -> str:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(annotation))
    if origin in {types.UnionType, typing.Union}:
        return " or ".join(type_in_words(each) for each in typing.get_args(annotation))
    if annotation is type(None):
        return "unset"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{each.value}`" for each in annotation)
    words = {str: "text", int: "whole number", float: "number", bool: "yes or no"}
    return words.get(annotation, str(annotation))  # type: ignore[call-overload, no-any-return]


def default_in_words(field: FieldInfo) -> str:
    value = field.default
    return "unset" if value is None else f"`{value.value if isinstance(value, Enum) else value}`"


def table(title: str, section: type[BaseSettings]) -> tuple[list[str], list[tuple[str, type[BaseSettings]]]]:
    lines, inner = [f"\n## {title}\n", "| key | meaning | kind | default |", "|---|---|---|---|"], []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseSettings):
            inner.append((f"[{name}]", kind))
            continue
        lines.append(f"| `{name}` | {field.description} | {type_in_words(kind)} | {default_in_words(field)} |")
    return lines, inner


def page() -> str:
    lines, inner = table("Top level", Settings)
    for title, section in inner:
        lines += table(title, section)[0]
    return INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            0 if TARGET.exists() and TARGET.read_text() == page() else f"{TARGET} is out of date: run {sys.argv[0]}"
        )
    TARGET.write_text(page())
