"""The history as a conversation: what the user asked, what the model said, what the tools answered. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal

from msgspec import Struct

from cwm_agent.events import (
    ActionBegan,
    ActionEnded,
    ActionProposed,
    AgentEvent,
    ClaimChecked,
    HunksDeclined,
    PatchApplied,
    PatchUndone,
    PredictionScored,
    PromptAccepted,
    Rested,
    Rewound,
    SessionResumed,
    TextWritten,
    ThoughtWritten,
    ToolCall,
    TracePinned,
)
from cwm_agent.observations import Completed, Origin

MANY_FAILURES = 3


class Note(Struct, frozen=True):
    """Something else that happened, and that the model learns with the next message.

    `output` is what the user's own command `action` printed, or what there is instead of a proof.
    """

    kind: Literal[
        "ran", "surprise", "declined", "pinned", "applied", "undone", "rewound", "resumed", "stopped", "claimed"
    ]
    text: str = ""
    output: str = ""
    action: int = 0


class Asked(Struct, frozen=True):
    """A request of the user; `first` of the session."""

    text: str
    first: bool
    notes: tuple[Note, ...] = ()


class Said(Struct, frozen=True):
    """A turn of the model."""

    thoughts: str
    text: str
    call: ToolCall | None = None


class Answered(Struct, frozen=True, kw_only=True):
    """What a tool answered to `action`. Nothing of a `draft` was done; the output of what was `guessed` is a guess.

    `turns` is the number of actions of the request so far, with this one.

    `failures` is how many edits of this file failed in a row, where they are many, and else 0.
    """

    call: ToolCall
    action: int
    observation: str
    imagined: bool
    good: bool
    turns: int
    draft: bool = False
    guessed: bool = False
    failures: int = 0
    notes: tuple[Note, ...] = ()


class Told(Struct, frozen=True):
    """What the model is told in between, where it answered and has another chance."""

    notes: tuple[Note, ...]


Entry = Asked | Said | Answered | Told


def read(history: Sequence[AgentEvent], told: Collection[int] = ()) -> list[Entry]:
    """The conversation so far.

    `told` are lengths of the history at which the model was asked: what happened later belongs to a later message, so
    that a longer history begins with the same entries. All that is open is closed at the end.
    """
    reader = _Reader()
    for at, event in enumerate(history):
        if at in told:
            reader.ask()
        reader.take(event)
    reader.ask()
    return reader.entries


def path_of(call: ToolCall) -> str:
    """The file of an edit."""
    return call.content.strip("\n").partition("\n")[0].strip()


class _Reader:
    """Goes through a history, event by event."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._notes: list[Note] = []
        self._begun = ""
        self._prompt: str | None = None
        self._checked = False  # whether what was said holds a claim that is not proved
        self._users = False  # whether this turn is a command of the user's own
        self._thoughts: list[str] = []
        self._texts: list[str] = []
        self._call: ToolCall | None = None
        self._ended: ActionEnded | None = None
        self._draft = self._guessed = False  # of the action that is under way
        self._turns = 0
        self._failures: Counter[str] = Counter()

    def take(self, event: AgentEvent) -> None:
        """What one event means to the model; most mean nothing."""
        match event:
            case PromptAccepted(text=text):
                self._begin(text)
            case ThoughtWritten(text=text):
                self._speak(self._thoughts, text)
            case TextWritten(text=text):
                self._speak(self._texts, text)
            case ActionProposed(call=call, draft=draft):
                self._act(call)
                self._draft = draft
            case ActionBegan():
                self._guessed = event.guessed
            case ActionEnded():
                if self._ended is None or event.origin is Origin.REAL:
                    self._ended = event
            case Rested():
                self._rest(event)
            case _:
                self._notice(event)

    def ask(self) -> None:
        """The model's turn comes: close what is open."""
        self._close_checked()
        if self._users and self._call is None:  # nobody asks it about a command of the user's own
            self._users, self._prompt, self._turns = False, self._begun, 0
        self.flush()

    def flush(self) -> None:
        """Close what is open, unless the model is in the middle of its turn."""
        if self._thoughts or self._texts or self._users:
            return
        if self._call and self._ended:
            self._answer(self._call, self._ended)
        if self._prompt is not None:
            first = not any(isinstance(entry, Asked) for entry in self.entries)
            self.entries.append(Asked(self._prompt, first, self._take_notes()))
            self._prompt = None

    def _close_checked(self) -> None:
        """An answer with a claim that is not proved, and behind it no action: the model is told so."""
        if self._checked:
            self._say(None)
            self.entries.append(Told(self._take_notes()))

    def _begin(self, text: str) -> None:
        self.flush()
        self._begun = text
        self._users = text.startswith("!")
        if not self._users:
            self._prompt, self._turns = text, 0

    def _speak(self, pieces: list[str], text: str) -> None:
        self.ask()
        pieces.append(text)

    def _act(self, call: ToolCall) -> None:
        if not self._users:
            self.flush()
            self._say(call)
            self._turns += 1
        self._call, self._ended = call, None

    def _say(self, call: ToolCall | None) -> None:
        self.entries.append(Said("".join(self._thoughts), "".join(self._texts), call))
        self._hush()

    def _hush(self) -> None:
        self._thoughts, self._texts, self._checked = [], [], False

    def _rest(self, rested: Rested) -> None:
        if self._users:
            if self._call and self._ended:
                self._notes.append(Note("ran", self._call.content, self._ended.observation, self._ended.action))
            self._users, self._call = False, None
            return
        stopped = rested.status in ("interrupted", "error", "limit")
        if stopped:
            self._hush()  # a turn without an end is no turn
            self._notes.append(Note("stopped", rested.message or rested.status))
        elif self._thoughts or self._texts:
            self._say(None)

    def _answer(self, call: ToolCall, ended: ActionEnded) -> None:
        good = ended.outcome == Completed(0)
        path = path_of(call) if call.tool == "edit" else ""
        self._failures[path] = 0 if good or not path else self._failures[path] + 1
        failures = self._failures[path]
        self.entries.append(
            Answered(
                call=call,
                action=ended.action,
                observation=ended.observation,
                imagined=ended.origin is Origin.IMAGINED,
                good=good,
                turns=self._turns,
                draft=self._draft,
                guessed=self._guessed,
                failures=failures if failures >= MANY_FAILURES else 0,
                notes=() if self._prompt is not None else self._take_notes(),
            )
        )
        self._call = self._ended = None

    def _notice(self, event: AgentEvent) -> None:
        match event:
            case PredictionScored(kind="trace" | "test", came_true=False):
                both = f"IMAGINED: {event.predicted}; RAN: {event.fact}. {event.sentence}"
                self._notes.append(Note("surprise", f"{event.subject}: {both}"))
            case ClaimChecked(stands=False, text=text, evidence=evidence):
                self._notes.append(Note("claimed", text, evidence))
                self._checked = bool(self._thoughts or self._texts)
            case HunksDeclined(text=text):
                self._notes.append(Note("declined", text))
            case TracePinned(origin=origin, path=path, test=test):
                value = "RAN" if origin is Origin.REAL else "was IMAGINED and never ran"
                self._notes.append(Note("pinned", f"{path}::{test} expects a value that {value}"))
            case PatchApplied(names=names):
                self._notes.append(Note("applied", ", ".join(names)))
            case PatchUndone(names=names):
                self._notes.append(Note("undone", ", ".join(names)))
            case Rewound():
                self._rewind()
            case SessionResumed(lost=lost):
                self._notes.append(Note("resumed", lost))
            case _:
                pass

    def _rewind(self) -> None:
        """The history goes on behind a checkpoint: what was under way there is over."""
        self.flush()
        self._hush()
        self._users, self._call, self._ended, self._prompt = False, None, None, None
        self._notes.append(Note("rewound"))

    def _take_notes(self) -> tuple[Note, ...]:
        notes, self._notes = tuple(self._notes), []
        return notes
