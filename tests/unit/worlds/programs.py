"""Programs whose real traces the scripted model believes; each calls its own functions alone."""

from __future__ import annotations

from tests.unit.traces.programs import PROGRAMS as TRACED

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
        "count('strawberry', 'r')",
    ),
    "while_break": (
        """\
def collatz(n, limit=50):
    steps = 0
    while n != 1:
        if steps >= limit:
            break
        if n % 2:
            n = 3 * n + 1
        else:
            n //= 2
        steps += 1
    else:
        return steps
    return -1
""",
        "collatz(7)",
    ),
    "continue_else": (
        """\
def find(rows, wanted):
    for i, row in enumerate(rows):
        if not row:
            continue
        for j, cell in enumerate(row):
            if cell == wanted:
                return i, j
        else:
            last = i
    return None
""",
        "find([[1, 2], [], [3, 4]], 4)",
    ),
    "nested_calls": (
        """\
def area(w, h):
    return w * h


def border(w, h):
    inner = area(w - 2, h - 2)
    outer = area(w, h)
    return outer - inner


def total(sizes):
    found = 0
    for w, h in sizes:
        found += border(w, h)
    return found
""",
        "total([(3, 4), (5, 5)])",
    ),
    "fibonacci": (
        """\
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
""",
        "fib(5)",
    ),
    "recursive_list": (
        """\
def flatten(items):
    flat = []
    for item in items:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat
""",
        "flatten([1, [2, [3]], 4])",
    ),
    "handled": (
        """\
def parse(text):
    return int(text)


def total(texts):
    good = 0
    bad = []
    for text in texts:
        try:
            value = parse(text)
        except ValueError as error:
            bad.append(str(error))
            continue
        finally:
            seen = text
        good += value
    return good, bad
""",
        "total(['1', 'x', '3'])",
    ),
    "raised": (
        """\
def last(items):
    return items[-1]


def both(items):
    first = items[0]
    end = last(items[1:])
    return first, end
""",
        "both([1])",
    ),
    "strings": (
        """\
def caesar(text, shift):
    out = ''
    for letter in text:
        if letter.isalpha():
            base = ord('a') if letter.islower() else ord('A')
            letter = chr((ord(letter) - base + shift) % 26 + base)
        out += letter
    quoted = f'"{out}" \\\\ {len(out)}\\n'
    return quoted.strip()
""",
        "caesar('Hey, you', 3)",
    ),
    "lists": (
        """\
def bubble(items):
    items = list(items)
    n = len(items)
    for i in range(n):
        swapped = False
        for j in range(n - 1 - i):
            if items[j] > items[j + 1]:
                items[j], items[j + 1] = items[j + 1], items[j]
                swapped = True
        if not swapped:
            break
    return items
""",
        "bubble([3, 1, 2])",
    ),
    "dicts": (
        """\
def tally(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    best = None
    for word, n in counts.items():
        if best is None or n > counts[best]:
            best = word
    return {k: v for k, v in counts.items() if k == best}
""",
        "tally(['a', 'b', 'a'])",
    ),
    "early_return": (
        """\
def prime(n):
    if n < 2:
        return False
    k = 2
    while k * k <= n:
        if n % k == 0:
            return False
        k += 1
    return True


def first_primes(limit):
    return [n for n in range(limit) if prime(n)]
""",
        "first_primes(6)",
    ),
    "aliases": (
        """\
def share(xs):
    ys = xs
    ys.append(1)
    zs = ys[:]
    zs.pop()
    a, (b, *c) = 1, xs
    del ys
    return xs, zs, a, b, c
""",
        "share([7, 8])",
    ),
    "with_object": (
        """\
class Box:
    def __init__(self, size):
        self.size = size

    def __repr__(self):
        return f"Box({self.size})"

    def grow(self, by):
        self.size += by
        return self


def pack(sizes):
    boxes = []
    for size in sizes:
        box = Box(size)
        box.grow(2).grow(1)
        boxes.append(box.size)
    return sum(boxes)
""",
        "pack([1, 2])",
    ),
    "generator": TRACED["generator"],
    "lambdas": TRACED["comprehension"],
    "closure": (
        """\
def counter(start):
    total = start

    def add(n):
        nonlocal total
        total += n
        return total

    add(2)
    add(3)
    return total
""",
        "counter(1)",
    ),
    "long_lines": (
        """\
def build(a, b):
    made = dict(
        first=a,
        second=b,
    )
    if max(
        a,
        b,
    ) > b:
        made["order"] = "down"
    return made
""",
        "build(3, 2)",
    ),
    "two_calls": (
        """\
def half(n):
    return n // 2
""",
        "half(4) + half(half(8))",
    ),
}
PROGRAMS["shadowed"] = (
    """\
from functools import partial


def add(a, b=0):
    return a + b


def guard(n):
    assert n > 0, "small"
    return n


def shadow(n):
    local = partial(add, 5)

    def guard(k):
        return add(k)

    first = add(n)
    second = guard(1)
    return local(n) + first + second


def outer(n):
    try:
        guard(n)
    except AssertionError as error:
        found = shadow(n)
    return found
""",
    "outer(-1)",
)
