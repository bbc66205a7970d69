"""Short programs with holes, by construct: one of each bracketed choice is taken, the rest filled as in `idioms`."""

from __future__ import annotations

import random
import re
from functools import cache
from hashlib import blake2b
from importlib.resources import files

from msgspec import Struct

from cwm_agent.nano.arguments import argument
from cwm_agent.nano.expressions import LETTERS, Names

_FILES = ("values.txt", "flow.txt", "calls.txt")
_HEAD = re.compile(r"^# ([a-z -]+): ([a-z ]+)\n", re.MULTILINE)
_CHOICE = re.compile("⟦([^⟧]*)⟧")
_CLASSES = ("Box", "Point", "Node", "Item", "Cell", "Count", "Bag", "Pair", "Shape", "Row")


class Template(Struct, frozen=True):
    """One program with holes; `kinds` are those of the arguments of its last function."""

    construct: str
    kinds: tuple[str, ...]
    text: str

    @property
    def reserved(self) -> bool:
        """Whether this is of the tenth that is kept for measuring, and never trained on."""
        return blake2b(self.text.encode(), digest_size=4).digest()[0] % 10 == 0


@cache
def templates() -> tuple[Template, ...]:
    """All of them, in the order of the files."""
    found = []
    for name in _FILES:
        parts = _HEAD.split(files(__name__).joinpath(name).read_text(encoding="utf-8"))[1:]
        for construct, kinds, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found.append(Template(construct, tuple(kinds.split()), text.strip("\n") + "\n"))
    return tuple(found)


def filled(rng: random.Random, template: Template) -> tuple[str, str]:
    """The source with its holes filled, and a call of its last function."""
    text = _CHOICE.sub(lambda found: rng.choice(found[1].split("¦")), template.text)
    names = Names(rng)
    for mark in ("F", "G"):
        text = text.replace("~" + mark, names.function())
    text = text.replace("~C", rng.choice(_CLASSES))
    for mark in "123456":
        text = text.replace("~" + mark, names.new())
    text = re.sub("#", lambda _: str(rng.randint(1, 9)), text)
    text = re.sub(r"@(?!\w)", lambda _: repr(rng.choice(LETTERS)), text)
    function = re.findall(r"^def (\w+)", text, re.MULTILINE)[-1]
    return text, f"{function}({', '.join(argument(rng, kind) for kind in template.kinds)})"
