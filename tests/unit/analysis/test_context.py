"""The text that a trace needs: the entry, what it uses in the user's files, and nothing else."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_agent.analysis.context import Context, context
from cwm_agent.errors import UsageError

ONE = """\
import math
import json

LIMIT = 3
TABLE = {}
TABLE["a"] = LIMIT


def unused():
    return json.dumps(1)


@staticmethod
def area(r):  # a comment
    return math.pi * r ** 2 + scaled(r)


class Shape:
    SIZE = 2

    def __init__(self, r):
        self.r = r

    def grown(self):
        return Shape(self.r + LIMIT)

    def never(self):
        return unused()


def scaled(x):
    return TABLE["a"] * x


if __name__ == "__main__":
    area(3)
"""


def chosen(entry: str, path: str, files: dict[str, str], budget: int = 10_000) -> Context:
    found = context(entry, path, files, cost=lambda text: len(text.split()), budget=budget)
    lines = found.text.split("\n")[:-1]
    assert len(lines) == len(found.origins)
    for line, (file, number) in zip(lines, found.origins, strict=True):
        if number:
            assert files[file].split("\n")[number - 1] == line
    ast.parse(found.text)
    return found


def names(found: Context) -> list[str]:
    """What the text defines at its top, in order."""
    said = []
    for node in ast.parse(found.text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            said.append(node.name)
        elif isinstance(node, ast.Assign):
            said.append(ast.unparse(node.targets[0]))
        else:
            said.append(ast.unparse(node))
    return said


def test_what_a_function_uses_in_its_file_in_the_order_of_the_file() -> None:
    found = chosen("area(2)", "f.py", {"f.py": ONE})
    assert names(found) == ["import math", "LIMIT", "TABLE", "TABLE['a']", "area", "scaled"]
    assert "@staticmethod\ndef area(r):  # a comment\n" in found.text
    assert (found.wanted, found.left_out) == ((), ())


def test_a_method_comes_with_its_class() -> None:
    found = chosen("Shape(1).grown()", "f.py", {"f.py": ONE})
    assert names(found) == ["import json", "LIMIT", "unused", "Shape"]
    small = chosen("Shape(1).grown()", "f.py", {"f.py": ONE}, budget=20)
    assert "never" not in small.text
    assert "    def grown(self):\n        return Shape(self.r + LIMIT)" in small.text


def test_what_does_not_fit_is_named() -> None:
    found = chosen("area(2)", "f.py", {"f.py": ONE}, budget=16)
    assert "scaled" in found.left_out
    assert "def area" in found.text
    with pytest.raises(UsageError, match="area takes 14 tokens of the 5"):
        chosen("area(2)", "f.py", {"f.py": ONE}, budget=5)


FILES = {
    "pkg/__init__.py": "from .main import run as start\n",
    "pkg/main.py": """\
from __future__ import annotations

from .tools import helper, other as another
from . import deep
import pkg.far as far

LIMIT = 1


def run(x: Thing):
    y = helper(x) + another(x)
    return deep.down(y) + far.away(LIMIT)


class Thing:
    pass
""",
    "pkg/tools.py": "from .deep import *\n\ndef helper(x):\n    return down(x)\n\ndef other(x):\n    return x\n",
    "pkg/deep.py": "DEPTH = 2\n\ndef down(y):\n    return y - DEPTH\n",
    "pkg/far.py": "def away(n):\n    from .tools import helper\n    return helper(n)\n",
}


def test_imports_are_followed_wherever_they_lead() -> None:
    found = chosen("run(1)", "pkg/main.py", FILES)
    assert {"helper", "other", "down", "DEPTH", "away", "run", "Thing", "LIMIT", "another"} <= set(names(found))
    assert found.text.startswith("from __future__ import annotations\n")
    assert found.text.index("def down") < found.text.index("def run")
    assert "another = other" in found.text
    assert "import helper, other" not in found.text
    assert found.left_out == ()


def test_a_package_hands_on() -> None:
    files = {**FILES, "user.py": "from pkg import start\n\ndef go():\n    return start(2)\n"}
    found = chosen("go()", "user.py", files)
    assert {"go", "run", "down"} <= set(names(found))
    assert "start = run" in found.text


def test_an_entry_may_itself_be_imported() -> None:
    files = {**FILES, "user.py": "from pkg.far import away\n\nTWICE = [away, away]\n"}
    found = chosen("away(1)", "user.py", files)
    assert {"away", "helper", "down"} <= set(names(found))
    assert "TWICE" not in found.text


def test_files_that_were_not_given_are_wanted() -> None:
    found = chosen("run(1)", "pkg/main.py", {"pkg/main.py": FILES["pkg/main.py"]})
    assert {"pkg/tools.py", "pkg/tools/__init__.py", "pkg/far.py", "src/pkg/far.py"} <= set(found.wanted)
    assert "from .tools import helper" in found.text
    assert chosen("run(1)", "pkg/main.py", {}).wanted == ("pkg/main.py",)
    assert not any("math" in path for path in chosen("area(1)", "f.py", {"f.py": ONE}).wanted)


def test_asking_again_with_what_is_wanted_comes_to_an_end() -> None:
    given = {"pkg/main.py": FILES["pkg/main.py"]}
    for _ in range(5):
        found = chosen("run(1)", "pkg/main.py", given)
        new = {path: FILES[path] for path in found.wanted if path in FILES and path not in given}
        if not new:
            break
        given |= new
    assert set(given) == {"pkg/main.py", "pkg/tools.py", "pkg/deep.py", "pkg/far.py", "pkg/__init__.py"}


def test_a_name_means_one_thing() -> None:
    files = {
        "a.py": "from b import f\n\ndef helper():\n    return 1\n\ndef main():\n    return f() + helper()\n",
        "b.py": "def helper():\n    return 2\n\ndef g():\n    return 3\n\ndef f():\n    return helper() + g()\n",
    }
    found = chosen("main()", "a.py", files)
    assert found.text.count("def helper") == 1
    assert "return 1" in found.text
    assert "def f()" not in found.text  # it would call the other helper
    assert "f" in found.left_out
    assert "from b import f" in found.text


def test_an_import_is_no_second_meaning_of_what_it_imports() -> None:
    files = {
        "a.py": "from b import g\nfrom c import h\n\ndef main():\n    return g() + h()\n",
        "b.py": "def g():\n    return 1\n",
        "c.py": "from b import g\n\ndef h():\n    return g()\n",
    }
    found = chosen("main()", "a.py", files)
    assert (names(found), found.left_out) == (["g", "h", "main"], ())


def test_locals_do_not_count_as_names_of_the_module() -> None:
    source = """\
        data = 1

        def other():
            return 2

        def f(data):
            other = data
            return [data for data in other]
        """
    assert names(chosen("f([1])", "f.py", {"f.py": dedent(source)})) == ["f"]


@pytest.mark.parametrize(
    ("entry", "reason"), [("f(", "Not a call expression"), ("nothing(1)", "f.py has no nothing"), ("", "Not a call")]
)
def test_a_bad_entry_is_said(entry: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        chosen(entry, "f.py", {"f.py": ONE})
    with pytest.raises(UsageError, match="does not parse"):
        chosen("f()", "f.py", {"f.py": "def f(:\n"})


def test_a_broken_file_further_away_is_left() -> None:
    found = chosen("run(1)", "pkg/main.py", {**FILES, "pkg/tools.py": "def helper(:\n"})
    assert "from .tools import helper" in found.text


@given(budget=st.integers(20, 140), entry=st.sampled_from(["area(1)", "Shape(2).grown()", "scaled(1)"]))
def test_the_text_keeps_the_budget(budget: int, entry: str) -> None:
    assert len(chosen(entry, "f.py", {"f.py": ONE}, budget=budget).text.split()) <= budget
