"""The policy that repairs failing tests by search: run, localise, try edits, make the best one, show the proof."""

from __future__ import annotations

import shlex
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from cwm_agent.events import AgentEvent, TextWritten, ThoughtWritten, ToolCall
from cwm_agent.observations import LimitReached
from cwm_agent.policies.forager import explain, hunks, localise
from cwm_agent.policies.forager.investigate import UNSTEADY, Investigation, Plan, problem
from cwm_agent.policies.forager.localise import is_test_file
from cwm_agent.policies.forager.request import Decline, Target, resolve, understand
from cwm_agent.policies.forager.turn import DIFF, PATCH, PYTEST, Done, Turn, counts, failures, read
from cwm_agent.protocols import Act, Bench, Files, FinalAnswer, PolicyEvent, Screener
from cwm_agent.settings import ForagerSettings

ROUNDS = 5
MANY_FILES = 25
NOTHING_RUNS = "I find repairs by running tests; in imagined mode nothing runs. Choose verify or real, and ask again."


class Forager:
    """Search-based repair. What it does next follows from the history; what it computed on the way is only a cache."""

    def __init__(self, bench: Bench, files: Files, settings: ForagerSettings, screener: Screener | None = None) -> None:
        self._bench = bench
        self._files = files
        self._settings = settings
        self._screener = screener
        self._turn_key: tuple[int, str] = (-1, "")
        self._plans: list[Plan] = []
        self._pending: list[str] = []

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "forager"

    async def aclose(self) -> None:
        """End the bench's processes."""
        await self._bench.aclose()

    async def decide(self, history: Sequence[AgentEvent]) -> AsyncGenerator[PolicyEvent, None]:
        """Yield what there is to see, and end with the next action or the answer."""
        turn = read(history)
        self._remember(turn)
        async with aclosing(self._steps(turn)) as steps:
            async for event in steps:
                yield event

    def _remember(self, turn: Turn) -> None:
        """Forget the plans of another turn, and those of this one that a rewind took back."""
        if self._turn_key != (turn.start, turn.prompt) or not turn.actions:
            self._turn_key, self._plans, self._pending = (turn.start, turn.prompt), [], []
        made = [done.call.content for done in turn.actions if done.call.tool == "edit"]
        if self._plans and not made and turn.last is not None and turn.last.is_tests:
            self._plans, self._pending = [], []

    def _steps(self, turn: Turn) -> AsyncGenerator[PolicyEvent, None]:
        last = turn.last
        if last is None or (last.call.tool == "edit" and not any(done.is_tests for done in turn.actions)):
            return self._begin(turn)
        if last.is_tests:
            return self._after_tests(turn, last)
        if last.call.tool == "edit":
            return self._after_edit(turn, last)
        if last.call.tool == "submit":
            return self._after_submit(turn, last)
        return self._after_diff(last)

    async def _begin(self, turn: Turn) -> AsyncGenerator[PolicyEvent, None]:
        target = understand(turn.prompt)
        if isinstance(target, Decline):
            yield FinalAnswer(target.text)
            return
        back = await self._standing(turn)
        if back is not None:
            yield TextWritten("First I take back the edit that you declined.\n")
            yield Act(ToolCall("edit", back))
            return
        what = ", ".join((*target.tests, *(name for name in target.files if is_test_file(name))))
        yield TextWritten(f"I'll run {what or 'the tests'} to see what fails.\n")
        yield Act(ToolCall("bash", _first_command(target)))

    async def _standing(self, turn: Turn) -> str | None:
        """The edit that takes back a declined one which is still in the snapshot."""
        for content in reversed(turn.declined):
            parts = hunks.parts(content)
            text = await self._text(parts[0]) if parts else None
            if parts is None or text is None or hunks.applied(text, parts[1], parts[2]) is not None:
                continue
            before = hunks.applied(text, parts[2], parts[1])
            if before is not None:
                return hunks.contents(parts[0], text, before)[0]
        return None

    async def _text(self, path: str) -> str | None:
        try:
            return (await self._files.read(path.encode())).content.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    async def _after_tests(self, turn: Turn, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        target = understand(turn.prompt)
        target = Target() if isinstance(target, Decline) else target
        if turn.imagined:
            steps = self._answer(NOTHING_RUNS)
        elif turn.edited_before_tests and any(done.call.tool == "edit" for done in turn.actions):
            steps = self._after_check(turn, last, target)
        elif last.exit_code == 0:
            steps = self._all_pass(target, last)
        else:
            blocked = _blocked(last)
            steps = self._answer(blocked) if blocked else self._investigate(turn, target, last)
        async with aclosing(steps):
            async for event in steps:
                yield event

    async def _answer(self, text: str) -> AsyncGenerator[PolicyEvent, None]:
        yield FinalAnswer(text)

    async def _all_pass(self, target: Target, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        """Nothing fails; where a test was named, whether that holds when it runs again."""
        passed = explain.plural(counts(last.observation).get("passed", 0), "test")
        if target.tests:
            exact = all(".py::" in name for name in target.tests)
            again = await self._bench.spectrum(target.tests if exact else (), self._settings.test_seconds)
            named = set(resolve(target, [result.id for result in again.results]).tests)
            failed = [one for one in localise.failing_ids(again) if one in named]
            if failed and not again.problem:
                yield FinalAnswer(
                    f"Flaky: {', '.join(failed)} passed just now and failed when I ran it again on the same code, "
                    f"so I change nothing.\n{UNSTEADY}"
                )
                return
        yield FinalAnswer(f"Nothing to repair: {passed} ran and passed.")

    async def _investigate(self, turn: Turn, target: Target, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        if isinstance(last.outcome, LimitReached):
            yield ThoughtWritten("The run did not end in time: a test hangs. Each test gets its own time limit now.\n")
        look = Investigation(self._bench, self._files, self._settings, self._screener, turn)
        async with aclosing(look.steps(target, failures(last.observation))) as steps:
            async for step in steps:
                if not isinstance(step, Plan):
                    yield step
                    continue
                self._plans.append(step)
                async for event in self._make(step):
                    yield event

    async def _make(self, plan: Plan) -> AsyncGenerator[PolicyEvent, None]:
        """The first edit of a plan's repair; the others wait."""
        calls: list[str] = []
        for path, after in plan.chosen.files.items():
            now = await self._text(path)
            if now is None or now == after:
                continue
            try:
                calls += hunks.contents(path, now, after)
            except ValueError as error:
                yield FinalAnswer(f"I found a repair but cannot write it as an edit: {error}\n{plan.chosen.words}")
                return
        if not calls:
            yield FinalAnswer(f"The files changed while I searched; ask again.\n{plan.chosen.words}")
            return
        self._pending = calls[1:]
        yield Act(ToolCall("edit", calls[0]))

    async def _after_edit(self, turn: Turn, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        if last.exit_code not in (0, None):
            yield FinalAnswer(f"The edit was refused, and nothing else was done:\n{last.observation.strip()}")
            return
        if self._pending:
            yield Act(ToolCall("edit", self._pending.pop(0)))
            return
        plan = self._plans[-1] if self._plans else None
        if plan is not None and plan.attempts == 0:
            yield FinalAnswer(_unproven(plan))
            return
        yield TextWritten("I'll run the related tests on the edited code.\n")
        yield Act(ToolCall("bash", _check_command(plan, turn)))

    async def _after_check(self, turn: Turn, last: Done, target: Target) -> AsyncGenerator[PolicyEvent, None]:
        failing = failures(last.observation)
        if last.exit_code == 0:
            yield TextWritten("They pass. I'll write the patch.\n")
            yield Act(ToolCall("bash", DIFF))
            return
        plan = self._plans[-1] if self._plans else None
        ours = set(plan.failing) | set(plan.related) if plan else set()
        if plan is None or (failing and not ours & set(failing)):
            rounds = sum(done.is_tests for done in turn.actions)
            if rounds <= ROUNDS:
                yield TextWritten(
                    "Other tests still fail; I look at those.\n" if plan else "Tests still fail; I look again.\n"
                )
                async for event in self._investigate(turn, target, last):
                    if isinstance(event, FinalAnswer) and plan is not None:
                        yield TextWritten(f"{event.text}\nI keep what I repaired and write the patch.\n")
                        yield Act(ToolCall("bash", DIFF))
                        return
                    yield event
                return
            yield TextWritten("I stop here, keep what I repaired and write the patch.\n")
            yield Act(ToolCall("bash", DIFF))
            return
        async for event in self._retry(plan):
            yield event

    async def _retry(self, plan: Plan) -> AsyncGenerator[PolicyEvent, None]:
        """The repair held on the bench and not in an ordinary run: the next one, or back to how it was."""
        following = plan.next()
        if following is not None:
            yield TextWritten(f"That did not hold in an ordinary run. Next: {following.chosen.words}.\n")
            both = {**{one.path: one.before for one in plan.chosen.proposals}, **following.chosen.files}
        else:
            yield TextWritten("That did not hold in an ordinary run; I take the edit back.\n")
            both = {one.path: one.before for one in plan.chosen.proposals}
        calls = []
        for path, after in both.items():
            now = await self._text(path)
            calls += list(hunks.contents(path, now, after)) if now is not None else []
        self._plans[-1] = following or _abandoned(plan)
        self._pending = calls[1:]
        yield Act(ToolCall("edit", calls[0])) if calls else FinalAnswer(_unproven(plan))

    async def _after_diff(self, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        if last.exit_code not in (0, None):
            yield FinalAnswer(f"The patch could not be written:\n{last.observation.strip()}")
            return
        yield Act(ToolCall("submit", PATCH))

    async def _after_submit(self, turn: Turn, last: Done) -> AsyncGenerator[PolicyEvent, None]:
        checks = [done for done in turn.actions if done.is_tests]
        lines = [_recalled(turn)] if not self._plans else []
        for plan in self._plans:
            related = sum(test not in plan.failing for test in plan.related)
            lines.append(explain.repair(plan.chosen, plan.suspects, plan.failing, plan.tried, related))
            lines.append(explain.alternatives(plan.others))
        if checks:
            lines.append(_ran(checks[-1]))
            still = failures(checks[-1].observation)
            lines += [f"Still failing: {', '.join(still[:5])}."] if still else []
        if last.exit_code not in (0, None):
            lines.append(f"The patch was not taken: {last.observation.strip()}")
        yield FinalAnswer("\n".join(line for line in lines if line))


def _first_command(target: Target) -> str:
    """pytest on what was named: ids and files as they are, bare names through -k."""
    ids = [name for name in target.tests if ".py::" in name]
    ids += [name for name in target.files if is_test_file(name)]
    bare = [name.split("[", 1)[0].replace("::", " and ") for name in target.tests if ".py::" not in name]
    words = [PYTEST]
    if ids and not bare:
        words += [shlex.quote(name) for name in ids]
    elif bare and not ids:
        words += ["-k", shlex.quote(" or ".join(f"({name})" if " " in name else name for name in bare))]
    return " ".join(words)


def _check_command(plan: Plan | None, turn: Turn) -> str:
    """pytest on the files of the related tests; tests known to fail for other reasons are deselected."""
    if plan is None:
        return next((done.call.content for done in turn.actions if done.is_tests), PYTEST)
    paths = sorted({test.split("::", 1)[0] for test in (*plan.failing, *plan.related)})
    words = [PYTEST, *(shlex.quote(path) for path in paths if len(paths) <= MANY_FILES)]
    target = understand(turn.prompt)
    if isinstance(target, Target) and (target.tests or target.files or target.functions):
        words += [f"--deselect {shlex.quote(test)}" for test in plan.known_failures]
    return " ".join(words)


def _blocked(last: Done) -> str:
    """Why the first run says nothing about tests, or empty."""
    if "No module named pytest" in last.observation:
        return problem("pytest is missing in the sandbox.")
    if last.exit_code == 127:
        return problem("python3 is not there in the sandbox.")
    return ""


def _abandoned(plan: Plan) -> Plan:
    return Plan(plan.chosen, (), plan.failing, plan.related, plan.known_failures, plan.suspects, plan.tried, 0)


def _unproven(plan: Plan) -> str:
    return (
        f"I found no repair that holds in an ordinary run. After {explain.plural(plan.tried, 'candidate')} this came "
        f"nearest, and I took it back: {plan.chosen.words}.\n"
        "The tests may depend on their order or on state outside the code."
    )


def _ran(check: Done) -> str:
    numbers = counts(check.observation)
    words = ", ".join(f"{number} {word}" for word, number in numbers.items())
    command, *left_out = check.call.content.split(" --deselect ")
    without = f", without {explain.plural(len(left_out), 'test')} that failed before and that nobody asked about"
    return f"Ran after the edit: `{command}`{without if left_out else ''}: {words or 'see its output'}."


def _recalled(turn: Turn) -> str:
    """What was changed, from the history alone."""
    lines = []
    for done in turn.actions:
        parts = hunks.parts(done.call.content) if done.call.tool == "edit" else None
        if parts:
            lines += [f"{parts[0]}:", *(f"  - {line.strip()}" for line in parts[1].split("\n"))]
            lines += [f"  + {line.strip()}" for line in parts[2].split("\n")]
    return "\n".join(lines)
