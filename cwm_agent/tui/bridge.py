"""From events to the picture: the one place of the TUI that knows what each event means for the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

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
from cwm_agent.observations import Origin
from cwm_agent.tui import bridge_patch, bridge_trace
from cwm_agent.tui.picture import (
    Acted,
    Asked,
    Checkpoint,
    Closing,
    Contest,
    Opening,
    Picture,
    Pinned,
    Question,
    Remark,
    Run,
    Said,
    Thought,
    Weighed,
    Working,
)


def show(picture: Picture, event: AgentEvent) -> None:  # noqa: C901 -- one arm for each kind of event, nothing else
    """Change the picture by one event."""
    match event:
        case SessionOpened():
            _opened(picture, event)
        case SessionResumed():
            picture.box = "ready"
            picture.checkpoints = [replace(made, at="") for made in picture.checkpoints]  # seen again, not made now
            picture.add(Remark("rule", "session resumed", event.lost))
        case SessionClosed():
            picture.box = "closed"
        case PromptAccepted():
            picture.working = True
            picture.dequeue(event.text)
            picture.add(Asked(event.text))
        case ThoughtWritten():
            _thought(picture, event.text)
        case TextWritten():
            _said(picture, event.text)
        case ClaimChecked():
            picture.add(Weighed(event))
        case Progressed():
            _progressed(picture, event)
        case ActionProposed():
            picture.add(Acted(event.action, event.call, event.draft))
        case ActionBegan():
            _began(picture, event)
        case ActionOutput():
            _output(picture, event)
        case ActionEnded():
            _ended(picture, event)
        case TestsReported():
            _tests(picture, event)
        case TraceBegan():
            bridge_trace.began(picture, event)
        case FramesReached():
            bridge_trace.reached(picture, event)
        case TraceEnded():
            bridge_trace.ended(picture, event)
        case PredictionScored():
            bridge_trace.scored(picture, event)
        case HunkImagined():
            picture.hunk = event
        case TracePinned():
            picture.add(Pinned(event))
        case CheckpointMade():
            _checkpoint(picture, event)
        case RolloutsCompared():
            picture.add(Contest(event))
        case PatchProposed():
            bridge_patch.proposed(picture, event)
        case PatchApplied():
            bridge_patch.applied(picture, event)
        case PatchRefused():
            bridge_patch.refused(picture, event)
        case PatchUndone():
            bridge_patch.undone(picture, event)
        case HunksDeclined():
            bridge_patch.declined(picture, event)
        case Unqueued():
            picture.unqueue(event.request)
        case Rewound():
            bridge_patch.rewound(picture, event)
        case ModeChanged():
            _mode(picture, event)
        case PermissionAsked():
            picture.question = Question(event)
            picture.add(picture.question)
        case PermissionSettled():
            _settled(picture, event)
        case Noticed():
            picture.add(Remark(event.level, event.text, event.remedy))
        case Rested():
            _rested(picture, event)
        case _:
            assert_never(event)


def _opened(picture: Picture, event: SessionOpened) -> None:
    picture.opened = event
    picture.branch = event.branch
    picture.mode = event.mode
    picture.box = "ready"
    for block in picture.blocks:
        if isinstance(block, Opening):
            block.opened = event
            block.touch()


def shown(picture: Picture) -> None:
    """All that was recorded is shown; the session itself is still being opened, and nothing of the record is live."""
    picture.box, picture.working, picture.question = "starting", False, None


def failed(picture: Picture) -> None:
    """The session could not be opened."""
    picture.box = "failed"
    for block in picture.blocks:
        if isinstance(block, Opening):
            block.failed = True
            block.touch()


def _mode(picture: Picture, event: ModeChanged) -> None:
    """The chip follows; a line says so only where another mode was chosen."""
    if event.mode is not picture.mode:
        picture.add(Remark("quiet", f"mode: {event.mode.value}", event.note))
    picture.mode, picture.mode_note = event.mode, event.note


def _thought(picture: Picture, piece: str) -> None:
    last = picture.blocks[-1]
    if isinstance(last, Thought):
        last.text += piece
        last.touch()
    else:
        picture.add(Thought(piece))


def _said(picture: Picture, piece: str) -> None:
    last = picture.blocks[-1]
    if isinstance(last, Said):
        last.text += piece
        last.touch()
    else:
        picture.add(Said(piece))


def _progressed(picture: Picture, event: Progressed) -> None:
    if picture.opened is None and isinstance(picture.blocks[0], Opening):
        opening = picture.blocks[0]
        steps = opening.progress
        if steps and steps[-1].label == event.label:
            steps[-1] = event
        else:
            steps.append(event)
        opening.touch()
        return
    work = picture.work
    if work is not None and work.progress.label == event.label:
        work.progress, work.over = event, False
        work.touch()
    else:
        picture.add(Working(event))


def _action(picture: Picture, number: int) -> Acted | None:
    for block in reversed(picture.blocks):
        if isinstance(block, Acted) and block.number == number:
            return block
    return None


def _began(picture: Picture, event: ActionBegan) -> None:
    acted = _action(picture, event.action)
    if acted is None:
        return
    acted.runs.append(Run(event.origin, guessed=event.guessed))
    if event.origin is Origin.REAL and acted.call.tool == "bash":
        picture.shell.append(acted)
        picture.scene = "shell"
    acted.touch()


def _output(picture: Picture, event: ActionOutput) -> None:
    acted = _action(picture, event.action)
    if acted is not None:
        acted.run(event.origin).output.add(event.text)
        acted.touch()


def _ended(picture: Picture, event: ActionEnded) -> None:
    acted = _action(picture, event.action)
    if acted is None:
        return
    run = acted.run(event.origin)
    run.outcome, run.observation, run.seconds = event.outcome, event.observation, event.seconds
    acted.touch()


def _tests(picture: Picture, event: TestsReported) -> None:
    picture.board.append(event)
    picture.scene = "tests"
    acted = _action(picture, event.action)
    if acted is not None:
        acted.run(event.origin).tests = event
        acted.touch()


def _checkpoint(picture: Picture, event: CheckpointMade) -> None:
    acted = _action(picture, event.action)
    label, last = "", picture.blocks[-1]
    if not event.action:
        label = f"pinned {last.pin.test}" if isinstance(last, Pinned) else "the winning rollout"
    if acted is not None:
        acted.files = event.files
        acted.touch()
        label = f"{acted.call.tool} {(acted.call.content.strip().splitlines() or [''])[0]}"
    made = Checkpoint(event.checkpoint, label, event.files, picture.now(), len(picture.blocks))
    picture.checkpoints.append(made)
    picture.revision += 1
    picture.scene = "diff"


def _rested(picture: Picture, event: Rested) -> None:
    picture.working = False
    picture.rested = event
    if picture.proposal is not None:
        picture.scene = "diff"  # whatever was imagined meanwhile, this is what is to be looked at now
    for block in reversed(picture.blocks):
        if isinstance(block, Asked):
            break
        if isinstance(block, Acted) and block.runs and block.runs[-1].outcome is None:
            block.runs[-1].stopped = True
            block.touch()
    picture.add(Closing(event))


def _settled(picture: Picture, event: PermissionSettled) -> None:
    for block in reversed(picture.blocks):
        if isinstance(block, Question) and block.asked.permission == event.permission:
            block.answer = event.allowed
            block.touch()
    if picture.question is not None and picture.question.asked.permission == event.permission:
        picture.question = None
