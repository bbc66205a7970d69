"""The evaluation: what it is made on, and that it tells a model that knows from one that babbles."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cwm_agent.nano.dataset import HELD_OUT
from cwm_agent.nano.evaluation.cases import FAMILIES, REAL, SEEDS, TEMPLATES, generated, real
from cwm_agent.nano.evaluation.constructs import constructs
from cwm_agent.nano.evaluation.curve import COLUMNS, Point, curve_page, needed, point
from cwm_agent.nano.evaluation.measures import Said, share
from cwm_agent.nano.evaluation.real import calls, of_module
from cwm_agent.nano.evaluation.report import by_construct, by_group, evaluation, markdown
from cwm_agent.nano.evaluation.runs import Case, Run, judged
from cwm_agent.nano.programs import program
from cwm_agent.nano.split import is_held_out
from cwm_agent.traces.frames import Frame, FrameKind, Trace
from tests.unit.models import tiny

MODULE = '''
import os
LIMIT = 3
FOLDER = os.getcwd()

def capped(value: int, extra=0):
    """Words."""
    return min(value, LIMIT) + extra

def twice(text):
    return _both(text.upper(), text)

def _both(a, b):
    return a + b

def where(name):
    return FOLDER + name

def writes(name):
    return open(name).read()

def dunder(name):
    return name.__class__

def silent(name):
    name.append(1)

@property
def decorated(name):
    return name
'''


def test_only_pure_functions_are_taken_whole_and_without_their_words() -> None:
    found = {each.name: each for each in of_module("m", MODULE)}
    assert found.keys() == {"capped", "twice", "_both"}
    assert found["capped"].source == "LIMIT = 3\n\ndef capped(value, extra=0):\n    return min(value, LIMIT) + extra\n"
    assert found["twice"].source.index("def _both") < found["twice"].source.index("def twice")
    assert found["twice"].qualified == "m.twice"


def test_arguments_are_of_the_kinds_that_a_function_names() -> None:
    found = {each.name: each for each in of_module("m", MODULE)}
    for call in calls(found["capped"]):
        assert isinstance(ast.literal_eval(ast.parse(call, mode="eval").body.args[0]), int)  # type: ignore[attr-defined]
    for call in calls(found["twice"]):
        assert isinstance(ast.literal_eval(ast.parse(call, mode="eval").body.args[0]), str)  # type: ignore[attr-defined]
    assert calls(found["twice"]) == calls(found["twice"])


def test_a_fifth_of_all_names_is_held_out() -> None:
    names = [f"package{n % 7}.module.function_{n}" for n in range(5000)]
    assert 900 < sum(map(is_held_out, names)) < 1100


@pytest.mark.parametrize("withheld", [False, True])
def test_generated_cases_are_none_that_training_sees(withheld: bool) -> None:
    found = list(generated(12, withheld=withheld))
    assert 12 <= len(found) <= 15
    assert {case.group for case in found} == {TEMPLATES if withheld else SEEDS}
    assert found == list(generated(12, withheld=withheld))
    made = {each.source: each for n in range(400) for each in (program(HELD_OUT + n, family) for family in FAMILIES)}
    assert all(made[case.source].withheld is withheld for case in found)


def test_real_cases_return_and_are_of_no_function_that_training_may_see() -> None:
    found = list(real())
    assert len(found) >= 60
    assert all(case.real.complete and case.real.frames[-1].event is FrameKind.RETURN for case in found)
    assert len({case.source for case in found}) >= 30


def test_constructs_are_those_of_the_text() -> None:
    source = "def f(n):\n    return n * f(n - 1) if n else 1\n"
    assert constructs(source) == ("arithmetic", "if", "recursion")
    assert constructs("def f(a):\n    b = a + 1\n    return b\n") == ("arithmetic", "straight line")
    assert "nested call" in constructs("def g():\n    return 1\n\ndef f():\n    return g()\n")


def frame(event: FrameKind, line: int, locals_: dict[str, str], value: str | None = None, **said: float) -> Frame:
    special = {"line_": "<line>", "value_": "<value>"}
    logprobs = {special.get(name, name): each for name, each in said.items()}
    return Frame(
        event=event,
        file="",
        function="f",
        line=line,
        depth=0,
        source="x",
        locals=locals_,
        value=value,
        logprobs=logprobs,
    )


def test_confidence_counts_up_to_the_first_error_and_no_further() -> None:
    real_frames = (
        frame(FrameKind.CALL, 1, {"a": "1"}),
        frame(FrameKind.LINE, 2, {"a": "1"}),
        frame(FrameKind.LINE, 3, {"a": "1", "b": "2"}),
        frame(FrameKind.RETURN, 3, {}, "2"),
    )
    guess = (
        frame(FrameKind.CALL, 1, {"a": "1"}, a=0.0),
        frame(FrameKind.LINE, 2, {"a": "1"}, line_=0.0),
        frame(FrameKind.LINE, 3, {"a": "1", "b": "3"}, b=-1.0),
        frame(FrameKind.RETURN, 3, {}, "3", value_=-0.5),
    )
    case = Case("g", "def f(a): ...\n", "f(1)", ("if",), Trace(real_frames))
    run = judged(0, "stepwise", case, Trace(guess), tokens=9, seconds=0.1)
    assert [each.right for each in run.said] == [True, True, False]
    assert run.before == 2
    assert not run.exact
    assert run.whole is not None
    assert run.whole.confidence == pytest.approx(2.718281828**-1.5)
    true = judged(0, "stepwise", case, Trace(real_frames), tokens=9, seconds=0.1)
    assert true.exact
    assert true.returned
    assert true.whole is None
    cut = judged(0, "stepwise", case, Trace(guess[:2], complete=False), tokens=9, seconds=0.1)
    assert (cut.exact, cut.returned, cut.whole) == (False, False, None)


def test_the_tables_are_the_numbers() -> None:
    short = Case("g", "def f(): ...\n", "f()", ("for",), Trace((frame(FrameKind.CALL, 1, {}),) * 4))
    long = Case("g", "def f(): ...\n", "f()", ("for", "if"), Trace((frame(FrameKind.CALL, 1, {}),) * 20))
    cases = [short] * 10 + [long] * 5
    done = [
        Run(case=n, method=method, exact=n < 5, returned=n < 10, frames=5, before=2, tokens=8, seconds=0.0,
            said=(Said(0.9, True),), whole=Said(0.9, True))
        for n in range(15) for method in ("free", "stepwise")
    ]  # fmt: skip
    rows = {(row.group, row.method): row for row in by_group(cases, done)}
    groups = ("g", "g, up to 10 frames", "g, 11 to 40 frames")
    assert rows.keys() == {(name, how) for name in groups for how in ("free", "scaffolded")}
    whole = rows["g", "scaffolded"]
    assert (whole.programs, whole.exact.value, whole.returned.value) == (15, 5 / 15, 10 / 15)  # type: ignore[union-attr]
    assert rows["g, 11 to 40 frames", "free"].exact.value == 0  # type: ignore[union-attr]
    assert whole.tokens_per_frame == 2.0
    assert {row.group for row in by_construct(cases, done)} == {"for"}
    page = markdown(evaluation("m", {"parameters": 2_000_000}, cases, done, "A note."))
    assert "| g | scaffolded | 15 | 33% (15–58) | 67% (42–85) |" in page
    assert "2.0 M parameters" in page


def test_the_command_writes_the_page_and_its_numbers_of_a_model_that_babbles(tmp_path: Path) -> None:
    tiny.write(tmp_path / "m", max_position_embeddings=400)
    command = [sys.executable, "-m", "cwm_agent.nano", "evaluate", str(tmp_path / "m"), "--programs", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "m" / "evaluation.json").read_text())
    assert {row["group"] for row in written["by_group"]} >= {"unseen seeds", "unseen templates", "real functions"}
    assert all(row["exact"]["value"] <= 0.5 for row in written["by_group"])
    assert (tmp_path / "m" / "evaluation.md").read_text().strip() == done.stdout.strip()


def _at(tokens: int, right: int, of: int = 1000) -> Point:
    return Point(2_000_000, tokens, share(right, of), share(0, of), share(right, of), share(of - right, of))


def test_a_curve_that_is_a_line_leads_to_its_goal() -> None:
    """Odds of 1:9 at 1 M tokens and of 1:1 at 10 M are odds of 9:1 at 100 M."""
    points = [_at(1_000_000, 100), _at(10_000_000, 500), _at(100_000_000, 900)]
    short, long, _, real = COLUMNS
    assert short.goal == 0.9
    assert needed(points[:2], short) is None
    assert needed(points, short) == pytest.approx(1e8)
    assert needed(points, long) is None, "it is 0 at every point"
    assert needed(points, real) is None, "it falls"
    page = curve_page([Point(500_000, 1_000_000, *[share(1, 10)] * 4), *points])
    assert "| 0.50 M | 1.0 M | 10% (2–40)" in page
    assert "| whole trace, up to 10 frames | 90% | 100 M |" in page
    assert "not told by these points" in page


def test_a_point_counts_each_group_for_itself() -> None:
    frames = (frame(FrameKind.CALL, 1, {}),)
    made = [
        Case(group, "", "f()", (), Trace(frames * length)) for group, length in ((SEEDS, 4), (SEEDS, 20), (REAL, 4))
    ]
    done = [
        Run(case=n, method="stepwise", exact=n != 1, returned=n > 0, frames=5, before=2, tokens=8, seconds=0.0,
            said=(), whole=None)
        for n in range(3)
    ]  # fmt: skip
    found = point(1, 2, made, done)
    assert [each.value for each in (found.short, found.long, found.returned, found.real) if each] == [1, 0, 2 / 3, 1]


def test_the_command_writes_a_curve_of_all_checkpoints_below_a_folder(tmp_path: Path) -> None:
    for tokens in (2000, 1000):
        folder = tmp_path / f"after-{tokens}"
        tiny.write(folder, max_position_embeddings=400)
        (folder / "training.json").write_text(json.dumps({"parameters": 7, "tokens": tokens}))
    command = [sys.executable, "-m", "cwm_agent.nano", "evaluate", str(tmp_path), "--curve", "--programs", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "curve.json").read_text())
    assert [(each["parameters"], each["tokens"]) for each in written] == [(7, 1000), (7, 2000)]
    assert (tmp_path / "curve.md").read_text().strip() == done.stdout.strip()
