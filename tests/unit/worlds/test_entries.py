"""Which calls can be imagined, how the model is shown them, and where in the user's files the frames are."""

from __future__ import annotations

import pytest

from cwm_agent.errors import UsageError
from cwm_agent.observations import Completed, Limits, TraceCall
from cwm_agent.testing import MemoryFiles, tree
from cwm_agent.testing_models import ScriptedTraceModel, belief
from cwm_agent.traces.frames import Basis
from cwm_agent.worlds.imagination.gather import gather
from cwm_agent.worlds.imagined import ImaginedWorld, Method
from tests.unit.worlds.stage import METHODS, ask, bare, gathered, real, scene

SOURCE = """\
import operator

LIMIT = 3


def add(a, b=2, *more, c: int = -1, **rest):
    return a + b + c


def twice(f, x):
    return f(f(x, x), x)


def numbers():
    yield 1


def _decorated(f):
    return f


@_decorated
def decorated(x):
    return x


class Box:
    def __init__(self, size):
        self.size = size

    def __repr__(self):
        return "Box()"
"""


@pytest.mark.parametrize(
    ("source", "entry", "why"),
    [
        ("def f(:\n", "f()", "does not parse: line 1"),
        (SOURCE, "add(1", "Not a call expression"),
        (SOURCE, "x = 1", "Not a call expression"),
        (SOURCE, "add", "Nothing is called"),
        (SOURCE, "3", "Nothing is called"),
        (SOURCE, "subtract(1)", "f.py has no subtract. It has add, twice"),
        (SOURCE, "self.add(1)", "f.py has no self."),
        (SOURCE, "", "Not a call expression"),
        ("x = 1\0", "f()", "does not parse"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
async def test_bad_input_is_told_before_the_model_is_asked(source: str, entry: str, why: str, method: Method) -> None:
    model = ScriptedTraceModel()
    with pytest.raises(UsageError) as caught:
        await ask(ImaginedWorld(model, method=method), TraceCall(source, entry, "f.py"))
    assert why in str(caught.value)
    assert model.requests == []


@pytest.mark.parametrize(
    ("entry", "arguments"),
    [
        ("add(1)", {"a": "1", "b": "2", "c": "-1", "more": "()", "rest": "{}"}),
        ("add(1, b=-3.50)", {"a": "1", "b": "-3.5", "c": "-1", "more": "()", "rest": "{}"}),
        ("add([1, 'x'], 2, 3, 4, c=0, d={})", None),
        ("add('\"', None, 7, c=1_000)", {"a": "'\"'", "b": "None", "c": "1000", "more": "(7,)", "rest": "{}"}),
        ("add(LIMIT)", None),
        ("add({2, 1})", None),
        ("add(*[1])", None),
        ("add()", None),
        ("add(1, a=2)", None),
        ("twice(add, 1)", None),
        ("numbers()", None),
        ("decorated(1)", None),
        ("Box(1)", None),
        ("operator.add(1, 2)", None),
        ("add(1) + 1", None),
    ],
)
async def test_a_call_with_literals_is_seeded_and_every_other_made_by_a_main(
    entry: str, arguments: dict[str, str] | None
) -> None:
    found = await scene(TraceCall(SOURCE, entry, "f.py"))
    if entry.endswith("d={})"):
        arguments = {"a": "[1, 'x']", "b": "2", "c": "0", "more": "(3, 4)", "rest": "{'d': {}}"}
    assert found.wrapped is (arguments is None)
    if arguments is None:
        assert found.told[-1].source == f"    return {entry}"
        assert found.entry.text.startswith(SOURCE.rstrip("\n"))
    else:
        assert found.told[0].locals == arguments
        assert real(SOURCE, entry)[0].locals == arguments
        assert set(found.told[0].basis.values()) == {Basis.FORCED}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("entry", ["twice(add, LIMIT)", "max(add(n) for n in (1, 2))", "Box(2).size", "[*numbers()]"])
async def test_frames_of_a_main_are_not_shown(entry: str, method: Method) -> None:
    asked = TraceCall(SOURCE, entry, "f.py")
    found = await scene(asked)
    model = ScriptedTraceModel(belief(found.entry.text, real(found.entry.text, "main()")))
    frames, outcome = await ask(ImaginedWorld(model, method=method), asked)
    assert model.strayed == []
    assert bare(frames) == list(real(SOURCE, entry))
    assert outcome == Completed(0)


@pytest.mark.parametrize("method", METHODS)
async def test_an_entry_that_traces_nothing_has_no_frames(method: Method) -> None:
    asked = TraceCall(SOURCE, "len([1])", "f.py")
    found = await scene(asked)
    model = ScriptedTraceModel(belief(found.entry.text, real(found.entry.text, "main()")))
    assert await ask(ImaginedWorld(model, method=method), asked) == ([], Completed(0))


FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": '''\
"""A cart."""
from shop.money import rounded
from shop import unused


def helper_that_nobody_calls():
    return unused


def total(prices):
    whole = 0
    for price in prices:
        whole += price
    return rounded(whole)
''',
    "shop/money.py": """\
PLACES = 2


def unrelated():
    pass


def rounded(amount):
    cents = round(amount, PLACES)
    return cents
""",
}


@pytest.mark.parametrize("method", METHODS)
async def test_a_context_from_several_files_leads_back_to_them(method: Method) -> None:
    asked = TraceCall(FILES["shop/cart.py"], "total([1, 2.125])", "shop/cart.py")
    files = MemoryFiles(tree(FILES))
    found = await gather(asked, files, 10_000)
    assert "def rounded" in found.entry.text
    assert "helper_that_nobody_calls" not in found.entry.text
    model = ScriptedTraceModel(belief(found.entry.text, real(found.entry.text, asked.entry)))
    frames, outcome = await ask(ImaginedWorld(model, method=method, files=files), asked)
    assert outcome == Completed(0)
    for frame in frames:
        assert frame.line is not None
        assert FILES[frame.file].split("\n")[frame.line - 1] == frame.source
    assert [frame.file for frame in frames if frame.function == "rounded"] == ["shop/money.py"] * 4


async def test_frames_of_several_files_can_be_gone_on_from() -> None:
    asked = TraceCall(FILES["shop/cart.py"], "total([1, 2.125])", "shop/cart.py")
    files = MemoryFiles(tree(FILES))
    found = await gather(asked, files, 10_000)
    model = ScriptedTraceModel(belief(found.entry.text, real(found.entry.text, asked.entry)))
    world = ImaginedWorld(model, files=files)
    frames, _ = await ask(world, asked)
    rest, outcome = await gathered(world.imagine_on(asked, frames[:9], Limits()))
    assert (rest, outcome) == (frames[9:], Completed(0))
