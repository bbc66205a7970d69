"""What the tracer can be asked for: calls in modules of all kinds, scripts, tests, and the inputs of a test's calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tracing import RUNNING, Traced, call, pythons, trace, write

PACKAGE = {
    "app/__init__.py": "",
    "app/sub/__init__.py": "",
    "app/helper.py": "def twice(x):\n    return x * 2\n",
    "app/sub/core.py": """\
        from ..helper import twice

        NAME = __name__

        def f(x):
            return twice(x), NAME

        if __name__ == "__main__":
            print("must not run")
        """,
    "loose/part.py": "from .other import g\n\ndef f():\n    return g()\n",
    "loose/other.py": "def g():\n    return __package__\n",
    "my-script.py": "def f():\n    return __name__\n",
    "json.py": "def f():\n    return 1\n",
}

SHOP = {
    "shop/__init__.py": "",
    "shop/prices.py": """\
        from dataclasses import dataclass
        from decimal import Decimal
        from enum import Enum

        class Kind(Enum):
            FOOD = "food"

        @dataclass(frozen=True)
        class Item:
            name: str
            price: Decimal
            kind: Kind = Kind.FOOD

        class Cart:
            def __init__(self, items):
                self.items = items

            def total(self, rate):
                return sum((taxed(item, rate=rate) for item in self.items), Decimal(0))

        def taxed(item, *, rate=1):
            return item.price * rate

        def names(*items, upper=False, **more):
            return [item.name for item in items]

        def numbers(n):
            for i in range(n):
                yield i
        """,
    "conftest.py": "import pytest\n\n@pytest.fixture\ndef two():\n    return 2\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-n 4 --strict-markers'\n",
    "test_shop.py": """\
        import pytest
        from decimal import Decimal
        from shop.prices import Cart, Item, names, numbers

        def test_total(two):
            cart = Cart([Item("a", Decimal("1.5"))])
            assert cart.total(two) == 3
            assert names(cart.items[0], upper=True, k={"z": (1, float("inf"))}) == ["a"]
            assert list(numbers(2)) == [0, 1]

        @pytest.mark.parametrize("n", [1, 2])
        def test_wrong(n):
            assert n == 3

        class TestIt:
            def test_in_class(self):
                print("shown")
                assert True
        """,
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    write(tmp_path, PACKAGE)
    return tmp_path


def value(traced: Traced) -> str:
    assert (traced.exit, traced.err) == (0, "")
    return str(traced.frames[-1]["value"])


@pytest.mark.parametrize("python", pythons())
def test_a_module_has_its_name_in_its_package(package: Path, python: str) -> None:
    traced = trace(package, "--call", "f(3)", "app/sub/core.py", python=python)
    assert value(traced) == "(6, 'app.sub.core')"
    assert [(frame["file"], frame["depth"]) for frame in traced.frames[:3]] == [
        *[("app/sub/core.py", 0)] * 2,
        ("app/helper.py", 1),
    ]
    assert traced.out == ""


@pytest.mark.parametrize(
    ("file", "expected"),
    [("loose/part.py", "'loose'"), ("my-script.py", "'my_script'"), ("json.py", "1"), ("./app/helper.py", None)],
)
def test_modules_of_all_kinds(package: Path, file: str, expected: str | None) -> None:
    traced = trace(package, "--call", "f()" if expected else "twice(x=4)", file)
    assert value(traced) == (expected or "8")


def test_a_text_stands_for_the_file(package: Path) -> None:
    given = package / "given"
    given.write_text("from .helper import twice\n\ndef f():\n    return twice(5)\n", encoding="utf-8")
    for file in ("app/helper2.py", "app/__init__.py"):
        traced = trace(package, "--text", str(given), "--call", "f()", file)
        assert value(traced) == "10"
        assert (traced.frames[0]["file"], traced.frames[0]["source"]) == (file, "def f():")


@pytest.mark.parametrize(
    ("source", "expression", "said"),
    [
        ("def f():\n    return (\n", "f()", "f.py does not parse, line 2"),
        ("def f():\n  pass\n\tpass\n", "f()", "f.py does not parse, line 3"),
        ("x = '\0'\n", "x", "f.py does not parse"),
        ("def f():\n    pass\n\ndef h():\n    pass\n", "g(1)", "f.py has no g. It has f, h."),
        ("def f():\n    pass\n", "f(", "The expression does not parse: f("),
        ("def f():\n    pass\n", "x = f()", "The expression does not parse"),
        ("def f():\n    pass\n", "", "The expression does not parse"),
    ],
)
def test_there_is_nothing_to_run(tmp_path: Path, source: str, expression: str, said: str) -> None:
    traced = call(tmp_path, source, expression)
    assert (traced.exit, traced.frames, traced.out) == (2, [], "")
    assert said in traced.err
    assert "Traceback" not in traced.err
    assert traced.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--call", "f()", "none.py"), "There is no file none.py."),
        (("--script", "none.py"), "There is no file none.py."),
        (("--script", "."), "is a folder"),
        (("--frames", "many", "--call", "f()", "f.py"), "takes a number"),
        (("--colour", "red", "--call", "f()", "f.py"), "has no option"),
        (("--call", "f()"), "one file"),
        ((), "Say what to trace"),
    ],
)
def test_a_wrong_command_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    traced = trace(tmp_path, *arguments)
    assert (traced.exit, traced.frames) == (2, [])
    assert said in traced.err


def test_a_call_that_raises_shows_the_programs_own_traceback(tmp_path: Path) -> None:
    traced = call(tmp_path, "def f(n):\n    return 1 / n\n", "f(0)")
    assert traced.exit == 1
    assert traced.err.startswith('Traceback (most recent call last):\n  File "<call>", line 1, in <module>\n  File "')
    assert traced.err.endswith("ZeroDivisionError: division by zero\n")
    assert "trace.py" not in traced.err
    assert traced.steps()[-2:] == ["exception f 2", "return f 2"]


def test_a_module_that_does_not_import(tmp_path: Path) -> None:
    traced = call(tmp_path, "import nothing_of_that_name\n\ndef f():\n    pass\n", "f()")
    assert (traced.exit, traced.frames) == (1, [])
    assert traced.err.endswith("ModuleNotFoundError: No module named 'nothing_of_that_name'\n")
    assert "sandbox/tracer" not in traced.err


def test_a_coroutine_is_run(tmp_path: Path) -> None:
    traced = call(tmp_path, "import asyncio\n\nasync def f():\n    await asyncio.sleep(0)\n    return 1\n", "f()")
    assert traced.steps() == ["call f 3", "line f 4", "return f 4", "call f 4", "line f 5", "return f 5"]


def test_other_encodings_tabs_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_bytes("# coding: latin-1\r\ndef f():\r\n\tx = 'ü'\f\r\n\treturn x\r\n".encode("latin-1"))
    traced = trace(tmp_path, "--call", "f()", "f.py")
    assert value(traced) == "'ü'"
    assert traced.frames[1]["source"] == "\tx = 'ü'\f"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write(folder, SHOP)
    return folder


def test_a_test_is_traced_in_its_call_phase(shop: Path) -> None:
    traced = trace(shop, "--test", "test_shop.py::test_total")
    assert traced.exit == 0, traced.out
    assert "1 passed" in traced.out
    assert traced.steps()[0] == "call test_total 5"
    assert traced.frames[0]["locals"] == {"two": "2"}
    assert traced.steps()[-1] == "return test_total 9"
    total = next(frame for frame in traced.frames if frame["function"] == "total")
    assert total["locals"]["self"] == "<shop.prices.Cart object at 0x…>"
    assert not [frame for frame in traced.frames if any("@" in name for name in frame["locals"])]
    assert {frame["file"] for frame in traced.frames} == {"test_shop.py", "shop/prices.py"}


def test_a_failing_test_and_one_of_several(shop: Path) -> None:
    traced = trace(shop, "--test", "test_shop.py::test_wrong[2]")
    assert traced.exit == 1
    assert traced.frames[0]["locals"] == {"n": "2"}
    assert traced.frames[-2]["value"].startswith("AssertionError: assert 2 == 3")
    traced = trace(shop, "--test", "test_shop.py::TestIt::test_in_class")
    assert (traced.exit, traced.steps()[0]) == (0, "call test_in_class 16")


def test_a_test_that_does_not_exist(shop: Path) -> None:
    traced = trace(shop, "--test", "test_shop.py::test_none")
    assert (traced.exit, traced.frames) == (4, [])
    assert "not found" in traced.out + traced.err


def test_the_inputs_of_a_test(shop: Path) -> None:
    calls: list[dict[str, Any]] = trace(shop, "--inputs", "test_shop.py::test_total").frames
    assert [(each["function"], each["depth"]) for each in calls] == [
        *(("__init__", 1), ("total", 1), ("taxed", 3), ("names", 1), ("numbers", 1)),
    ]
    made = "Item(name='a', price=Decimal('1.5'), kind=Kind.FOOD)"
    assert calls[0]["expressions"] == {"items": f"[{made}]"}
    assert calls[0]["call"] is None
    assert calls[2]["call"] == f"taxed(item={made}, rate=2)"
    assert calls[2]["arguments"]["rate"] == "2"
    assert calls[3]["call"] == f"names(*({made},), upper=True, **{{'k': {{'z': (1, float(\"inf\"))}}}})"
    assert (calls[3]["module"], calls[3]["file"]) == ("shop.prices", "shop/prices.py")
    for each in (calls[2], calls[3]):
        again = trace(shop, "--call", each["call"], each["file"])
        assert again.exit == 0
        assert again.frames[0]["function"] == each["function"]
        assert again.frames[0]["locals"] == each["arguments"]
    assert json.dumps(calls)


def test_python_without_pytest_says_so(shop: Path) -> None:
    for python in [each for each in pythons() if each != RUNNING][:1]:
        traced = trace(shop, "--test", "test_shop.py::test_total", python=python)
        assert traced.exit in (0, 2)
        assert traced.exit == 0 or "pytest is not installed" in traced.err
