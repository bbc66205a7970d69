"""What every programmer writes: loops that count, add up, find, filter. Names, operators and constants vary."""

from __future__ import annotations

import random

from cwm_agent.nano.expressions import LETTERS, Names, literal

_HOLE = "~"
IDIOMS: tuple[tuple[str, str], ...] = (
    # easiest first: a level takes them from the start; `~1` are names, `#` small ints, `@` letters
    ("int int", "def ~F(~1, ~2):\n    ~3 = ~1 + ~2\n    ~4 = ~3 - #\n    return ~4\n"),
    ("int", "def ~F(~1):\n    ~2 = ~1 + #\n    if ~2 > #:\n        ~2 -= #\n    return ~2\n"),
    ("str", "def ~F(~1):\n    ~2 = ~1 + @\n    ~3 = len(~2)\n    return ~3\n"),
    ("ints", "def ~F(~1):\n    ~2 = ~1[0]\n    ~1.append(#)\n    return ~1\n"),
    ("str", "def ~F(~1):\n    ~2 = #\n    for ~3 in ~1:\n        ~2 += 1\n    return ~2\n"),
    ("str", "def ~F(~1):\n    ~2 = 0\n    for ~3 in ~1:\n        if ~3 == @:\n            ~2 += 1\n    return ~2\n"),
    ("str letter", "def ~F(~1, ~2):\n    ~3 = 0\n    for ~4 in ~1:\n        if ~4 != ~2:\n            ~3 += 1\n    return ~3\n"),
    ("str letter", "def ~F(~1, ~2):\n    ~3 = ''\n    for ~4 in ~1:\n        if ~4 == ~2:\n            ~3 += ~4\n    return ~3\n"),
    ("letter str", "def ~F(~1, ~2):\n    for ~3 in ~2:\n        if ~3 == ~1:\n            return True\n    return False\n"),
    ("ints", "def ~F(~1):\n    ~2 = 0\n    for ~3 in ~1:\n        ~2 += ~3\n    return ~2\n"),
    ("ints", "def ~F(~1):\n    ~2 = #\n    for ~3 in ~1:\n        if ~3 > ~2:\n            ~2 = ~3\n    return ~2\n"),
    ("ints int", "def ~F(~1, ~2):\n    ~3 = 0\n    for ~4 in ~1:\n        if ~4 < ~2:\n            ~3 += 1\n    return ~3\n"),
    ("str", "def ~F(~1):\n    ~2 = ''\n    for ~3 in ~1:\n        ~2 = ~3 + ~2\n    return ~2\n"),
    ("str letter", "def ~F(~1, ~2):\n    ~3 = -1\n    ~5 = 0\n    for ~4 in ~1:\n        if ~4 == ~2:\n            ~3 = ~5\n        ~5 += 1\n    return ~3\n"),
    ("str letter", "def ~F(~1, ~2):\n    ~3 = #\n    for ~4 in ~1:\n        if ~4 == ~2:\n            ~3 += 2\n        else:\n            ~3 -= 1\n    return ~3\n"),
    ("ints", "def ~F(~1):\n    ~2 = []\n    for ~3 in ~1:\n        if ~3 % 2 == 0:\n            ~2.append(~3)\n    return ~2\n"),
    ("str", "def ~F(~1):\n    ~2 = {}\n    for ~3 in ~1:\n        ~2[~3] = ~2.get(~3, 0) + 1\n    return ~2\n"),
    ("int", "def ~F(~1):\n    ~2 = 0\n    for ~3 in range(~1 % 7):\n        ~2 += ~3\n    return ~2\n"),
    ("int", "def ~F(~1):\n    ~2 = 0\n    ~3 = #\n    while ~3 > 0:\n        ~3 -= 1\n        ~2 += ~1\n    return ~2\n"),
    ("str", "def ~F(~1):\n    ~2 = 0\n    for ~3 in ~1:\n        if ~3 in 'aeiou':\n            ~2 += 1\n    return ~2\n"),
    ("ints", "def ~F(~1):\n    ~2 = []\n    for ~3 in ~1:\n        ~2.append(~3 + #)\n    return ~2\n"),
    ("ints int", "def ~F(~1, ~2):\n    ~3 = 0\n    for ~4 in ~1:\n        if ~4 == ~2:\n            break\n        ~3 += 1\n    return ~3\n"),
    ("strs", "def ~F(~1):\n    ~2 = ''\n    for ~3 in ~1:\n        if len(~3) > len(~2):\n            ~2 = ~3\n    return ~2\n"),
    ("strs", "def ~F(~1):\n    ~2 = []\n    for ~3 in ~1:\n        if @ in ~3:\n            continue\n        ~2.append(~3)\n    return ~2\n"),
    ("int", "def ~G(~1):\n    return ~1 + #\n\n\ndef ~F(~1):\n    ~2 = ~G(~1)\n    ~3 = ~G(~2)\n    return ~3\n"),
    ("ints", "def ~G(~1, ~2):\n    if ~1 > ~2:\n        return ~1\n    return ~2\n\n\ndef ~F(~3):\n    ~4 = 0\n    for ~5 in ~3:\n        ~4 = ~G(~4, ~5)\n    return ~4\n"),
    ("str letter", "def ~G(~1, ~2):\n    return ~1 == ~2\n\n\ndef ~F(~3, ~4):\n    ~5 = 0\n    for ~6 in ~3:\n        if ~G(~6, ~4):\n            ~5 += 1\n    return ~5\n"),
    ("few", "def ~F(~1):\n    if ~1 < 2:\n        return 1\n    return ~1 * ~F(~1 - 1)\n"),
    ("few few", "def ~F(~1, ~2):\n    while ~2:\n        ~1, ~2 = ~2, ~1 % ~2\n    return ~1\n"),
    ("str", "def ~F(~1):\n    ~2 = ''\n    ~3 = 0\n    for ~4 in ~1:\n        if ~4 == ~2:\n            ~3 += 1\n        ~2 = ~4\n    return ~3\n"),
    ("dict", "def ~F(~1):\n    ~2 = 0\n    for ~3 in ~1:\n        ~2 += ~1[~3]\n    return ~2\n"),
    ("dict", "def ~F(~1):\n    ~2 = []\n    for ~3, ~4 in ~1.items():\n        if ~4 > #:\n            ~2.append(~3)\n    return ~2\n"),
    ("ints int", "def ~F(~1, ~2):\n    try:\n        ~3 = ~1[~2]\n    except IndexError:\n        ~3 = #\n    return ~3\n"),
    ("few", "def ~F(~1):\n    ~2 = []\n    while ~1 > 0:\n        ~2.append(~1 % 2)\n        ~1 //= 2\n    return ~2\n"),
)  # fmt: skip


def idiom(rng: random.Random, chosen: tuple[str, str]) -> tuple[str, str]:
    """The source of one, its holes filled, and a call of it."""
    kinds, text = chosen
    names = Names(rng)
    for mark in ("F", "G"):
        text = text.replace(_HOLE + mark, names.function())
    for mark in "123456":
        text = text.replace(_HOLE + mark, names.new())
    text = "".join(str(rng.randint(1, 9)) if letter == "#" else letter for letter in text)
    text = "".join(repr(rng.choice(LETTERS)) if letter == "@" else letter for letter in text)
    name = text.rpartition("def ")[2].partition("(")[0]
    return text, f"{name}({', '.join(_argument(rng, kind) for kind in kinds.split())})"


def _argument(rng: random.Random, kind: str) -> str:
    return str(rng.randint(2, 6)) if kind == "few" else literal(rng, kind)
