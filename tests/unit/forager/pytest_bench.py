"""A bench without a container: real pytest on a temporary copy, candidates in children forked from a warm process."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from cwm_agent.protocols import Candidate, Spectrum, TestResult, Verdict

# What runs in the child: pytest with a plugin that traces lines, limits time and writes what happened as JSON.
RUNNER = """
import json, os, resource, signal, sys
sys.dont_write_bytecode = True
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import pytest

class Plugin:
    def __init__(self, root, seconds, trace):
        self.root, self.seconds, self.trace = root, seconds, trace
        self.results, self.lines, self.problem = {}, {}, ""
    def pytest_collectreport(self, report):
        if report.failed:
            self.problem = "the suite does not import: " + str(report.longrepr).strip().splitlines()[-1]
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        seen = {}
        def trace(frame, event, _):
            path = frame.f_code.co_filename
            if not path.startswith(self.root) or "site-packages" in path:
                return None
            if event == "line":
                seen.setdefault(os.path.relpath(path, self.root), set()).add(frame.f_lineno)
            return trace
        def stop(*_):
            pytest.fail("timed out", pytrace=False)
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        if self.trace:
            sys.settrace(trace)
        yield
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.lines[item.nodeid] = {path: sorted(lines) for path, lines in seen.items()}
    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.failed:
            message = "" if report.passed else str(report.longrepr).strip().splitlines()[-1]
            outcome = "timeout" if "timed out" in message else report.outcome
            self.results[report.nodeid] = [outcome, report.duration, message]

def run(arguments, seconds, trace):
    plugin = Plugin(os.getcwd(), seconds, trace)
    out = os.dup(1), os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1), os.dup2(null, 2)
    code = int(pytest.main(["-q", "-p", "no:cacheprovider", *arguments], plugins=[plugin]))
    os.dup2(out[0], 1), os.dup2(out[1], 2)
    if code == 5:
        plugin.problem = "no tests were found"
    return {"results": plugin.results, "lines": plugin.lines, "problem": plugin.problem}

sys.path.insert(0, os.getcwd())
for line in sys.stdin:
    job = json.loads(line)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        for path, text in job["files"].items():
            open(path, "w", encoding="utf-8", newline="").write(text)
        os.write(write, json.dumps(run(job["arguments"], job["seconds"], job["trace"])).encode())
        os._exit(0)
    os.close(write)
    answer = b"".join(iter(lambda: os.read(read, 1 << 16), b""))
    os.close(read)
    os.waitpid(child, 0)
    sys.stdout.write((answer or b"{}").decode() + chr(10))
    sys.stdout.flush()
"""


class PytestBench:
    """Satisfies Bench over a mapping of paths to texts, which it copies before each run."""

    recorded = 0

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self._folder = tempfile.TemporaryDirectory()
        self._process: asyncio.subprocess.Process | None = None

    async def spectrum(self, targets: Sequence[str], seconds: float) -> Spectrum:
        answer = await self._run({}, list(targets), seconds, trace=True)
        if answer["problem"]:
            return Spectrum((), {}, answer["problem"])
        results = tuple(TestResult(name, *rest) for name, rest in answer["results"].items())
        lines = {test: {path: tuple(n) for path, n in files.items()} for test, files in answer["lines"].items()}
        return Spectrum(results, lines)

    async def verify(
        self, candidates: AsyncIterator[Candidate], failing: Sequence[str], related: Sequence[str], seconds: float
    ) -> AsyncIterator[Verdict]:
        total = len(failing) + len(related)
        async for candidate in candidates:
            passed = await self._passed(candidate.files, failing, seconds)
            if passed < len(failing):
                yield Verdict(candidate.number, "failing", passed, total, 0.0)
                continue
            kept = await self._passed(candidate.files, related, seconds) if related else 0
            stage = "survived" if kept == len(related) else "related"
            yield Verdict(candidate.number, stage, passed + kept, total, 0.0)

    async def aclose(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()
        self._folder.cleanup()

    async def _passed(self, files: Mapping[str, str], tests: Sequence[str], seconds: float) -> int:
        answer = await self._run(files, ["-x", *tests], seconds, trace=False)
        return sum(result[0] == "passed" for result in answer.get("results", {}).values())

    async def _run(self, files: Mapping[str, str], arguments: list[str], seconds: float, *, trace: bool) -> dict:
        root = Path(self._folder.name)
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", RUNNER, cwd=root, stdin=-1, stdout=-1, stderr=2, limit=1 << 26
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        job = {"files": dict(files), "arguments": arguments, "seconds": seconds, "trace": trace}
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())
