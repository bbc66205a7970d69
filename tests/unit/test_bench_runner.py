"""The bench over a pipe, on projects in a temporary folder: what it says of suites, well behaved and not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cwm_agent.containers.bench import ServedBench
from cwm_agent.containers.channel import Channel
from cwm_agent.errors import SandboxError
from cwm_agent.protocols import Bench, Candidate
from tests.unit.bench_suites import bench_on, judge, project, replacing

NASTY = {
    "shop/__init__.py": "",
    "shop/prices.py": """
        RATE = 2


        def doubled(value):
            if value < 0:
                return 0
            return value * RATE
        """,
    "tests/conftest.py": """
        import pytest


        @pytest.fixture(scope="module")
        def stock():
            return {"apples": 3}
        """,
    "tests/test_a_good.py": """
        import sys
        import threading
        import time
        import unittest

        import pytest
        from shop.prices import doubled


        @pytest.mark.parametrize(("value", "expected"), [(1, 2), (-1, 0)], ids=["one", "be low::zero"])
        def test_doubled(value, expected):
            assert doubled(value) == expected


        class TestThings(unittest.TestCase):
            def setUp(self):
                self.value = 4

            def test_unit(self):
                self.assertEqual(doubled(self.value), 8)


        def test_stock(stock):
            assert stock["apples"] == 3


        def test_wrong(stock):
            total = doubled(stock["apples"])
            assert total == 7


        def test_prints():
            print("x" * 5_000_000)


        def test_reads_nothing():
            with pytest.raises((EOFError, OSError)):
                input()


        def test_leaves_a_thread():
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


        @pytest.mark.skip(reason="later")
        def test_later():
            raise AssertionError


        @pytest.fixture
        def broken():
            raise LookupError("no such thing")


        def test_set_up(broken):
            pass
        """,
    "tests/test_b_nasty.py": """
        import ctypes
        import os
        import time


        def test_exits():
            os._exit(3)


        def test_hangs():
            from shop.prices import doubled

            doubled(-5)
            while True:
                try:
                    time.sleep(60)
                except Exception:
                    pass


        def test_crashes():
            ctypes.string_at(0)


        def test_asks_to_stop():
            raise KeyboardInterrupt


        def test_kills_its_parent():
            os.kill(os.getppid(), 9)
            time.sleep(60)


        def test_last():
            assert True
        """,
    "tests/test_c_import.py": "import nothing_of_that_name\n\n\ndef test_never():\n    pass\n",
    "tests/test_d_dies.py": "import os\n\nos._exit(7)\n",
    "tests/test_e_after.py": "def test_after():\n    pass\n",
}


async def test_a_suite_of_every_kind_of_trouble(tmp_path: Path) -> None:
    bench = bench_on(project(tmp_path, NASTY))
    began = time.monotonic()
    spectrum = await bench.spectrum([], 1.0)
    await bench.aclose()
    assert spectrum.problem == ""
    good, bad = "tests/test_a_good.py", "tests/test_b_nasty.py"
    outcomes = {result.id: result.outcome for result in spectrum.results}
    assert outcomes == {
        f"{good}::test_doubled[one]": "passed",
        f"{good}::test_doubled[be low::zero]": "passed",
        f"{good}::TestThings::test_unit": "passed",
        f"{good}::test_stock": "passed",
        f"{good}::test_wrong": "failed",
        f"{good}::test_prints": "passed",
        f"{good}::test_reads_nothing": "passed",
        f"{good}::test_leaves_a_thread": "passed",
        f"{good}::test_later": "skipped",
        f"{good}::test_set_up": "error",
        f"{bad}::test_exits": "crashed",
        f"{bad}::test_hangs": "timeout",
        f"{bad}::test_crashes": "crashed",
        f"{bad}::test_asks_to_stop": "failed",
        f"{bad}::test_kills_its_parent": "crashed",
        f"{bad}::test_last": "passed",
        "tests/test_c_import.py": "error",
        "tests/test_d_dies.py": "error",
        "tests/test_e_after.py::test_after": "passed",
    }
    by_id = {result.id: result for result in spectrum.results}
    line = (tmp_path / good).read_text().splitlines().index("    assert total == 7") + 1
    wrong = by_id[f"{good}::test_wrong"]
    assert (wrong.message, wrong.path, wrong.line) == ("assert 6 == 7", good, line)
    assert by_id[f"{good}::test_set_up"].message == "LookupError: no such thing"
    assert "nothing_of_that_name" in by_id["tests/test_c_import.py"].message
    assert "SIGSEGV" in by_id[f"{bad}::test_crashes"].message
    prices = "shop/prices.py"
    assert spectrum.lines[f"{good}::test_doubled[one]"][prices] == (5, 7)
    assert spectrum.lines[f"{good}::test_doubled[be low::zero]"][prices] == (5, 6)
    assert spectrum.lines[f"{bad}::test_hangs"][prices] == (5, 6)
    assert spectrum.lines[""][prices] == (1, 4)
    assert all(path.startswith(("shop/", "tests/")) for lines in spectrum.lines.values() for path in lines)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("files", "targets", "words"),
    [
        ({"a.py": "x = 1\n"}, [], "no tests were found"),
        ({"test_a.py": "import nothing_of_that_name\n"}, [], "test_a.py: ModuleNotFoundError"),
        ({"conftest.py": "import nothing_of_that_name\n", "test_a.py": "def test_a(): pass\n"}, [], "conftest.py"),
        ({"test_a.py": "def test_a(): pass\n"}, ["test_a.py::test_b"], "test_b"),
        ({"test_a.py": "import os\nos._exit(1)\n"}, [], "ended the process"),
        (
            {"pytest.ini": "[pytest]\naddopts = --no-such-option\n", "test_a.py": "def test_a(): pass\n"},
            [],
            "--no-such",
        ),
    ],
    ids=["none", "import", "conftest", "unknown id", "exit", "usage"],
)
async def test_a_suite_that_cannot_run_says_why(
    tmp_path: Path, files: dict[str, str], targets: list[str], words: str
) -> None:
    bench = bench_on(project(tmp_path, files))
    spectrum = await bench.spectrum(targets, 5.0)
    await bench.aclose()
    assert words in spectrum.problem
    assert not any(result.outcome == "passed" for result in spectrum.results)


def litter(folder: Path) -> list[Path]:
    return [path for name in ("__pycache__", ".pytest_cache") for path in folder.rglob(name)]


async def test_the_projects_own_configuration_holds(tmp_path: Path) -> None:
    bench = bench_on(
        project(
            tmp_path,
            {
                "pyproject.toml": """
                    [tool.pytest.ini_options]
                    addopts = "-n 4 --dist load --cov=lib --cov-report term-missing -x --strict-markers -m 'not slow'"
                    testpaths = ["checks"]
                    pythonpath = ["lib"]
                    markers = ["slow: takes long"]
                    filterwarnings = ["error"]
                    """,
                "lib/thing.py": "import warnings\n\n\ndef warn():\n    warnings.warn('old', DeprecationWarning)\n",
                "checks/test_thing.py": """
                    import pytest
                    from thing import warn


                    def test_warns():
                        warn()


                    @pytest.mark.slow
                    def test_slow():
                        raise AssertionError


                    def test_after_the_first_failure():
                        pass
                    """,
                "elsewhere/test_other.py": "def test_other():\n    pass\n",
            },
        )
    )
    spectrum = await bench.spectrum([], 5.0)
    await bench.aclose()
    assert spectrum.problem == ""
    assert {(result.id, result.outcome) for result in spectrum.results} == {
        ("checks/test_thing.py::test_warns", "failed"),
        ("checks/test_thing.py::test_after_the_first_failure", "passed"),
    }
    assert not litter(tmp_path)


FORMS = {
    "pkg/__init__.py": "",
    "pkg/forms.py": """
        import functools
        from dataclasses import dataclass

        LIMIT = 10
        TABLE = {n: n * n for n in range(4)}


        def table_of(n):
            return {k: k + n for k in range(3)}


        SHIFTED = table_of(1)


        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                return function(*args) + 0

            return wrapper


        @logged
        def decorated(x):
            return x + 1


        @functools.lru_cache(maxsize=None)
        def cached(x):
            return x * 3


        def default(x, step=2):
            return x + step


        def adder(n):
            def add(x):
                return x + n

            return add


        plus_five = adder(5)
        first, second = (lambda x: x + 10), (lambda x: x + 20)


        def counted(n):
            yield from range(n)


        @dataclass
        class Point:
            x: int = 1
            y: int = 4

            def norm(self):
                return self.x + self.y


        class Box:
            size = 6

            @property
            def area(self):
                return self.size * 2

            @staticmethod
            def unit():
                return 7

            @classmethod
            def named(cls, name):
                return name + "!"


        class Bigger(Box):
            @property
            def area(self):
                return super().area + 100


        async def slowly(x):
            return x - 1


        def within(x):
            return x < LIMIT
        """,
    "tests/test_forms.py": """
        import asyncio
        import inspect

        import pytest
        from pkg import forms
        from pkg.forms import Bigger, Box, Point, adder, cached, counted, decorated, default, plus_five, slowly


        def test_target():
            assert forms.TABLE[3] == 9
            assert forms.SHIFTED == {0: 1, 1: 2, 2: 3}
            assert decorated(1) == 2
            assert cached(2) == 6
            assert default(1) == 3
            assert plus_five(1) == 6
            assert adder(2)(2) == 4
            assert (forms.first(1), forms.second(1)) == (11, 21)
            assert list(counted(3)) == [0, 1, 2]
            assert Point().norm() == 5
            assert (Box().area, Bigger().area) == (12, 112)
            assert (Box.unit(), Box.named("a")) == (7, "a!")
            assert asyncio.run(slowly(3)) == 2
            assert forms.within(9) and not forms.within(10)


        def test_source():
            assert inspect.getsource(Box.unit).strip().endswith("return 7")


        @pytest.mark.parametrize("x", [1, 2])
        def test_more(x):
            assert decorated(x) == x + 1
        """,
}
EDITS = [
    ("LIMIT = 10", "LIMIT = 11"),
    ("n * n for n", "n + n for n"),
    ("k: k + n", "k: k - n"),
    ("function(*args) + 0", "function(*args) + 1"),
    ("function(*args) + 0", "0 + function(*args)"),
    ("return x + 1\n", "return x + 2\n"),
    ("return x + 1\n", "return 1 + x\n"),
    ("return x * 3", "return x * 4"),
    ("return x * 3", "return 3 * x"),
    ("step=2", "step=3"),
    ("step=2", "step=1 + 1"),
    ("                return x + n\n".replace("    " * 2, "", 1), "        return x - n\n"),
    ("        return x + n\n", "        return n + x\n"),
    ("lambda x: x + 20", "lambda x: x + 21"),
    ("lambda x: x + 20", "lambda x: 20 + x"),
    ("yield from range(n)", "yield from range(n + 1)"),
    ("yield from range(n)", "return list(range(n))"),
    ("x: int = 1", "x: int = 2"),
    ("self.x + self.y", "self.x - self.y"),
    ("self.x + self.y", "self.y + self.x"),
    ("size = 6", "size = 5"),
    ("self.size * 2", "self.size * 3"),
    ("self.size * 2", "2 * self.size"),
    ("return 7", "return 8"),
    ("return 7", "return 3 + 4"),
    ('name + "!"', '"!" + name'),
    ("super().area + 100", "super().area - 100"),
    ("return x - 1", "return x + 1"),
    ("x < LIMIT", "x <= LIMIT"),
    ("x < LIMIT", "not x >= LIMIT"),
    ("x < LIMIT", "x < LIMT"),
    ("def within(x):", "def within(x, /):"),
    ("def within(x):", "def within(y):"),
    ("def within(x):\n", "def within(x):\n    # a line more\n\n"),
    ("import functools\n", "import functools\n\n\n"),
    ("return x < LIMIT", "return x <"),
    ("LIMIT = 10", "LIMIT = TEN"),
]


def with_real_pytest(folder: Path, candidate: Candidate) -> tuple[bool, bool]:
    """Whether the target and the whole suite pass in a fresh pytest on the changed files."""
    copy = folder.with_name(f"{folder.name}-real")
    subprocess.run(["rm", "-rf", copy], check=True)
    subprocess.run(["cp", "-r", folder, copy], check=True)
    for path, text in candidate.files.items():
        (copy / path).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", copy]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run([*command, "-rA"], cwd=copy, env=environment, capture_output=True, text=True)
    return "PASSED tests/test_forms.py::test_target" in done.stdout, done.returncode == 0


async def test_both_lanes_say_what_pytest_says(tmp_path: Path) -> None:
    folder = project(tmp_path / "forms", FORMS)
    candidates = replacing(folder, "pkg/forms.py", *EDITS)
    failing, related = ["tests/test_forms.py::test_target"], ["tests/test_forms.py"]
    bench = bench_on(folder)
    fast = await judge(bench, candidates, failing, related)
    # A failing id that does not exist before the repair closes the fast lane, so that each goes the slow way.
    slow_only = [Candidate(c.number, {**c.files, "pkg/extra.py": ""}) for c in candidates]
    (folder / "tests" / "test_late.py").write_text("import pkg.extra\n\n\ndef test_late():\n    pass\n")
    slow = await judge(bench, slow_only, [*failing, "tests/test_late.py::test_late"], related)
    (folder / "tests" / "test_late.py").unlink()
    await bench.aclose()
    assert {n: v.stage for n, v in fast.items()} == {n: v.stage for n, v in slow.items()}
    for candidate in candidates[::4] + candidates[-3:]:
        target, everything = with_real_pytest(folder, candidate)
        stage = fast[candidate.number].stage
        expected = "survived" if everything else "related" if target else "failing"
        assert stage == expected or (stage == "broken" and not target), EDITS[candidate.number]
    assert {v.stage for v in fast.values()} == {"survived", "failing", "broken", "related"}


HOSTILE = {
    "lib.py": "def f(x):\n    return x - 1\n",
    "test_lib.py": "from lib import f\n\n\ndef test_f():\n    assert f(1) == 2\n",
}


async def test_no_candidate_stops_the_others(tmp_path: Path) -> None:
    folder = project(tmp_path, HOSTILE)
    bodies = [
        "import os; os._exit(0)",
        "import ctypes; return ctypes.string_at(0)",
        "return f(x)",
        "return bytearray(1 << 40)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); return 2",
        "import os; os.kill(os.getppid(), 9); return 2",
        "while True: pass",
        "import os; os.fork() or os.setsid(); import time; time.sleep(50)",
        "import os; [os.fork() for _ in range(3)]; return 2",
        "import sys; sys.exit(0)",
        "return " + "(" * 300 + "x" + ")" * 300,
        "return x + 1",
        "print('y' * 10 ** 8); return 0",
    ]
    candidates = replacing(folder, "lib.py", *(("return x - 1", body) for body in bodies))
    candidates.append(Candidate(99, {"lib.py": "def f(x)\n"}))
    candidates.append(Candidate(98, {"data.txt": "x"}))
    bench = bench_on(folder)
    verdicts = await judge(bench, candidates, ["test_lib.py::test_f"], ["test_lib.py"], seconds=1.0)
    await bench.aclose()
    stages = {number: verdict.stage for number, verdict in verdicts.items()}
    survivors = {number for number, stage in stages.items() if stage == "survived"}
    assert set(stages) == {candidate.number for candidate in candidates}
    assert 11 in survivors
    assert survivors <= {8, 11}
    assert [stages[number] for number in (5, 10, 98, 99)] == ["broken"] * 4
    assert "did not end within" in verdicts[6].message


async def test_the_candidate_that_kills_the_server_is_found(tmp_path: Path) -> None:
    folder = project(tmp_path, HOSTILE)
    kill_server = (
        "import os; pid = os.getpid()\n"
        "    while b'serve' not in open(f'/proc/{pid}/cmdline', 'rb').read():\n"
        "        pid = int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1])\n"
        "    os.kill(pid, 9); import time; time.sleep(30)"
    )
    pairs = [("return x - 1", "return x + 1" if n % 4 == 0 else f"return x + {n}") for n in range(12)]
    pairs[5] = ("return x - 1", kill_server)
    bench = bench_on(folder)
    verdicts = await judge(bench, replacing(folder, "lib.py", *pairs), ["test_lib.py::test_f"], [], seconds=5.0)
    await bench.aclose()
    assert {n for n, v in verdicts.items() if v.stage == "broken"} == {5}
    assert {n for n, v in verdicts.items() if v.stage == "survived"} == {0, 1, 4, 8}


def workers_in(folder: Path) -> list[str]:
    """The processes of the bench's workers that stand in this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"\0work\0" in (process / "cmdline").read_bytes() and (process / "cwd").readlink() == folder:
                found.append(process.name)
    return found


async def test_closing_the_iterator_stops_the_work(tmp_path: Path) -> None:
    folder = project(tmp_path, {**HOSTILE, "lib.py": "def f(x):\n    import time; time.sleep(30); return x - 1\n"})
    served = 0

    async def endless() -> AsyncIterator[Candidate]:
        nonlocal served
        while True:
            served += 1
            text = "def f(x):\n    return x - 1\n" if served == 1 else (folder / "lib.py").read_text() + f"# {served}\n"
            yield Candidate(served, {"lib.py": text})

    bench = bench_on(folder)
    verdicts = bench.verify(endless(), ["test_lib.py::test_f"], [], 60.0)
    assert (await anext(verdicts)).stage == "failing"
    await asyncio.sleep(0.2)
    assert served < 40
    began = time.monotonic()
    await verdicts.aclose()
    assert time.monotonic() - began < 0.2
    await asyncio.sleep(0.2)
    assert workers_in(folder) == []
    spectrum = await bench.spectrum(["test_lib.py"], 0.5)
    await bench.aclose()
    assert [result.outcome for result in spectrum.results] == ["timeout"]


async def test_plugins_of_the_project_are_at_work(tmp_path: Path) -> None:
    test = """
        import asyncio

        import pytest
        from lib import f


        @pytest.mark.asyncio
        async def test_f():
            await asyncio.sleep(0)
            assert f(1) == 2
        """
    folder = project(tmp_path, {**HOSTILE, "test_lib.py": test})
    bench = bench_on(folder, plugins=True)
    spectrum = await bench.spectrum([], 5.0)
    candidates = replacing(folder, "lib.py", ("x - 1", "x + 1"), ("x - 1", "x - 2"))
    verdicts = await judge(bench, candidates, ["test_lib.py::test_f"], [])
    await bench.aclose()
    assert [(result.outcome, result.message) for result in spectrum.results] == [("failed", "assert 0 == 2")]
    assert (verdicts[0].stage, verdicts[1].stage) == ("survived", "failing")


async def test_a_source_that_fails_is_heard_of(tmp_path: Path) -> None:
    async def failing() -> AsyncIterator[Candidate]:
        yield Candidate(1, {"lib.py": "def f(x):\n    return x + 1\n"})
        raise ZeroDivisionError

    bench = bench_on(project(tmp_path, HOSTILE))
    with pytest.raises(ZeroDivisionError):
        async for _ in bench.verify(failing(), ["test_lib.py::test_f"], [], 5.0):
            pass
    await bench.aclose()


async def test_a_suite_that_does_not_import_is_repaired_the_slow_way(tmp_path: Path) -> None:
    folder = project(tmp_path, {**HOSTILE, "lib.py": "def f(x):\n    return y + 1\n\n\nf(0)\n"})
    bench = bench_on(folder)
    spectrum = await bench.spectrum([], 5.0)
    assert "test_lib.py: NameError" in spectrum.problem
    failing = [result.id for result in spectrum.results]
    verdicts = await judge(
        bench, replacing(folder, "lib.py", ("return y", "return x"), ("y + 1", "z")), failing, failing
    )
    await bench.aclose()
    assert (verdicts[0].stage, verdicts[1].stage) == ("survived", "broken")
    assert "NameError" in verdicts[1].message


async def test_a_flaky_test_does_not_confuse_the_count(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {
            **HOSTILE,
            "test_flaky.py": "import os\n\n\ndef test_flaky():\n    assert os.getpid() % 2 == 0\n",
        },
    )
    candidates = [Candidate(n, {"lib.py": "def f(x):\n    return x + 1\n"}) for n in range(6)]
    bench = bench_on(folder)
    verdicts = await judge(bench, candidates, ["test_lib.py::test_f"], ["test_flaky.py", "test_lib.py"])
    await bench.aclose()
    assert len(verdicts) == 6
    assert {v.stage for v in verdicts.values()} <= {"survived", "related"}


def test_it_is_a_bench() -> None:
    _: Bench = bench_on(Path("/"))


async def test_a_python_without_pytest_is_said_so(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    bench = bench_on(project(tmp_path / "project", HOSTILE), python=str(python))
    spectrum = await bench.spectrum([], 5.0)
    assert "pytest is missing" in spectrum.problem
    with pytest.raises(SandboxError, match="pytest is missing"):
        await judge(bench, [Candidate(1, {"lib.py": ""})], ["test_lib.py::test_f"], [])
    await bench.aclose()


async def test_a_server_that_never_lives_is_an_error(tmp_path: Path) -> None:
    bench = ServedBench(lambda: Channel.over_subprocess(["/bin/false"]))
    with pytest.raises(SandboxError):
        await bench.spectrum([], 5.0)
    with pytest.raises(SandboxError):
        await judge(bench, [Candidate(n, {"lib.py": ""}) for n in range(40)], ["test_lib.py::test_f"], [])
    await bench.aclose()
