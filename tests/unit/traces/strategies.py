"""Traces of any shape, as hypothesis makes them: nested calls, exceptions, unwinding, locals that come, stay and go."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.traces.grammar import UNCHANGED, Special

lean = settings(deadline=None, max_examples=60)
SPELLED = [special.value for special in Special]
values = st.one_of(
    st.sampled_from(["0", "1", "'x'", "[1, 2]", "{'a': 1}", "'\\n'", '"it\'s"', "'<|action_sep'", "...", "."]),
    st.text(max_size=12),
).filter(lambda text: text != UNCHANGED)
names = st.one_of(st.sampled_from(["a", "b", "n", ".0", "größe", "self"]), st.text(min_size=1, max_size=5))
sources = st.one_of(
    st.sampled_from(["    n += 1", "def f(a):", "\treturn n", "x = '<|frame_sep'", "", "    größe = '\u2028'"]),
    st.text(max_size=20),
).filter(lambda text: not text.endswith("\n"))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """A trace that keeps the law of the events, as a real run does."""
    frames: list[Frame] = []
    scopes: list[dict[str, str]] = []

    def add(event: FrameKind, locals_: dict[str, str] | None = None, value: str | None = None) -> None:
        frames.append(
            Frame(
                event=event,
                file="",
                function="",
                line=None,
                depth=len(scopes) - 1,
                source=draw(sources),
                locals=locals_ or {},
                value=value,
            )
        )

    def call() -> None:
        scopes.append(draw(st.dictionaries(names, values, max_size=3)))
        add(FrameKind.CALL, dict(scopes[-1]))

    call()
    for _ in range(draw(st.integers(0, 12))):
        match draw(st.sampled_from(["line", "line", "change", "call", "return", "raise"])):
            case "line":
                add(FrameKind.LINE, dict(scopes[-1]))
            case "change":
                kept = {name: value for name, value in scopes[-1].items() if draw(st.booleans())}
                scopes[-1] = {**kept, **draw(st.dictionaries(names, values, max_size=2))}
                add(FrameKind.LINE, dict(scopes[-1]))
            case "call" if len(scopes) < 5:
                call()
            case "raise":
                add(FrameKind.EXCEPTION, value=draw(values))
            case "return" if len(scopes) > 1:
                add(FrameKind.RETURN, value=draw(values))
                scopes.pop()
    while scopes:
        add(FrameKind.RETURN, value=draw(values))
        scopes.pop()
    return Trace(tuple(frames))


def spells_a_separator(trace: Trace) -> bool:
    """Whether its text holds what only token ids can tell from a separator."""
    texts = [text for f in trace.frames for text in (f.source, f.value or "", *f.locals, *f.locals.values())]
    return any(spelled in text for text in texts for spelled in SPELLED)
