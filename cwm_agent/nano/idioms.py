"""What every programmer writes: loops that count, add up, find, filter. Names, operators and constants vary."""

from __future__ import annotations

_TEXT = """
# int int
def ~F(~1, ~2):
    ~3 = ~1 + ~2
    ~4 = ~3 - #
    return ~4

# int
def ~F(~1):
    ~2 = ~1 + #
    if ~2 > #:
        ~2 -= #
    return ~2

# str
def ~F(~1):
    ~2 = ~1 + @
    ~3 = len(~2)
    return ~3

# ints
def ~F(~1):
    ~2 = ~1[0]
    ~1.append(#)
    return ~1

# str
def ~F(~1):
    ~2 = #
    for ~3 in ~1:
        ~2 += 1
    return ~2

# str
def ~F(~1):
    ~2 = 0
    for ~3 in ~1:
        if ~3 == @:
            ~2 += 1
    return ~2

# str letter
def ~F(~1, ~2):
    ~3 = 0
    for ~4 in ~1:
        if ~4 != ~2:
            ~3 += 1
    return ~3

# str letter
def ~F(~1, ~2):
    ~3 = ''
    for ~4 in ~1:
        if ~4 == ~2:
            ~3 += ~4
    return ~3

# letter str
def ~F(~1, ~2):
    for ~3 in ~2:
        if ~3 == ~1:
            return True
    return False

# ints
def ~F(~1):
    ~2 = 0
    for ~3 in ~1:
        ~2 += ~3
    return ~2

# ints
def ~F(~1):
    ~2 = #
    for ~3 in ~1:
        if ~3 > ~2:
            ~2 = ~3
    return ~2

# ints int
def ~F(~1, ~2):
    ~3 = 0
    for ~4 in ~1:
        if ~4 < ~2:
            ~3 += 1
    return ~3

# str
def ~F(~1):
    ~2 = ''
    for ~3 in ~1:
        ~2 = ~3 + ~2
    return ~2

# str letter
def ~F(~1, ~2):
    ~3 = -1
    ~5 = 0
    for ~4 in ~1:
        if ~4 == ~2:
            ~3 = ~5
        ~5 += 1
    return ~3

# str letter
def ~F(~1, ~2):
    ~3 = #
    for ~4 in ~1:
        if ~4 == ~2:
            ~3 += 2
        else:
            ~3 -= 1
    return ~3

# ints
def ~F(~1):
    ~2 = []
    for ~3 in ~1:
        if ~3 % 2 == 0:
            ~2.append(~3)
    return ~2

# str
def ~F(~1):
    ~2 = {}
    for ~3 in ~1:
        ~2[~3] = ~2.get(~3, 0) + 1
    return ~2

# int
def ~F(~1):
    ~2 = 0
    for ~3 in range(~1 % 7):
        ~2 += ~3
    return ~2

# int
def ~F(~1):
    ~2 = 0
    ~3 = #
    while ~3 > 0:
        ~3 -= 1
        ~2 += ~1
    return ~2

# str
def ~F(~1):
    ~2 = 0
    for ~3 in ~1:
        if ~3 in 'aeiou':
            ~2 += 1
    return ~2

# ints
def ~F(~1):
    ~2 = []
    for ~3 in ~1:
        ~2.append(~3 + #)
    return ~2

# ints int
def ~F(~1, ~2):
    ~3 = 0
    for ~4 in ~1:
        if ~4 == ~2:
            break
        ~3 += 1
    return ~3

# strs
def ~F(~1):
    ~2 = ''
    for ~3 in ~1:
        if len(~3) > len(~2):
            ~2 = ~3
    return ~2

# strs
def ~F(~1):
    ~2 = []
    for ~3 in ~1:
        if @ in ~3:
            continue
        ~2.append(~3)
    return ~2

# int
def ~G(~1):
    return ~1 + #


def ~F(~1):
    ~2 = ~G(~1)
    ~3 = ~G(~2)
    return ~3

# ints
def ~G(~1, ~2):
    if ~1 > ~2:
        return ~1
    return ~2


def ~F(~3):
    ~4 = 0
    for ~5 in ~3:
        ~4 = ~G(~4, ~5)
    return ~4

# str letter
def ~G(~1, ~2):
    return ~1 == ~2


def ~F(~3, ~4):
    ~5 = 0
    for ~6 in ~3:
        if ~G(~6, ~4):
            ~5 += 1
    return ~5

# few
def ~F(~1):
    if ~1 < 2:
        return 1
    return ~1 * ~F(~1 - 1)

# few few
def ~F(~1, ~2):
    while ~2:
        ~1, ~2 = ~2, ~1 % ~2
    return ~1

# str
def ~F(~1):
    ~2 = ''
    ~3 = 0
    for ~4 in ~1:
        if ~4 == ~2:
            ~3 += 1
        ~2 = ~4
    return ~3

# dict
def ~F(~1):
    ~2 = 0
    for ~3 in ~1:
        ~2 += ~1[~3]
    return ~2

# dict
def ~F(~1):
    ~2 = []
    for ~3, ~4 in ~1.items():
        if ~4 > #:
            ~2.append(~3)
    return ~2

# ints int
def ~F(~1, ~2):
    try:
        ~3 = ~1[~2]
    except IndexError:
        ~3 = #
    return ~3

# few
def ~F(~1):
    ~2 = []
    while ~1 > 0:
        ~2.append(~1 % 2)
        ~1 //= 2
    return ~2
"""


def _read(text: str) -> tuple[tuple[str, str], ...]:
    """The kinds of the arguments, and the source."""
    parts = (part.partition("\n") for part in text.removeprefix("\n# ").split("\n# "))
    return tuple((kinds, source.rstrip("\n") + "\n") for kinds, _, source in parts)


IDIOMS = _read(_TEXT)
"""Easiest first: a level takes them from the start. `~1` are variables, `~F` functions, `#` digits, `@` letters."""
