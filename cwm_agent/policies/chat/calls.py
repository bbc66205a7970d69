"""A call with JSON arguments ⇄ an action with its content, as the tools take it. Pure; nothing is repaired."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from cwm_agent.events import ToolCall
from cwm_agent.models.chat_messages import Wish
from cwm_agent.tools.call import sound
from cwm_agent.tools.edit import MIDDLE, REPLACE, SEARCH


class Unusable(Exception):
    """A call that cannot be carried out; its text says why."""


class Bash(Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `bash`."""

    command: str


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `edit`: whole lines, with or without a newline behind the last."""

    path: str
    search: str
    replace: str


class Create(Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `create`."""

    path: str
    content: str


class Submit(Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `submit`."""

    path: str


Arguments = Bash | Edit | Create | Submit
KINDS: dict[str, type[Arguments]] = {"bash": Bash, "edit": Edit, "create": Create, "submit": Submit}


def action(wish: Wish) -> ToolCall:
    """The action that a call asks for; Unusable where its arguments are not those of the tool."""
    kind = KINDS.get(wish.tool)
    if kind is None:
        raise Unusable(f"there is no tool {wish.tool!r}; the tools are {', '.join(KINDS)}")
    try:
        arguments = msgspec.json.decode(wish.arguments.encode("utf-8", "surrogatepass"), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"its arguments cannot be read ({error})") from error
    return ToolCall(wish.tool, _content(arguments))


def _content(arguments: Arguments) -> str:
    match arguments:
        case Bash(command=command):
            return command
        case Edit(path=path, search=search, replace=replace):
            body = [SEARCH, *_marked(_lines(search)), MIDDLE, *_marked(_lines(replace)), REPLACE]
            return "\n".join([_path(path), *body])
        case Create(path=path, content=content):
            return f"{_path(path)}\n{content}"
        case Submit(path=path):
            return _path(path)


def arguments(call: ToolCall) -> str:
    """The arguments with which a model makes this call, as JSON; `action` gives the same call for them."""
    content = sound(call.content)
    path, _, rest = content.partition("\n")
    made: Struct | dict[str, str]
    match call.tool:
        case "bash":
            made = Bash(content)
        case "edit":
            made = Edit(path, *_sides(rest))
        case "create":
            made = Create(path, rest)
        case "submit":
            made = Submit(content)
        case _:
            made = {"content": content}
    return msgspec.json.encode(made).decode()


def _sides(body: str) -> tuple[str, str]:
    """What an edit searches for and what it puts there; all of it is sought where that cannot be told."""
    lines = body.split("\n")
    if MIDDLE not in lines or lines[0] != SEARCH or lines[-1] != REPLACE:
        return body, ""
    middle = lines.index(MIDDLE)
    return _text(lines[1:middle]), _text(lines[middle + 1 : -1])


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _marked(lines: list[str]) -> list[str]:
    """Lines that are no marks of an edit, which would make it another."""
    for line in lines:
        if line.rstrip() in (SEARCH, MIDDLE, REPLACE):
            raise Unusable(f"a line {line.rstrip()!r} is a mark of the tool itself; change such a place by bash")
    return lines


def _path(path: str) -> str:
    if not path.strip() or "\n" in path:
        raise Unusable("its path is not the name of a file, on one line")
    return path
