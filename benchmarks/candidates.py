"""How many candidate repairs are judged in a second, beside one pytest process for each.

    python -m benchmarks.candidates [--candidates N] [--peers N]

Both run in the same container, one after the other, on the same candidates, and have to agree on which survive. The
peer is `python -m pytest -x` on the failing tests, and on the related ones where those pass.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
import tokenize
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from msgspec import Struct

from benchmarks.table import machine, write
from cwm_agent.containers.bench import ContainerBench
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.image import Image, command_user, ensure_image
from cwm_agent.containers.snapshot import take
from cwm_agent.demo.sample import create_sample
from cwm_agent.protocols import Candidate, Verdict
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.repository import Repository

ROUNDS = 3
GOAL_RATE, GOAL_RATIO = 100, 50
OPERATORS = ["<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "//", "%"]

TEXT = '''
def runs(text):
    """Lengths of runs of equal characters."""
    found, count = [], 0
    for index, character in enumerate(text):
        count += 1
        if index + 1 == len(text) or text[index + 1] != character:
            found.append((character, count))
            count = 0
    return found


def wrap(words, width):
    """Words in lines of at most `width` characters."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = line + " " + word if line else word
    return lines + [line] if line else lines


def roman(number):
    """A number in Roman numerals."""
    parts = ""
    for value, sign in ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        parts += sign * (number // value)
        number %= value
    return parts
'''
TESTS = """
import pytest
from pure.text import roman, runs, wrap

THREE = ["a", "bcd", "e"]


@pytest.mark.parametrize(("width", "lines"), [(3, THREE), (4, THREE), (6, ["a bcd", "e"]), (7, ["a bcd e"])])
def test_wrap(width, lines):
    assert wrap(["a", "bcd", "e"], width) == lines


def test_nothing_to_wrap():
    assert wrap([], 5) == []


@pytest.mark.parametrize(("text", "found"), [("", []), ("a", [("a", 1)]), ("aab", [("a", 2), ("b", 1)])])
def test_runs(text, found):
    assert runs(text) == found


@pytest.mark.parametrize(("number", "sign"), [(1, "I"), (4, "IV"), (9, "IX"), (14, "XIV"), (38, "XXXVIII")])
def test_roman(number, sign):
    assert roman(number) == sign
"""
PEER = """
import json, shutil, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
order = json.load(open("/workspace/.peer.json"))
def passes(root, ids):
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *ids]
    return subprocess.run(argv, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
def judge(path, text, root):
    began = time.perf_counter()
    file = f"{root}/{path}"
    before = open(file).read()
    open(file, "w").write(text)
    good = passes(root, order["failing"]) and passes(root, order["related"])
    open(file, "w").write(before)
    return time.perf_counter() - began, good
def lane(number):
    root = f"/tmp/peer{number}"
    shutil.copytree("/workspace", root)
    return [judge(path, text, root) for path, text in order["texts"][number::order["lanes"]]]
began = time.perf_counter()
with ThreadPoolExecutor(order["lanes"]) as pool:
    lanes = list(pool.map(lane, range(order["lanes"])))
print(json.dumps({"seconds": time.perf_counter() - began, "lanes": lanes}))
"""


Text = tuple[str, str]
"""A path and the file's whole new text."""
Edit = tuple[tuple[int, int], int, str]
"""Row and column of a token, its length, and what comes in its place."""


USAGE = """
try:
    print(int(open("/sys/fs/cgroup/cpuacct/cpuacct.usage").read()) / 1e9)
except OSError:
    print(int(open("/sys/fs/cgroup/cpu.stat").read().split()[1]) / 1e6)
"""


class Project(Struct, frozen=True):
    """A repository with a failing test, and the files in which candidates are made."""

    name: str
    root: Path
    paths: list[str]
    failing: list[str]
    related: list[str]

    def texts(self, count: int) -> list[Text]:
        """Different candidates: one edit at first, the files in turn, then two edits in a file."""
        found: dict[Text, None] = {}
        edits = {path: list(self._edits(path)) for path in self.paths}
        chance = random.Random(7)
        for path, several in edits.items():
            for edit in several:
                found[path, self._with(path, [edit])] = None
        single = chance.sample(list(found), min(count, len(found)))
        double: dict[Text, None] = {}
        while len(single) + len(double) < count:
            path = chance.choice(self.paths)
            two = sorted(chance.sample(edits[path], 2), reverse=True)
            if two[0][0] != two[1][0]:
                double[path, self._with(path, two)] = None
        return single + list(double)

    def _edits(self, path: str) -> Iterator[Edit]:
        """Each operator replaced by each other one, each number by its neighbours."""
        source = (self.root / path).read_text(encoding="utf-8")
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            others: list[str] = []
            if token.type == tokenize.OP and token.string in OPERATORS:
                others = [other for other in OPERATORS if other != token.string]
            elif token.type == tokenize.NUMBER and token.string.isdigit():
                others = [str(int(token.string) + step) for step in (-1, 1)]
            for other in others:
                yield token.start, len(token.string), other

    def _with(self, path: str, edits: list[Edit]) -> str:
        lines = (self.root / path).read_text(encoding="utf-8").splitlines(keepends=True)
        for (row, column), size, other in edits:
            line = lines[row - 1]
            lines[row - 1] = line[:column] + other + line[column + size :]
        return "".join(lines)


class Measured(Struct, frozen=True):
    """Candidates a second, round by round, which survived, and seconds of processor time for each."""

    rates: list[float]
    survivors: set[int]
    first: float
    cpu: float


def pure_functions(folder: Path) -> Project:
    (folder / "pure").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pure" / "__init__.py").write_text("")
    (folder / "pure" / "text.py").write_text(TEXT.lstrip())
    (folder / "tests" / "test_text.py").write_text(TESTS.lstrip())
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    failing = ["tests/test_text.py::test_wrap[4-lines1]", "tests/test_text.py::test_wrap[6-lines2]"]
    return Project("pure functions", folder, ["pure/text.py"], failing, ["tests/test_text.py"])


def sample(folder: Path) -> Project:
    failing = ["tests/test_statement.py::test_closing_balance_of_a_month_with_large_orders"]
    paths = [f"tally/{name}.py" for name in ("discounts", "items", "money", "tax", "ledger", "statement", "invoice")]
    return Project("sample repository", create_sample(folder), paths, failing, ["tests"])


async def on_the_bench(container: Container, project: Project, texts: list[Text]) -> Measured:
    async def candidates() -> AsyncIterator[Candidate]:
        for number, (path, text) in enumerate(texts):
            yield Candidate(number, {path: text})

    bench = ContainerBench(container)
    spectrum = await bench.spectrum([], 10.0)
    related = [result.id for result in spectrum.results]
    rates, first, survivors = [], 0.0, set()
    spent = await processor_seconds(container)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        verdicts: list[Verdict] = []
        async for verdict in bench.verify(candidates(), project.failing, related, 10.0):
            first = first if verdicts else time.perf_counter() - began
            verdicts.append(verdict)
        rates.append(len(verdicts) / (time.perf_counter() - began))
        survivors = {verdict.number for verdict in verdicts if verdict.stage == "survived"}
    await bench.aclose()
    spent = await processor_seconds(container) - spent
    return Measured(rates, survivors, first, spent / ROUNDS / len(texts))


async def processor_seconds(container: Container) -> float:
    """What the container has used of the processors so far."""
    return float(await container.run_once(["python3", "-c", USAGE]))


async def one_process_each(container: Container, project: Project, texts: list[Text], lanes: int) -> Measured:
    order = {
        "failing": project.failing,
        "related": project.related,
        "texts": texts,
        "lanes": lanes,
    }
    write_order = "import sys; open('/workspace/.peer.json', 'w').write(sys.argv[1])"
    await container.run_once(["python3", "-c", write_order, json.dumps(order)])
    spent = await processor_seconds(container)
    found = json.loads(await container.run_once(["python3", "-c", PEER], seconds=600.0))
    spent = await processor_seconds(container) - spent
    await container.run_once(["rm", "-rf", "/workspace/.peer.json", *(f"/tmp/peer{lane}" for lane in range(lanes))])
    numbered = [(n * lanes + lane, r) for lane, results in enumerate(found["lanes"]) for n, r in enumerate(results)]
    survivors = {number for number, (_, good) in numbered if good}
    rates = [lanes / seconds for _, (seconds, _) in numbered]
    return Measured(rates, survivors, 0.0, spent / len(texts))


async def measure(engine: Engine, image: Image, project: Project, count: int, peers: int) -> list[list[str]]:
    snapshot = await take(engine, Repository.open(project.root), session="bench", uid=command_user(), image=image)
    container = await start_container(
        engine, image, session="bench", mounts=snapshot.mounts, settings=SandboxSettings()
    )
    try:
        texts = project.texts(count)
        ours = await on_the_bench(container, project, texts)
        some = texts[:: max(1, count // peers)][:peers]
        plain = await one_process_each(container, project, some, 1)
        pair = await one_process_each(container, project, some, 2)
    finally:
        await container.remove()
        await snapshot.release()
    step = max(1, count // peers)
    expected = {number // step for number in ours.survivors if number % step == 0 and number // step < len(some)}
    if not plain.survivors == pair.survivors == expected:
        raise SystemExit(f"{project.name}: the verdicts differ: {expected} {plain.survivors} {pair.survivors}")
    rate = statistics.median(ours.rates)
    rows = [[project.name, "the bench", f"{count} × {ROUNDS}", f"{rate:.0f}", "1", f"{ours.cpu * 1000:.1f} ms"]]
    for words, peer in (("one pytest process each", plain), ("the same, two at once", pair)):
        other = statistics.median(peer.rates)
        rows.append(
            [project.name, words, str(len(some)), f"{other:.2f}", f"{rate / other:.0f}", f"{peer.cpu * 1000:.0f} ms"]
        )
    ratio = rate / statistics.median(plain.rates)
    print(f"{project.name}: {rate:.0f}/s (goal {GOAL_RATE}), {ratio:.0f}x (goal {GOAL_RATIO})")
    return rows


async def run(count: int, peers: int) -> None:
    load = os.getloadavg()[0]
    engine = await Engine.connect()
    image = await ensure_image(engine, SandboxSettings(), lambda _: None)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for project in (pure_functions(Path(folder) / "pure"), sample(Path(folder) / "sample")):
            rows += await measure(engine, image, project, count, peers)
    note = (
        f"{machine()} The same candidates in the same hardened container with two processors. The bench's rate is the "
        "median of whole runs, with its start and the confirmation of survivors; the peer's is the median of its "
        "candidates. Every candidate that both judged got the same verdict. "
        f"Load average before: {load:.1f}; above zero, something else had a part of the processors."
    )
    header = ("tests", "what judges", "candidates", "a second", "the bench is faster by", "processor time each")
    write("candidates", "Candidates judged in a second", note, header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--peers", type=int, default=40)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.candidates, arguments.peers))


if __name__ == "__main__":
    main()
