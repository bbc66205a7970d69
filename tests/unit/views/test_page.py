"""The page and the picture: they stand alone, and nothing that was traced can act in them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_agent import views
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from cwm_agent.views.view import TraceView
from tests.unit.traces.strategies import traces
from tests.unit.views.programs import NESTED, VIEWS, both, one, real

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "\u2028\u2029",
    "\x1b]0;x\x07",
    "\u202e",
    "$policy ${data}",
    '"></title><b onclick="x">',
    "\ud800",
)
lean = settings(deadline=None, max_examples=40)


class Page(HTMLParser):
    """The elements of a page, as a browser would read them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)
        self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[self._open.index(tag) :]

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open[-1]][-1] += data

    @property
    def data(self) -> dict:
        return json.loads(self.inside["script"][0])


def hostile_view(words: str) -> TraceView:
    frame = Frame(
        event=FrameKind.CALL, file=words, function=words, line=1, depth=0, source=words, locals={words: words}
    )
    last = Frame(
        event=FrameKind.RETURN, file=words, function=words, line=1, depth=0, source=words, locals={}, value=words
    )
    return TraceView(subject=words, path=words, source=words, imagined=Trace((frame, last)), real=Trace((frame,)))


def same_elements(view: TraceView) -> None:
    page, calm = Page(views.html(view)), Page(views.html(both()))
    assert page.tags == calm.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in calm.attributes]
    assert page.inside["script"][1] == calm.inside["script"][1]


@pytest.mark.parametrize("words", HOSTILE)
def test_nothing_that_was_traced_becomes_an_element(words: str) -> None:
    same_elements(hostile_view(words))


@lean
@given(words=st.text(alphabet="<>/!-&\"'scriptSCRIPT= $\u2028\x00", max_size=30))
def test_no_mixture_of_signs_does_either(words: str) -> None:
    same_elements(hostile_view(words))


def test_the_policy_allows_the_one_script_and_style_and_nothing_else() -> None:
    page = Page(views.html(both()))
    policy = next(
        value or "" for name, value in page.attributes if name == "content" and "default-src" in (value or "")
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for element in (page.inside["script"][1], page.inside["style"][0]):
        digest = base64.b64encode(hashlib.sha256(element.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


@pytest.mark.parametrize("name", VIEWS)
def test_the_page_and_the_picture_need_no_network(name: str) -> None:
    for text in (views.html(VIEWS[name]()), views.svg(VIEWS[name]())):
        addresses = set(re.findall(r"https?://[^\"'\s<)]+|url\([^)]*\)|@import", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}


def test_the_data_of_the_page_are_the_frames() -> None:
    view = both()
    data = Page(views.html(view)).data
    assert view.real is not None
    for number, frame in enumerate(view.real.frames):
        row = data["traces"]["real"]["frames"][number]
        flat = [data["strings"][each] for each in data["states"][row[6]]]
        if frame.event in (FrameKind.CALL, FrameKind.LINE):
            assert list(frame.locals) == flat[::2]
        assert row[3] == frame.line
        assert (row[9] >= 0) == (frame.depth > 0)
    assert data["rows"][data["divergence"]] == [13, 13]
    assert data["rows"][-1] == [28, 31]
    assert data["sentence"] == "Agrees for 13 frames; after line 9 `sum` was imagined as 7 and is 6."


def test_ten_thousand_frames_make_a_page_of_a_few_megabytes() -> None:
    source = "def count(n):\n    total = 0\n    while n:\n        n -= 1\n        total += n\n    return total\n"
    text = views.html(TraceView(subject="count(3300)", real=real(source, "count(3300)")))
    assert len(text) < 3_000_000
    assert len(Page(text).data["rows"]) > 9_900


@lean
@given(trace=traces(), subject=st.text(max_size=20))
def test_any_trace_is_a_picture_that_an_xml_reader_takes(trace: Trace, subject: str) -> None:
    root = ElementTree.fromstring(views.svg(TraceView(subject=subject, real=trace)))
    assert root.get("role") == "img"
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {"svg", "style", "rect", "text"}


def test_the_picture_names_both_worlds() -> None:
    root = ElementTree.fromstring(views.svg(both()))
    label = root.get("aria-label") or ""
    assert "◇ IMAGINED" in label
    assert "◆ RAN" in label
    assert "first divergence" in "".join(root.itertext())


def test_one_trace_has_no_comparison() -> None:
    data = Page(views.html(one(NESTED, "double(2)"))).data
    assert data["exact"] is None
    assert data["divergence"] == -1
    assert list(data["traces"]) == ["real"]
