"""Small programs that take the room through every kind of frame; each name has its golden files."""

from __future__ import annotations

PROGRAMS = {
    "strawberry": (
        """\
def count(word, letter):
    n = 0
    for each in word:
        if each == letter:
            n += 1
    return n
""",
        "count('berry', 'r')",
    ),
    "recursion": (
        """\
def depth(tree):
    if not tree:
        return 0
    deepest = max(depth(inner) for inner in tree)
    return deepest + 1
""",
        "depth([[], [[]]])",
    ),
    "unwinding": (
        """\
def parse(text):
    return int(text)


def total(texts):
    found = 0
    for text in texts:
        found += parse(text)
    return found


def safe(texts):
    try:
        return total(texts)
    except ValueError as error:
        reason = str(error)
    return reason
""",
        "safe(['1', 'x'])",
    ),
    "generator": (
        """\
def pairs(items):
    last = None
    for item in items:
        if last is not None:
            yield last, item
        last = item


def rises(items):
    found = []
    for low, high in pairs(items):
        found.append(high - low)
    return found
""",
        "rises([1, 4, 2])",
    ),
    "comprehension": (
        """\
def squares(limit):
    odd = [n for n in range(limit) if n % 2]
    by_n = {n: n * n for n in odd}
    pick = lambda n: by_n[n]
    return sum(pick(n) for n in odd)
""",
        "squares(4)",
    ),
    "twins": (
        """\
class Box:
    def __init__(self, size):
        self.size = size

    def __repr__(self):
        return f"Box({self.size})"


class Crate:
    def __init__(self, size):
        self.size = size

    def __repr__(self):
        return "Crate"


def pack(n):
    if n > 1:
        x = Box(n)
        y = 1
    else:
        x = Crate(n)
        y = 1
    return [x, y]
""",
        "[pack(2), pack(1)][0]",
    ),
    "raised": (
        """\
def first(items):
    return items[0]
""",
        "first([])",
    ),
}
