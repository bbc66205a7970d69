"""A run saved as a test: what pytest then says of it, and what cannot be saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_agent.core.debugger import moves
from cwm_agent.core.debugger.engine import Debugger
from cwm_agent.core.debugger.saving import as_test, default_name
from cwm_agent.core.pins.calls import module_of
from cwm_agent.core.pins.file import append
from cwm_agent.errors import UsageError
from cwm_agent.observations import LimitReached, Mode
from cwm_agent.repl.debugger_save import save
from tests.unit.core.debugger.stage import SUM, Dreaming, debugging, real, recorded

HARD = (
    SUM
    + """

class Point:
    def __init__(self, x):
        self.x = x

    def __repr__(self):
        return f"Point({self.x})"

    def moved(self, by):
        return self.x + by


class Odd(Exception):
    def __str__(self):
        return "odd"


def odd():
    raise Odd(1, 2)


def point(x):
    return Point(x)


def same(x):
    return x


def endless():
    xs = [1]
    xs.append(xs)
    return xs


def long():
    return "a" * 9000


def decorated(function):
    return function


@decorated
def plain():
    return 1


def nested():
    raise KeyError("k")


def lone(n):
    yield n
"""
)


def pytest_says(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def inside(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def saved(entry: str, folder: Path, name: str = "test_saved.py") -> str:
    debugger = await debugging(entry, source=HARD)
    path, written = save(debugger, str(folder / name))
    assert f"def {written}(" in path.read_text()
    return path.read_text()


async def test_saved_tests_pass_where_the_program_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text(HARD)
    for entry in (
        "total([1, 2])",
        "same({'a': (1, None), 'b': {2, 3}})",
        "same(0.1 + 0.2)",
        "same(None)",
        "same(x=-1)",
        "same(same)",
        "check(-1)",
        "odd()",
        "nested()",
        "Point(2).moved(3)",
        "total([double(1)])",
        'same("it\'s\\n")',
        "total([1, 2])",
    ):
        if entry == "same(same)":
            with pytest.raises(UsageError):
                await saved(entry, tmp_path)
            continue
        await saved(entry, tmp_path)
    assert "12 passed" in pytest_says(tmp_path)
    (tmp_path / "f.py").write_text(HARD.replace("t += double(x)", "t += x"))
    assert "3 failed" in pytest_says(tmp_path)


async def test_a_saved_test_reads_like_a_persons(tmp_path: Path) -> None:
    assert await saved("total([1, 2])", tmp_path) == (
        '"""Tests of traced calls, written by cwm-agent."""\n'
        "\n"
        "from f import total\n"
        "\n"
        "\n"
        "def test_total_1_2_returns() -> None:\n"
        "    assert total([1, 2]) == 6\n"
    )
    assert await saved("check(-1)", tmp_path) == (
        '"""Tests of traced calls, written by cwm-agent."""\n'
        "\n"
        "import pytest\n"
        "\n"
        "from f import Bad, check, total\n"
        "\n"
        "\n"
        "def test_total_1_2_returns() -> None:\n"
        "    assert total([1, 2]) == 6\n"
        "\n"
        "\n"
        "def test_check_1_raises() -> None:\n"
        "    with pytest.raises(Bad) as raised:\n"
        "        check(-1)\n"
        "    assert str(raised.value) == 'negative'\n"
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("point(1)", "no literal"),
        ("same(object())", "no literal"),
        ("same(float('nan'))", "no literal"),
        ("endless()", "no literal"),
        ("long()", "middle was left out"),
        ("plain()", "its last call is not a plain one"),
        ("Point(1)", "its last call is not a plain one"),
        ("list(lone(2))", "its last call is not a plain one"),
        ("next(lone(2))", "its last call is not a plain one"),
        ("double(1) + 1", "is not a call"),
        ("[double][0](1)", "has no name"),
    ],
)
async def test_what_no_test_could_hold_is_refused(entry: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        await saved(entry, tmp_path)
    assert words in str(raised.value)
    assert inside(tmp_path) == []


async def test_an_imagined_expectation_says_so(tmp_path: Path) -> None:
    dreaming = Dreaming(recorded("total([1, 2])"))
    debugger = await debugging("total([1, 2])", mode=Mode.IMAGINED, dreaming=dreaming)
    with pytest.raises(UsageError) as raised:
        as_test(debugger)
    assert "`last` goes there" in str(raised.value)
    await moves.last(debugger.cursor)
    text, name = append("", as_test(debugger))
    assert name == "test_total_1_2_returns_as_imagined"
    assert '"""The expectation was imagined by a world model; the call never ran."""' in text
    assert "#" not in text


async def test_in_verify_mode_the_fact_is_saved_and_not_the_guess() -> None:
    wrong = [*recorded("double(1)")[:-1]]
    debugger = await debugging("double(1)", mode=Mode.VERIFY, dreaming=Dreaming(wrong))
    text, _ = append("", as_test(debugger))
    assert "assert double(1) == 2" in text
    assert "imagined" not in text


async def test_an_edited_run_has_no_test() -> None:
    debugger = await debugging("double(1)", dreaming=Dreaming(recorded("double(1)")))
    await debugger.what_if("n", "5")
    with pytest.raises(UsageError) as raised:
        as_test(debugger)
    assert "edited" in str(raised.value)


async def test_a_run_cut_short_has_no_test() -> None:
    world = real("fact(3)", frames=recorded("fact(3)")[:5], outcome=LimitReached("frames"))
    debugger = await debugging("fact(3)", world=world)
    with pytest.raises(UsageError) as raised:
        as_test(debugger)
    assert "A limit ended the run after 5 frames" in str(raised.value)


async def _ended() -> Debugger:
    return await debugging("double(1)")


@pytest.mark.parametrize("content", ["", "x = 1\n", '"""Mine."""\n', "\udc80"])
async def test_no_file_of_anothers_is_touched(content: str, tmp_path: Path) -> None:
    path = tmp_path / "test_mine.py"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    with pytest.raises(UsageError):
        save(await _ended(), str(path))
    assert path.read_bytes() == before
    assert inside(tmp_path) == [path.name]


async def test_where_nothing_can_be_written_the_reason_is_said(tmp_path: Path) -> None:
    for name in ("none/test_a.py", "test_a.txt", "."):
        with pytest.raises(UsageError):
            save(await _ended(), str(tmp_path / name))
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UsageError):
        save(await _ended(), str(tmp_path / "folder.py"))


async def test_the_names_of_a_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    debugger = await _ended()
    assert default_name(debugger) == "test_double.py"
    assert [save(debugger, "")[1] for _ in range(2)] == ["test_double_1_returns", "test_double_1_returns_2"]


@pytest.mark.parametrize(
    ("path", "module"),
    [("f.py", "f"), ("a/b.py", "a.b"), ("src/a/b.py", "a.b"), ("./a/__init__.py", "a"), ("/tmp/x/f.py", "f")],
)
def test_the_module_that_a_test_imports(path: str, module: str) -> None:
    assert module_of(path) == module


@pytest.mark.parametrize("path", ["my-file.py", "a b/c.py", "class.py", "../x.py"])
def test_a_file_without_a_module_name_has_no_test(path: str) -> None:
    with pytest.raises(UsageError):
        module_of(path)
