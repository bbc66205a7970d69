"""A session as plain lines, append-only: for a pipe, a log, a screen reader. Each action line says RAN or IMAGINED."""

from __future__ import annotations

from typing import TextIO, assert_never

from cwm_agent.commands import as_typed
from cwm_agent.core import comparison
from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionOutput,
    ActionProposed,
    AgentEvent,
    CheckpointMade,
    ClaimChecked,
    FileStat,
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
    ToolCall,
    TraceBegan,
    TraceEnded,
    TracePinned,
    Unqueued,
)
from cwm_agent.observations import Completed, LimitReached, Origin, Outcome, Unreadable
from cwm_agent.text import printable, printable_line

_BADGE = {Origin.REAL: "◆ ran     ", Origin.IMAGINED: "◇ imagined"}
_INDENT = " " * 11
_TENTHS_OF_PROGRESS = 10


def outcome_in_words(outcome: Outcome) -> str:
    """How an action ended, in a few words."""
    match outcome:
        case Completed(exit_code=0):
            return "done"
        case Completed(exit_code=code):
            return f"exit code {code}"
        case LimitReached(detail=detail) as limit:
            return limit.words + (f": {printable_line(detail)}" if detail else "")
        case Unreadable(reason=reason):
            return f"unreadable: {printable_line(reason)}"
        case _:
            assert_never(outcome)


def stats_in_words(files: tuple[FileStat, ...]) -> str:
    """Changed files in one line: `a.py +2 −1, b.py deleted`."""
    words = []
    for stat in files:
        counts = "binary" if stat.binary else f"+{stat.added} −{stat.removed}"
        words.append(f"{stat.name} {counts}" + ("" if stat.status == "modified" else f" ({stat.status})"))
    return ", ".join(words) or "no files"


def call_in_words(call: ToolCall) -> str:
    """An action in one line: a command's first line, or the file that is edited."""
    first, *rest = call.content.strip().splitlines() or [""]
    more = " …" if rest and call.tool == "bash" else ""
    return printable_line(("$ " if call.tool == "bash" else f"{call.tool} ") + first) + more


def _means(*, draft: bool, guessed: bool) -> str:
    """By which means an action is imagined, where that has to be said."""
    words = ["a draft: nothing of it is done"] * draft + ["a guess: the weakest kind of prediction"] * guessed
    return f"  ({'; '.join(words)})" if words else ""


class Transcript:
    """Writes events as lines. `quiet` leaves everything out but what the user must know."""

    def __init__(self, out: TextIO, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._open = ""  # what kind of streamed text the cursor stands in
        self._at_line_start = True
        self._call: ToolCall | None = None
        self._draft = False
        self._tenth = (-1, "")

    def write(self, event: AgentEvent) -> None:
        """Write one event."""
        if isinstance(event, ThoughtWritten | TextWritten | ActionOutput):
            self._stream(event)
            return
        self._end_stream()
        line = self._line(event)
        if line:
            print(line, file=self._out, flush=True)

    def _stream(self, event: ThoughtWritten | TextWritten | ActionOutput) -> None:
        if self._quiet:
            return
        kind, label = "output", _INDENT
        if isinstance(event, ThoughtWritten):
            kind, label = "thought", "  thought  "
        elif isinstance(event, TextWritten):
            kind, label = "text", "agent      "
        if self._open != kind:
            self._end_stream()
            self._open = kind
            self._out.write(label)
            self._at_line_start = False
        for piece in printable(event.text).splitlines(keepends=True):
            if self._at_line_start:
                self._out.write(_INDENT)
            self._out.write(piece)
            self._at_line_start = piece.endswith("\n")
        self._out.flush()

    def _end_stream(self) -> None:
        if self._open and not self._at_line_start:
            self._out.write("\n")
        self._open, self._at_line_start = "", True

    def _line(self, event: AgentEvent) -> str:  # noqa: C901  one match over the closed union
        match event:
            case SessionOpened(session=name, repository=repository, mode=mode, policy=policy):
                return self._unless_quiet(f"session    {name}: {policy}, {mode} mode, {printable_line(repository)}")
            case SessionResumed(session=name, lost=lost):
                return f"session    {name} resumed" + (f"; {printable_line(lost)}" if lost else "")
            case PromptAccepted(text=text):
                return self._unless_quiet("you        " + printable(text).replace("\n", "\n" + _INDENT))
            case ClaimChecked():
                return self._claim(event)
            case Progressed():
                return self._unless_quiet(self._progress(event))
            case ActionProposed(call=call, draft=draft):
                self._call, self._draft = call, draft
                return ""
            case ActionBegan(origin=origin):
                means = _means(draft=self._draft, guessed=event.guessed)
                return self._unless_quiet(f"{_BADGE[origin]} {call_in_words(self._call)}{means}" if self._call else "")
            case ActionEnded(outcome=outcome, seconds=seconds):
                return self._unless_quiet(f"{_INDENT}— {outcome_in_words(outcome)}, {seconds:.1f} s")
            case TestsReported(origin=origin, passed=passed, failed=failed):
                return self._unless_quiet(f"{_BADGE[origin]} tests: {passed} passed, {failed} failed")
            case TraceBegan(origin=origin, subject=subject):
                return self._unless_quiet(f"{_BADGE[origin]} trace of {printable_line(subject)}")
            case TraceEnded(outcome=outcome):
                return self._unless_quiet(f"{_INDENT}— {outcome_in_words(outcome)}")
            case PredictionScored(subject=subject, came_true=came_true, sentence=sentence):
                verdict = "as told" if came_true else "surprise"
                return self._unless_quiet(f"{verdict:<11}{printable_line(subject)}: {printable_line(sentence)}")
            case HunkImagined(why_not=""):
                return ""  # the trace is told
            case HunkImagined(why_not=why):
                return self._unless_quiet(f"{_BADGE[Origin.IMAGINED]} nothing: {printable_line(why)}")
            case TracePinned(origin=origin, path=path, test=test):
                value = "its value ran" if origin is Origin.REAL else "its value was imagined and never ran"
                return f"{_BADGE[origin]} pinned: {path}::{test}; {value}  (run it with: !python3 -m pytest {path})"
            case CheckpointMade(checkpoint=number, files=files):
                return self._unless_quiet(f"✎ files    {stats_in_words(files)}  (checkpoint {number})")
            case RolloutsCompared():
                rows = [*comparison.lines(event), "", comparison.LEGEND, *comparison.sentences(event)]
                head = f"{_BADGE[Origin.REAL]} the tests of {len(event.rows)} rollouts"
                return self._unless_quiet("\n".join([head, *(f"{_INDENT}{row}".rstrip() for row in rows)]))
            case PatchProposed(files=files, verified=verified):
                proof = "its tests RAN and passed" if verified else "NOT verified by a test run"
                return self._unless_quiet(f"patch      {stats_in_words(files)}; {proof}")
            case PatchApplied(names=names, merged=merged):
                joined = f"; merged with your own changes: {', '.join(merged)}" if merged else ""
                return f"applied    {', '.join(names)}{joined}  (take it back with: cwm-agent undo)"
            case PatchRefused(reason=reason):
                return f"refused    {printable(reason)}"
            case PatchUndone(names=names):
                return f"undone     {', '.join(names)}"
            case HunksDeclined(text=text):
                return self._unless_quiet(f"declined   {printable_line(text)}")
            case Unqueued(request=request):
                return "taken back " + printable(as_typed(request)).replace("\n", "\n" + _INDENT)
            case Rewound(checkpoint=number):
                return f"rewound    to checkpoint {number}"
            case ModeChanged(mode=mode, note=note):
                return self._unless_quiet(f"mode       {mode}" + (f": {printable_line(note)}" if note else ""))
            case PermissionAsked(question=question, detail=detail):
                return f"asks       {printable_line(question)}\n{_INDENT}{printable(detail)}"
            case PermissionSettled(allowed=allowed):
                return f"answer     {'yes' if allowed else 'no'}"
            case Noticed(level=level, text=text, remedy=remedy):
                if self._quiet and level == "info":
                    return ""
                label = {"info": "note", "warning": "warning", "error": "error"}[level]
                return f"{label:<11}{printable_line(text)}" + (f"\n{_INDENT}{printable(remedy)}" if remedy else "")
            case Rested(status=status, message=message):
                return self._unless_quiet(f"status     {status}" + (f": {printable_line(message)}" if message else ""))
            case SessionClosed() | ThoughtWritten() | TextWritten() | ActionOutput() | FramesReached():
                return ""
            case _:
                assert_never(event)

    def _unless_quiet(self, line: str) -> str:
        return "" if self._quiet else line

    def _claim(self, event: ClaimChecked) -> str:
        """What proves it; one that does not stand is told in any case."""
        if event.stands:
            return self._unless_quiet(f"◆ proved   {printable_line(event.evidence)}")
        return f"⚑ CLAIMED  {printable_line(event.text)}\n{_INDENT}{printable_line(event.evidence)}"

    def _progress(self, event: Progressed) -> str:
        """One line for each tenth of the way, so that a log stays readable."""
        tenth = event.done * _TENTHS_OF_PROGRESS // event.total if event.total else event.done.bit_length()
        if (tenth, event.label) == self._tenth:
            return ""
        self._tenth = (tenth, event.label)
        total = f" of {event.total}" if event.total is not None else ""
        note = f"  {printable_line(event.note)}" if event.note else ""
        return f"  …        {printable_line(event.label)}: {event.done}{total} {event.unit}{note}"
