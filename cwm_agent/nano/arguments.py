"""Random arguments of a known kind, beyond those of `expressions`: what templates and harvested functions are given."""

from __future__ import annotations

import random

from cwm_agent.nano.expressions import LETTERS, WORDS, literal, number, word

_FIXED = {"slash": "'/'", "none": "None", "dot": "'.'", "zero": "0", "last": "-1", "empty": "{}"}
_MARKS = ("&", "<", ">", "&amp;", "&lt;", '"')


def argument(rng: random.Random, kind: str) -> str:
    """The repr of an argument of this kind."""
    if kind in _FIXED:
        return _FIXED[kind]
    made = _number(rng, kind) or _list(rng, kind) or _text(rng, kind)
    return made or literal(rng, kind)


def _number(rng: random.Random, kind: str) -> str | None:
    match kind:
        case "few":
            return str(rng.randint(2, 5))
        case "digit":
            return str(rng.randint(1, 9))
        case "natural":
            return str(rng.choice((rng.randint(1, 9), rng.randint(1, 40), rng.randint(1, 200))))
        case "year":
            return str(rng.randint(1890, 2110))
        case "flag":
            return str(rng.random() < 0.5)
        case "float":
            return repr(rng.randint(-20, 99) / rng.choice((2, 4, 10)))
        case "unit":
            return repr(rng.randint(0, 10) / 10)
    return None


def _list(rng: random.Random, kind: str) -> str | None:
    length = rng.randint(1, 3)
    match kind:
        case "floats":
            return repr([rng.randint(0, 40) / rng.choice((2, 10)) for _ in range(length)])
        case "pairs":
            return repr([(number(rng), number(rng)) for _ in range(length)])
        case "rows":
            return repr([[number(rng) for _ in range(rng.randint(1, 3))] for _ in range(length)])
        case "sorted":
            return repr(sorted(number(rng) for _ in range(rng.randint(1, 6))))
        case "options":
            return repr([rng.choice(WORDS) + rng.choice(("", "=")) for _ in range(length)])
    return None


def _text(rng: random.Random, kind: str) -> str | None:
    few = rng.randint(1, 3)
    match kind:
        case "word":
            return repr(rng.choice(WORDS))
        case "sentence":
            return repr(" " * rng.choice((0, 0, 2)) + " ".join(word(rng) for _ in range(rng.randint(1, 4))))
        case "spaced":
            return repr(" " * rng.randint(0, 4) + word(rng) + " " * rng.randint(0, 2))
        case "lines":
            return repr("\n".join(" " * rng.choice((0, 2, 4)) + word(rng) for _ in range(few)))
        case "digits":
            return repr(str(rng.randint(0, 9999 if rng.random() < 0.3 else 99)))
        case "shorts":
            return repr("".join(rng.choice(LETTERS) + rng.choice(("", ":")) for _ in range(few + 1)))
        case "quoted":
            return repr(rng.choice(('"', "<", "")) + word(rng) + rng.choice(('"', ">", "")))
        case "markup":
            return repr("".join(rng.choice((word(rng), rng.choice(_MARKS))) for _ in range(few + 1)))
        case "byte":
            return repr(bytes([rng.randint(0, 127)]))
        case "path":
            parts = [rng.choice((rng.choice(LETTERS), word(rng)[:4], "..", ".", "")) for _ in range(few)]
            return repr(rng.choice(("", "/")) + "/".join(parts) + rng.choice(("", ".py", ".b")))
        case "url":
            return repr("".join(rng.choice((word(rng)[:3], rng.choice("?#;=:@/&"), "//")) for _ in range(few + 2)))
    return None
