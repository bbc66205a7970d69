"""The JSON object of a frame's locals as a form: text that is told, gaps for values, and where the model writes on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from cwm_agent.traces.encode import value_text
from cwm_agent.traces.grammar import UNCHANGED
from cwm_agent.worlds.imagination.expect import Slot


class Gap(Struct, frozen=True):
    """The model writes the value of this name: a blank and a JSON string."""

    name: str


class Rest(Struct, frozen=True):
    """The model writes on to the end of the object, after the names that are `done`.

    Those in `names` may follow, or any where that is None; those in `needed` must, and `told` has the values that the
    source tells of them.
    """

    done: frozenset[str] = frozenset()
    names: frozenset[str] | None = None
    needed: frozenset[str] = frozenset()
    told: dict[str, str] = {}


class Fork(Struct, frozen=True):
    """The model decides by one of two texts: the object ends with `closed`, or goes on with `opened` and this name."""

    name: str
    closed: str
    opened: str


Part = str | Gap | Rest | Fork


def form(slots: Sequence[Slot] | None) -> list[Part]:
    """The object's parts, in order; a gap is always followed by text.

    Told text ends where a token may end: before the blank that a value begins with, since blank and quote are one
    token, and before the value at which the model decides whether a further name follows. Where that is the last name,
    and the value before it is told, the model has two texts to decide between.
    """
    if slots is None:
        return [Rest()]
    open_at = next((at for at, slot in enumerate(slots) if not slot.sure), None)
    parts: list[Part] = []
    text = "{"
    for at, slot in enumerate(slots[:open_at]):
        text += (", " if at else "") + json.dumps(slot.name) + ":"
        if at + 1 == open_at:
            break
        if slot.text is None:
            parts += [text, Gap(slot.name)]
            text = ""
        else:
            text += " " + value_text(slot.text)
    if open_at is None:
        return [*parts, text + "}"]
    if open_at == len(slots) - 1 and (open_at == 0 or slots[open_at - 1].text is not None):
        return [*parts, *_last(text, slots[open_at - 1] if open_at else None, slots[open_at].name)]
    begun = slots[max(open_at - 1, 0) :]
    rest = Rest(
        done=frozenset(slot.name for slot in slots[: max(open_at - 1, 0)]),
        names=frozenset(slot.name for slot in begun),
        needed=frozenset(slot.name for slot in begun if slot.sure),
        told={slot.name: slot.text for slot in begun if slot.text is not None},
    )
    if open_at == 0:
        return [rest]
    last = slots[open_at - 1].text
    if last is not None and last != UNCHANGED:
        text += " " + value_text(last)[:-1]
    return [*parts, text, rest]


def _last(text: str, told: Slot | None, name: str) -> list[Part]:
    """The end of the object where one name may follow the told slot, or nothing."""
    key = json.dumps(name) + ":"
    if told is None or told.text is None:
        return [Fork(name, "{}", "{" + key)]
    value = " " + value_text(told.text)
    return [text, Fork(name, value + "}", f"{value}, {key}")]
