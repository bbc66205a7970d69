"""The current turn, read from the history: its prompt, the actions done in it, and what the user declined before."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.events import (
    ActionEnded,
    ActionProposed,
    AgentEvent,
    FramesReached,
    HunksDeclined,
    ModeChanged,
    PatchApplied,
    PatchProposed,
    PromptAccepted,
    SessionOpened,
    ToolCall,
    TraceBegan,
)
from cwm_agent.observations import Completed, Mode, Origin, Outcome
from cwm_agent.traces.frames import Frame

PYTEST = "python3 -m pytest --verbosity=-1"
"""An absolute verbosity: where a project's own options have -q, another would hide the summary, which is the proof."""
PATCH = "/tmp/cwm-agent.patch"
DIFF = f"git diff > {PATCH}"


class Done(Struct, frozen=True):
    """One action and its answer; `outcome` is None where it never ended."""

    call: ToolCall
    outcome: Outcome | None = None
    observation: str = ""

    @property
    def exit_code(self) -> int | None:
        """The exit code of an action that ran to its end."""
        return self.outcome.exit_code if isinstance(self.outcome, Completed) else None

    @property
    def is_tests(self) -> bool:
        """Whether it ran pytest as this policy does."""
        return self.call.tool == "bash" and self.call.content.startswith(PYTEST)


class Turn(Struct, frozen=True):
    """A prompt and this policy's actions since; `declined` are contents of edit calls whose hunks the user rejected.

    `traced` are the frames of failing tests, by id, from real runs of the code as it is now. `imagined`: nothing runs.
    """

    prompt: str
    start: int
    actions: tuple[Done, ...]
    declined: tuple[str, ...]
    traced: dict[str, tuple[Frame, ...]] = {}
    imagined: bool = False

    @property
    def last(self) -> Done | None:
        """This policy's last action."""
        return self.actions[-1] if self.actions else None

    @property
    def edited_before_tests(self) -> bool:
        """Whether there was an edit before the last test run, which then was a check of it."""
        seen = False
        for done in reversed(self.actions):
            if done.is_tests:
                seen = True
            elif seen and done.call.tool == "edit":
                return True
        return False


def read(history: Sequence[AgentEvent]) -> Turn:
    """The turn that the history ends in."""
    start = max((n for n, event in enumerate(history) if isinstance(event, PromptAccepted)), default=-1)
    prompt = history[start].text if start >= 0 and isinstance(history[start], PromptAccepted) else ""  # type: ignore[union-attr]  # just checked
    since = history[start + 1 :]
    declined = _declined(history[: start + 1])
    return Turn(prompt, start, _actions(since), declined, _traced(since), _imagined(history))


def _imagined(events: Sequence[AgentEvent]) -> bool:
    """Whether the session is in imagined mode, and has a model for it."""
    opened = next((event for event in reversed(events) if isinstance(event, SessionOpened)), None)
    changed = next((event for event in reversed(events) if isinstance(event, SessionOpened | ModeChanged)), None)
    return changed is not None and changed.mode is Mode.IMAGINED and bool(opened and opened.world_model)


def _traced(events: Sequence[AgentEvent]) -> dict[str, tuple[Frame, ...]]:
    found: dict[str, tuple[Frame, ...]] = {}
    subjects: dict[int, str] = {}
    for event in events:
        if isinstance(event, ActionProposed) and event.call.tool in ("edit", "create"):
            found, subjects = {}, {}
        elif isinstance(event, TraceBegan) and event.origin is Origin.REAL:
            subjects[event.trace] = event.subject
        elif isinstance(event, FramesReached) and event.origin is Origin.REAL and event.trace in subjects:
            subject = subjects[event.trace]
            found[subject] = (*found.get(subject, ()), *event.frames)
    return found


def _actions(events: Sequence[AgentEvent]) -> tuple[Done, ...]:
    found: dict[int, Done] = {}
    real: set[int] = set()
    for event in events:
        if isinstance(event, ActionProposed) and not event.draft and _is_own(event.call):
            found[event.action] = Done(event.call)
        elif isinstance(event, ActionEnded) and event.action in found and event.action not in real:
            found[event.action] = Done(found[event.action].call, event.outcome, event.observation)
            if event.origin is Origin.REAL:
                real.add(event.action)
    return tuple(found.values())


def _is_own(call: ToolCall) -> bool:
    return call.tool in ("edit", "submit") or call.content.startswith((PYTEST, DIFF))


def _declined(events: Sequence[AgentEvent]) -> tuple[str, ...]:
    """Edits of patches of which the user rejected hunks; where others were applied, those whose path is named."""
    found: list[str] = []
    edits: list[str] = []
    applied = False
    for event in events:
        if isinstance(event, ActionProposed) and not event.draft and event.call.tool == "edit":
            edits.append(event.call.content)
        elif isinstance(event, PatchProposed):
            applied = False
        elif isinstance(event, PatchApplied):
            applied = True
        elif isinstance(event, HunksDeclined):
            found += [text for text in edits if not applied or _speaks_of(event.text, text)]
            edits = []
    return tuple(dict.fromkeys(found))


def _speaks_of(words: str, content: str) -> bool:
    lines = content.split("\n")
    return (
        any(line.strip() and line.strip() in words for line in lines[lines.index("=======") + 1 : -1])
        if "=======" in lines
        else False
    )


_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py(?:::.*?)?)(?: - .*)?$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|deselected)")


def failures(output: str) -> tuple[str, ...]:
    """The ids in pytest's short summary of failed tests and errors."""
    return tuple(dict.fromkeys(match[1] for match in _FAILED.finditer(output)))


def whole_run(turn: Turn) -> int:
    """How many tests the last run of them all had, 0 where there was none."""
    ran = [sum(counts(done.observation).values()) for done in turn.actions if done.call.content == PYTEST]
    return ran[-1] if ran else 0


def counts(output: str) -> dict[str, int]:
    """What pytest's last summary line counts: passed, failed, error, skipped, deselected."""
    lines = [line for line in output.splitlines() if _COUNT.search(line)]
    found = _COUNT.findall(lines[-1]) if lines else []
    return {word.removesuffix("s") if word.startswith("error") else word: int(number) for number, word in found}
