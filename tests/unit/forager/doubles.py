"""A repository in memory with a bench that really runs its tests, and a loop that carries a policy's actions out."""

from __future__ import annotations

import io
import signal
import sys
import traceback
import types
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

from cwm_agent.events import ActionEnded, ActionProposed, AgentEvent, PromptAccepted
from cwm_agent.observations import Completed, Origin
from cwm_agent.policies.forager import hunks
from cwm_agent.policies.forager.policy import Forager
from cwm_agent.protocols import Act, Candidate, FinalAnswer, PolicyEvent, Spectrum, TestResult, Verdict
from cwm_agent.workspace.changes import REGULAR, ChangeSet, Entry
from tests.unit.forager.worker import Worker


class Repository:
    """Paths to texts; satisfies Files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)

    async def read(self, path: bytes, limit: int = 16 * 1024 * 1024) -> Entry:
        if path.decode() not in self.files:
            raise FileNotFoundError(path)
        return Entry(REGULAR, self.files[path.decode()].encode())

    async def write(self, path: bytes, entry: Entry) -> None:
        self.files[path.decode()] = entry.content.decode()

    async def is_directory(self, path: bytes) -> bool:
        return False

    async def changes(self) -> ChangeSet:
        return ChangeSet()

    async def restore(self, changes: ChangeSet) -> None:
        raise NotImplementedError


class OutOfTime(BaseException):
    pass


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again: an exception raised inside a callback of the garbage collector is swallowed, as if never there.
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class ExecBench:
    """Runs `test_*` functions of top-level modules by exec; candidates in a limited child. Satisfies Bench."""

    recorded = 0

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.judged = 0

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        worker = Worker(self.look)
        try:
            seen: Spectrum | None = worker.ask(30.0, tuple(targets), seconds)
        finally:
            worker.close()
        assert seen is not None, "the tests ended their own process"
        return seen

    def look(self, targets: Sequence[str], seconds: float) -> Spectrum:
        lines: dict[str, dict[str, tuple[int, ...]]] = {}
        results: list[TestResult] = []
        try:
            tests = self._tests(self.repository.files)
        except Exception as error:
            return Spectrum((), {}, f"the suite does not import: {error!r}")
        for name, test in tests.items():
            if targets and not any(name == target or name.startswith(f"{target}::") for target in targets):
                continue
            seen: dict[str, set[int]] = {}
            results.append(self._run(name, test, seconds, seen))
            lines[name] = {path: tuple(sorted(numbers)) for path, numbers in seen.items()}
        return Spectrum(tuple(results), lines, "" if results else "no tests were found")

    async def verify(
        self, candidates: AsyncIterator[Candidate], failing: Sequence[str], related: Sequence[str], seconds: float
    ) -> AsyncIterator[Verdict]:
        total = len(failing) + len(related)
        worker = Worker(self.judge)
        try:
            async for candidate in candidates:
                self.judged += 1
                most = 0.5 + 0.1 * total
                verdict = worker.ask(most, candidate, tuple(failing), tuple(related), min(seconds, 0.06))
                yield verdict or Verdict(candidate.number, "failing", 0, total, most, "killed")
        finally:
            worker.close()

    def judge(self, candidate: Candidate, failing: Sequence[str], related: Sequence[str], seconds: float) -> Verdict:
        total = len(failing) + len(related)
        try:
            tests = self._tests({**self.repository.files, **candidate.files})
        except BaseException:  # whatever a candidate does at import
            return Verdict(candidate.number, "broken", 0, total, 0.0)
        passed = [name for name in failing if self._run(name, tests[name], seconds).outcome == "passed"]
        if len(passed) < len(failing):
            return Verdict(candidate.number, "failing", len(passed), total, 0.0)
        kept = [name for name in related if self._run(name, tests[name], seconds).outcome == "passed"]
        stage = "survived" if len(kept) == len(related) else "related"
        return Verdict(candidate.number, stage, len(passed) + len(kept), total, 0.0)

    async def aclose(self) -> None:
        pass

    def _tests(self, files: Mapping[str, str]) -> dict[str, Callable[[], None]]:
        names = [path.removesuffix(".py") for path in files]
        saved = {name: sys.modules.pop(name) for name in names if name in sys.modules}
        finder = _Finder(files)
        sys.meta_path.insert(0, finder)
        found: dict[str, Callable[[], None]] = {}
        try:
            for path in files:
                if path.startswith("test_"):
                    module = __import__(path.removesuffix(".py"))
                    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
                    found |= {f"{path}::{name}": value for name, value in tests.items()}
        finally:
            sys.meta_path.remove(finder)
            for name in names:
                sys.modules.pop(name, None)
            sys.modules |= saved
        return found

    def _run(
        self, name: str, test: Callable[[], None], seconds: float, seen: dict[str, set[int]] | None = None
    ) -> TestResult:
        def trace(frame: types.FrameType, event: str, _: Any) -> Any:
            path = frame.f_code.co_filename
            if path not in self.repository.files or seen is None:
                return None
            if event == "line":
                seen.setdefault(path, set()).add(frame.f_lineno)
            return trace

        before = sys.gettrace()
        try:
            with time_limit(seconds), redirect_stdout(io.StringIO()):
                if seen is not None:
                    sys.settrace(trace)
                try:
                    test()
                finally:
                    sys.settrace(before)
        except OutOfTime:
            return TestResult(name, "timeout", seconds, "timed out")
        except BaseException as error:  # a test may fail with anything
            last = traceback.extract_tb(error.__traceback__)[-1]
            return TestResult(name, "failed", 0.0, f"{type(error).__name__}: {error}", last.filename, last.lineno or 0)
        return TestResult(name, "passed")


class _Finder:
    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        import importlib.util

        if f"{name}.py" in self.files:
            return importlib.util.spec_from_loader(name, self)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        path = f"{module.__name__}.py"
        with time_limit(0.5):
            exec(compile(self.files[path], path, "exec", dont_inherit=True), vars(module))


class Conversation:
    """Carries out what a policy decides, on a repository in memory, and keeps the history."""

    def __init__(self, repository: Repository, bench: Any, policy: Forager) -> None:
        self.repository, self.bench, self.policy = repository, bench, policy
        self.history: list[AgentEvent] = []
        self.shown: list[PolicyEvent] = []
        self.calls: list[Any] = []
        self.submitted = False

    async def ask(self, prompt: str, *, actions: int = 20) -> str:
        self.history.append(PromptAccepted(prompt))
        for _ in range(actions):
            decision = await self.decide()
            if isinstance(decision, FinalAnswer):
                return decision.text
            await self.act(decision)
        raise AssertionError(f"no end after {actions} actions: {self.calls}")

    async def decide(self) -> Act | FinalAnswer:
        decision: Act | FinalAnswer | None = None
        async for event in self.policy.decide(tuple(self.history)):
            assert decision is None, "something after the decision"
            self.shown.append(event)
            if isinstance(event, Act | FinalAnswer):
                decision = event
            else:
                self.history.append(event)
        assert decision is not None
        return decision

    async def act(self, decision: Act) -> None:
        number = 1 + sum(isinstance(event, ActionProposed) for event in self.history)
        self.calls.append(decision.call)
        self.history.append(ActionProposed(number, decision.call))
        code, text = await self._carry_out(decision.call.tool, decision.call.content)
        self.history.append(ActionEnded(number, Origin.REAL, Completed(code), text, 0.0))

    async def _carry_out(self, tool: str, content: str) -> tuple[int, str]:
        if tool == "edit":
            parts = hunks.parts(content)
            assert parts is not None, content
            text = hunks.applied(self.repository.files[parts[0]], parts[1], parts[2])
            if text is None:
                return 2, "the lines do not occur exactly once"
            self.repository.files[parts[0]] = text
            return 0, "edited"
        if tool == "submit":
            self.submitted = True
            return 0, "diff --git …"
        if content.startswith("python3 -m pytest"):
            return await self._pytest()
        return 0, ""

    async def _pytest(self) -> tuple[int, str]:
        """All tests, as pytest's summary tells it."""
        run = await self.bench.spectrum((), 0.5)
        if run.problem:
            return 2, run.problem
        failed = [result for result in run.results if result.outcome != "passed"]
        lines = [f"FAILED {result.id} - {result.message}" for result in failed]
        passed = len(run.results) - len(failed)
        lines.append(f"{len(failed)} failed, {passed} passed in 0.1s" if failed else f"{passed} passed in 0.1s")
        return (1 if failed else 0), "\n".join(lines)
