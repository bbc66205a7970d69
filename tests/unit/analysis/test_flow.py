"""What can come next, by hand: few successors where the source tells, all of them where it does not."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent.analysis.flow import Flow
from cwm_agent.errors import UsageError
from cwm_agent.traces.frames import Frame, FrameKind
from tests.unit.analysis.generated import Writer

CALL, LINE, RETURN, EXCEPTION = FrameKind.CALL, FrameKind.LINE, FrameKind.RETURN, FrameKind.EXCEPTION


def frame(event: FrameKind, function: str, line: int, value: str | None = None, **values: str) -> Frame:
    return Frame(event=event, file="f.py", function=function, line=line, depth=0, source="", locals=values, value=value)


def after(source: str, one: Frame, *stack: Frame) -> set[str]:
    """The successors in short: `line 3`, `call f 1`."""
    told = Flow(dedent(source)).after(one, stack)
    return {
        f"{each.event} {each.function} {each.line}" if each.event is CALL else f"{each.event} {each.line}"
        for each in told.successors
    }


LOOP = """\
def f(xs):
    n = 0
    for x in xs:
        if x:
            n += x
    return n
"""


def test_a_line_that_cannot_raise_has_one_successor() -> None:
    assert after(LOOP, frame(LINE, "f", 2, xs="[1]")) == {"line 3"}
    assert after(LOOP, frame(CALL, "f", 1, xs="[1]")) == {"line 2"}


def test_a_loop_goes_on_or_ends() -> None:
    assert after(LOOP, frame(LINE, "f", 3, xs="[1]", n="0")) == {"line 4", "line 6"}


def test_shown_values_tell_what_cannot_raise() -> None:
    assert after(LOOP, frame(LINE, "f", 5, xs="[1]", n="0", x="1")) == {"line 3"}
    assert after(LOOP, frame(LINE, "f", 5, xs="[1]", n="0", x="'a'")) == {"line 3", "exception 5"}
    assert after(LOOP, frame(LINE, "f", 5, xs="[1]", n="0", x="<f.X object at 0x…>")) == {"line 3", "exception 5"}
    assert after(LOOP, frame(LINE, "f", 6, xs="[1]", n="0")) == {"return 6"}


def test_an_element_is_replaced_where_there_is_one_and_it_can_be() -> None:
    source = "def f(a, i):\n    a[i] = 0\n    return a[i]\n"
    for value, index, sure in (("[1]", "0", True), ("[1]", "1", False), ("(1,)", "0", False), ("'a'", "0", False)):
        told = after(source, frame(LINE, "f", 2, a=value, i=index))
        assert told == ({"line 3"} if sure else {"line 3", "exception 2"})
    assert after(source, frame(LINE, "f", 3, a="(1,)", i="-1")) == {"return 3"}


CALLS = """\
def g(x):
    return x

def f(a):
    b = g(a) + g(1)
    return b

class C:
    def __init__(self, n):
        self.n = n

    def m(self):
        return self.own(1)

    def own(self, k):
        return k

def h():
    c = C(1)
    return c.m()
"""


def test_a_call_of_a_known_function_comes_for_sure() -> None:
    assert after(CALLS, frame(LINE, "f", 5, a="1")) == {"call g 1"}
    assert after(CALLS, frame(LINE, "h", 19)) == {"call __init__ 9"}
    assert after(CALLS, frame(LINE, "h", 20, c="<f.C object at 0x…>")) == {"call m 12"}
    assert after(CALLS, frame(LINE, "m", 13, self="<f.C object at 0x…>")) == {"call own 15"}


def test_after_a_return_the_caller_goes_on_in_its_line() -> None:
    suspended = frame(LINE, "f", 5, a="1")
    assert after(CALLS, frame(RETURN, "g", 2, value="1"), suspended) == {"call g 1", "line 6", "exception 5"}
    assert after(CALLS, frame(RETURN, "f", 6, value="1")) == set()


def test_an_exception_goes_to_its_handler_or_leaves() -> None:
    source = """\
        def f(d):
            try:
                x = d["k"]
            except KeyError:
                x = 1
            return 1 / x
        """
    assert after(source, frame(LINE, "f", 3, d="{}")) == {"line 6", "exception 3"}
    assert after(source, frame(EXCEPTION, "f", 3)) == {"line 4"}
    assert after(source, frame(LINE, "f", 4, d="{}")) == {"line 5", "return 4"}
    assert after(source, frame(EXCEPTION, "f", 6)) == {"return 6"}


def test_a_constant_is_no_step() -> None:
    source = """\
        def f(x):
            y = (
                1,
                x,
            )
            while True:
                break
        """
    assert after(source, frame(CALL, "f", 1, x="1")) == {"line 3"}
    assert after(source, frame(LINE, "f", 6, x="1", y="(1, 1)")) == {"line 7"}
    assert after(source, frame(LINE, "f", 7, x="1", y="(1, 1)")) == {"return 7"}


def test_a_generator_is_entered_when_it_is_asked() -> None:
    source = """\
        def g():
            yield 1
            x = 2
            yield x

        def f():
            for y in g():
                pass
            return 1
        """
    assert after(source, frame(LINE, "f", 7)) == {"call g 1", "call g 2", "call g 4"}
    assert after(source, frame(CALL, "g", 2)) == {"line 3", "exception 2"}
    assert after(source, frame(LINE, "g", 4, x="2")) == {"return 4"}


def test_what_the_source_does_not_show_is_not_certain() -> None:
    source = "def f(s):\n    exec(s)\n    import m\n    return 1\n"
    flow = Flow(source)
    assert not Flow("def f():\n    return g()\n").after(frame(LINE, "f", 2), []).certain
    assert not Flow("from m import g\ndef f():\n    return g()\n").after(frame(LINE, "f", 3), []).certain
    assert Flow("from math import sin\ndef f():\n    return sin(1)\n").after(frame(LINE, "f", 3), []).certain
    assert not flow.after(frame(LINE, "f", 2, s="''"), []).certain
    assert not flow.after(frame(LINE, "f", 3, s="''"), []).certain
    assert flow.after(frame(LINE, "f", 4, s="''"), []).certain
    assert not flow.after(frame(LINE, "nobody", 4), []).certain
    assert not flow.after(frame(LINE, "f", 40), []).certain


def test_functions_of_one_name_are_joined() -> None:
    source = """\
        class A:
            def f(self):
                return 1
        class B:
            def f(self):
                return 2
        """
    flow = Flow(dedent(source))
    assert flow.successors("f", 2) == {3}
    assert flow.successors("f", 5) == {6}
    both = "f = lambda: 1\ndef g(): return (lambda: 2)() + (lambda:\n  3)()\n"
    assert Flow(both).successors("<lambda>", 2) == {2, 3}


def test_the_placer_is_told_of_handlers_and_of_both_starts() -> None:
    source = """\
        @property
        def f(x):
            try:
                return x()
            finally:
                y = 1
        """
    flow = Flow(dedent(source))
    assert flow.successors("f", 1) == flow.successors("f", 2) == {3}
    assert flow.successors("f", 4) == {6}


@pytest.mark.parametrize("source", ["def f(:\n", "x = \0", "(" * 300])
def test_what_does_not_parse_is_said(source: str) -> None:
    with pytest.raises(UsageError, match="does not parse"):
        Flow(source)


def test_nesting_without_end_is_no_crash() -> None:
    source = "def f(x):\n    y = " + "x + " * 900 + "x\n    return y\n"
    flow = Flow(source)
    assert not flow.after(frame(LINE, "f", 2, x="1"), []).certain
    assert flow.successors("f", 2) >= {3}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 5000), line=st.integers(0, 400), event=st.sampled_from(FrameKind))
def test_any_frame_of_any_program_has_an_answer(seed: int, line: int, event: FrameKind) -> None:
    flow = Flow(Writer(seed).program())
    one = frame(event, "f1", line)
    told = flow.after(one, [frame(LINE, "main", line)])
    assert all(each.line > 0 for each in told.successors)
    flow.successors("f1", line)
