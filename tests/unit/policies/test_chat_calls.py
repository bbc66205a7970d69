"""JSON arguments and the content of an action: what a model wrote is what the tool gets, and the other way round."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.events import ToolCall
from cwm_agent.models.chat_messages import Wish
from cwm_agent.policies.chat.calls import KINDS, Unusable, action, arguments
from cwm_agent.policies.chat.wording import Wording
from cwm_agent.policies.conversation.prompts import Prompts
from cwm_agent.settings import LimitSettings
from cwm_agent.tools.edit import MIDDLE, REPLACE, SEARCH, parse

lean = settings(deadline=None, max_examples=150)
MARKS = {SEARCH, MIDDLE, REPLACE}
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(str.strip)
LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=12).filter(
        lambda line: line.rstrip() not in MARKS
    ),
    max_size=4,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def made(tool: str, given_: dict[str, Any]) -> ToolCall:
    return action(Wish("c", tool, json.dumps(given_)))


@lean
@given(PATHS, LINES.filter(bool), LINES)
def test_the_edit_tool_reads_what_the_model_meant(path: str, search: list[str], replace: list[str]) -> None:
    call = made("edit", {"path": path, "search": "\n".join(search), "replace": "\n".join(replace)})
    if search[-1] == "" and len(search) > 1:
        search = search[:-1]  # a newline behind the last line is that line's own
    if replace and replace[-1] == "":
        replace = replace[:-1]
    if search == [""]:
        return
    read = parse(call.content)
    assert (read.path, list(read.search), list(read.replace)) == (path.strip(), search, replace)


@lean
@given(st.sampled_from(["bash", "create", "submit"]), PATHS, TEXTS)
def test_the_other_tools_get_it_word_by_word(tool: str, path: str, text: str) -> None:
    given_ = {"bash": {"command": text}, "create": {"path": path, "content": text}, "submit": {"path": path}}[tool]
    call = made(tool, given_)
    assert call.content == {"bash": text, "create": f"{path}\n{text}", "submit": path}[tool]
    assert json.loads(arguments(call)) == given_


@lean
@given(PATHS, LINES.filter(bool), LINES)
def test_a_call_is_shown_as_one_that_would_do_the_same(path: str, search: list[str], replace: list[str]) -> None:
    call = made("edit", {"path": path, "search": "\n".join(search), "replace": "\n".join(replace)})
    again = action(Wish("c", "edit", arguments(call)))
    assert again == call


@lean
@given(st.text(max_size=60) | st.recursive(st.none() | st.text(max_size=5), st.lists).map(str))
def test_any_arguments_are_a_call_or_unusable(text: str) -> None:
    for tool in KINDS:
        with suppress(Unusable):
            assert action(Wish("c", tool, text)).tool == tool


@lean
@given(st.sampled_from([*KINDS, "dance"]), st.text(max_size=60))
def test_any_call_of_another_policy_can_be_shown(tool: str, content: str) -> None:
    shown = arguments(ToolCall(tool, content))
    assert isinstance(json.loads(shown), dict)
    if tool in KINDS:
        msgspec.json.decode(shown, type=KINDS[tool])


@pytest.mark.parametrize("side", ["search", "replace"])
@pytest.mark.parametrize("mark", sorted(MARKS))
def test_a_mark_of_the_tool_is_refused(side: str, mark: str) -> None:
    given_ = {"path": "a", "search": "x", "replace": "y"} | {side: f"one\n{mark}  \ntwo"}
    with pytest.raises(Unusable, match="mark of the tool"):
        made("edit", given_)


def test_the_schemas_are_those_of_the_arguments() -> None:
    wording = Wording(Prompts(), LimitSettings(), command_seconds=7, guidance=str, most=100)
    offers = {offer.name: offer for offer in wording.offers()}
    assert list(offers) == list(KINDS)
    assert "7 seconds" in offers["bash"].description
    for name, kind in KINDS.items():
        (schema,) = msgspec.json.schema(kind)["$defs"].values()
        parameters = offers[name].parameters
        assert list(parameters["properties"]) == list(schema["properties"])
        assert {each["type"] for each in parameters["properties"].values()} == {"string"}
        assert parameters["required"] == schema["required"]
        assert parameters["additionalProperties"] is schema["additionalProperties"] is False
