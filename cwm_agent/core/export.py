"""A recorded session for people: as Markdown, and its patch as git writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, assert_never

from cwm_agent.core import comparison, record
from cwm_agent.core.history import place
from cwm_agent.errors import UsageError
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    ClaimChecked,
    FramesReached,
    HunkImagined,
    HunksDeclined,
    ModeChanged,
    Noticed,
    PatchApplied,
    PatchProposed,
    PatchRefused,
    PatchUndone,
    PermissionAsked,
    PermissionSettled,
    PredictionScored,
    Progressed,
    PromptAccepted,
    Rested,
    Rewound,
    RolloutsCompared,
    SessionClosed,
    SessionOpened,
    SessionResumed,
    TestsReported,
    TextWritten,
    ThoughtWritten,
    TraceBegan,
    TraceEnded,
    TracePinned,
    Unqueued,
)
from cwm_agent.observations import Completed, LimitReached, Origin, Outcome, Unreadable
from cwm_agent.text import printable, printable_line
from cwm_agent.workspace.changes import ChangeSet
from cwm_agent.workspace.diff import pair_renames, unified

Format = Literal["markdown", "patch"]
_WORLD = {Origin.REAL: "ran", Origin.IMAGINED: "imagined"}


def patch(changes: ChangeSet) -> bytes:
    """A change set as git writes it."""
    return unified(pair_renames(changes))


def last_checkpoint(events: Sequence[AgentEvent]) -> int:
    """The checkpoint whose change set is what the session came to."""
    return place(events)


def recorded(folder: Path, format_: Format) -> bytes:
    """A recorded session in that format."""
    events = record.read(folder).events
    if format_ == "patch":
        return patch(record.read_checkpoint(folder, last_checkpoint(events)))
    return markdown(events).encode()


def write(place: Path, content: bytes) -> str:
    """Write an export to a new file and say so; UsageError where it cannot be, or something is there already."""
    try:
        with place.open("xb") as file:
            file.write(content)
    except OSError as error:
        words = f"{printable_line(str(place))} cannot be written: {error.strerror}."
        raise UsageError(words, remedy="Name another file.") from error
    return f"Written: {printable_line(str(place.resolve()))}, {len(content):,} bytes."


def markdown(events: Sequence[AgentEvent]) -> str:
    """The conversation, its actions and their output; safe to print."""
    out: list[str] = []
    streamed: type[AgentEvent] | None = None
    for event in events:
        if isinstance(event, ThoughtWritten | TextWritten):
            text = printable(event.text)
            if streamed is type(event):
                out[-1] += text
            else:
                out.append(text)
            streamed = type(event)
            continue
        if streamed is ThoughtWritten:
            out[-1] = "> " + out[-1].strip().replace("\n", "\n> ")
        streamed = None
        out.extend(_block(event))
    return "\n\n".join(block.strip("\n") for block in out if block.strip()) + "\n"


def _block(event: AgentEvent) -> Iterator[str]:  # noqa: C901  one match over the closed union
    match event:
        case SessionOpened(session=name, repository=repository, branch=branch, policy=policy, version=version):
            where = printable_line(repository) + (f" on {printable_line(branch)}" if branch else "")
            yield f"# Session {name}\n\n{where}; policy {policy}; cwm-agent {version}"
        case SessionResumed(lost=lost):
            yield "---\n\n*Resumed.*" + (f" {printable(lost)}" if lost else "")
        case PromptAccepted(text=text):
            yield "## " + printable_line(next(iter(text.strip().splitlines()), "(empty)"))
            if "\n" in text.strip():
                yield fenced(text)
        case ClaimChecked(stands=True, evidence=evidence):
            yield f"*Proved: {printable_line(evidence)}.*"
        case ClaimChecked(text=text, evidence=evidence):
            yield f"**⚑ CLAIMED:** {printable_line(text)} *{printable_line(evidence)}.*"
        case ActionProposed(action=action, call=call, draft=draft):
            note = " (a draft: nothing of it was done)" if draft else ""
            yield f"**{action}. {printable_line(call.tool)}**{note}\n\n{fenced(call.content)}"
        case ActionBegan(guessed=True):
            yield "*A guess at the output, the weakest kind of prediction:*"
        case ActionEnded(origin=origin, outcome=outcome, observation=text, seconds=seconds):
            yield f"*{_WORLD[origin]}: {_outcome(outcome)}, {seconds:.1f} s*\n\n{fenced(text)}"
        case TestsReported(origin=origin, passed=passed, failed=failed):
            yield f"*Tests ({_WORLD[origin]}): {passed} passed, {failed} failed.*"
        case TraceEnded(origin=origin, outcome=outcome):
            yield f"*Trace ({_WORLD[origin]}): {_outcome(outcome)}.*"
        case PredictionScored(subject=subject, came_true=came_true, sentence=sentence):
            verdict = "came true" if came_true else "did not come true"
            yield f"*The prediction of `{printable_line(subject)}` {verdict}: {printable_line(sentence)}*"
        case TracePinned(origin=origin, path=path, test=test):
            yield f"*Pinned as a test ({_WORLD[origin]}): `{path}::{test}`.*"
        case CheckpointMade(checkpoint=number, files=files):
            yield f"*Checkpoint {number}: {', '.join(stat.name for stat in files) or 'as at the start'}.*"
        case RolloutsCompared():
            yield f"**{len(event.rows)} rollouts compared**\n\n{comparison.markdown(event)}\n\n{comparison.LEGEND}"
            yield " ".join(comparison.sentences(event))
        case PatchProposed(verified=verified, summary=summary, files=files):
            proof = "its tests ran and passed" if verified else "not verified by a test run"
            yield f"**Patch proposed** ({proof}): {', '.join(stat.name for stat in files)}. {printable_line(summary)}"
        case PatchApplied(names=names):
            yield f"**Applied** to {', '.join(names)}."
        case PatchRefused(reason=reason):
            yield f"**Not applied:** {printable_line(reason)}"
        case PatchUndone(names=names):
            yield f"**Undone:** {', '.join(names)}."
        case HunksDeclined(text=text):
            yield printable(text)
        case Rewound(checkpoint=number):
            yield f"---\n\n*Back at checkpoint {number}.*"
        case ModeChanged(mode=mode, note=note):
            yield f"*Mode: {mode.value}. {printable_line(note)}*".replace(". *", ".*")
        case PermissionAsked(question=question, detail=detail):
            yield f"**Asked:** {printable_line(question)}\n\n{fenced(detail)}"
        case PermissionSettled(allowed=allowed):
            yield f"**Answer:** {'yes' if allowed else 'no'}"
        case Noticed(level=level, text=text, remedy=remedy):
            yield f"*{level}: {printable_line(text)} {printable_line(remedy)}".rstrip() + "*"
        case Rested(status=status, message=message):
            yield f"**{status}** {printable_line(message)}"
        case ActionBegan() | ActionOutput() | Progressed() | SessionClosed() | ThoughtWritten() | TextWritten():
            return
        case TraceBegan() | FramesReached() | HunkImagined() | Unqueued():
            return
        case _:
            assert_never(event)


def fenced(text: str) -> str:
    """Text as a code block whose fence is longer than any in it."""
    safe = printable(text).rstrip("\n")
    if not safe:
        return ""
    longest = max((len(run) for run in re.findall(r"`{3,}", safe)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{safe}\n{fence}"


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Completed(exit_code=code):
            return f"exit code {code}"
        case LimitReached(which=which):
            return f"stopped at the limit on {which}"
        case Unreadable(reason=reason):
            return f"unreadable: {printable_line(reason)}"
        case _:
            assert_never(outcome)
