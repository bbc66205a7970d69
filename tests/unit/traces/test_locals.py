"""The shorthand of unchanged locals follows the call stack."""

from __future__ import annotations

from cwm_agent.traces.frames import Frame, FrameKind
from cwm_agent.traces.locals import Resolver, UnknownValue, shorten
from cwm_agent.traces.raw import RawFrame

CALL, LINE, RETURN, EXCEPTION = FrameKind.CALL, FrameKind.LINE, FrameKind.RETURN, FrameKind.EXCEPTION
Step = tuple[FrameKind, int, dict[str, str]]


def short(*steps: Step) -> list[dict[str, str]]:
    frames = [
        Frame(event=event, file="", function="", line=None, depth=depth, source="", locals=locals_)
        for event, depth, locals_ in steps
    ]
    return [raw.locals for raw in shorten(frames)]


def resolve(*steps: Step) -> list[dict[str, str] | UnknownValue]:
    resolver = Resolver()
    return [
        resolver.resolve(RawFrame(event=event, source="", locals=locals_), depth) for event, depth, locals_ in steps
    ]


def test_arguments_are_unchanged_in_the_first_line_of_a_call() -> None:
    assert short((CALL, 0, {"a": "1"}), (LINE, 0, {"a": "1", "b": "2"})) == [{"a": "1"}, {"a": "..", "b": "2"}]


def test_the_caller_is_whole_again_after_a_return_and_short_after_that() -> None:
    found = short(
        (CALL, 0, {"a": "1"}),
        (LINE, 0, {"a": "1"}),
        (CALL, 1, {"a": "1"}),
        (RETURN, 1, {}),
        (LINE, 0, {"a": "1"}),
        (LINE, 0, {"a": "1"}),
    )
    assert found == [{"a": "1"}, {"a": ".."}, {"a": "1"}, {}, {"a": "1"}, {"a": ".."}]


def test_an_exception_in_the_same_function_changes_no_scope() -> None:
    assert short((CALL, 0, {"a": "1"}), (EXCEPTION, 0, {}), (LINE, 0, {"a": "1"}))[-1] == {"a": ".."}


def test_an_exception_that_came_from_below_does() -> None:
    frames: list[Step] = [(CALL, 0, {"a": "1"}), (CALL, 1, {}), (EXCEPTION, 1, {})]
    unwinding: list[Step] = [(RETURN, 1, {}), (EXCEPTION, 0, {}), (LINE, 0, {"a": "1"}), (LINE, 0, {"a": "1"})]
    assert short(*frames, *unwinding)[-2:] == [{"a": "1"}, {"a": ".."}]
    assert short(*frames, *unwinding[1:])[-2:] == [{"a": "1"}, {"a": ".."}]


def test_a_name_that_was_gone_is_written_whole() -> None:
    found = short((CALL, 0, {"e": "1"}), (LINE, 0, {}), (LINE, 0, {"e": "1"}))
    assert found[-1] == {"e": "1"}


def test_the_shorthand_is_resolved_in_its_own_scope() -> None:
    found = resolve(
        (CALL, 0, {"n": "2"}),
        (LINE, 0, {"n": ".."}),
        (CALL, 1, {"n": "1"}),
        (LINE, 1, {"n": "..", "k": "9"}),
        (RETURN, 1, {}),
        (LINE, 0, {"n": ".."}),
    )
    assert found == [{"n": "2"}, {"n": "2"}, {"n": "1"}, {"n": "1", "k": "9"}, {}, {"n": "2"}]


def test_exceptions_unwind_several_frames_with_and_without_their_returns() -> None:
    down: list[Step] = [(CALL, 0, {"a": "1"}), (CALL, 1, {"a": "2"}), (CALL, 2, {"a": "3"}), (EXCEPTION, 2, {})]
    returns: list[Step] = [(RETURN, 2, {}), (EXCEPTION, 1, {}), (RETURN, 1, {}), (EXCEPTION, 0, {})]
    assert resolve(*down, *returns, (LINE, 0, {"a": ".."}))[-1] == {"a": "1"}
    assert resolve(*down, (EXCEPTION, 1, {}), (EXCEPTION, 0, {}), (LINE, 0, {"a": ".."}))[-1] == {"a": "1"}
    assert resolve(*down, (LINE, 0, {"a": ".."}), (CALL, 1, {}), (LINE, 1, {"a": ".."}))[-1] == UnknownValue("a")


def test_an_unchanged_value_that_was_never_seen_is_unknown() -> None:
    assert resolve((CALL, 0, {"a": ".."})) == [UnknownValue("a")]
    assert resolve((CALL, 0, {"a": "1"}), (LINE, 0, {"b": ".."}))[-1] == UnknownValue("b")
    assert resolve((CALL, 0, {"a": "1"}), (LINE, 0, {}), (LINE, 0, {"a": ".."}))[-1] == UnknownValue("a")
    assert resolve((CALL, 0, {"a": "1"}), (CALL, 1, {}), (RETURN, 1, {}), (CALL, 1, {"a": ".."}))[-1] == UnknownValue(
        "a"
    )
