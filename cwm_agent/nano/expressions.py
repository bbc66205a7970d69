"""Random expressions of a known kind: int, str, ints, strs, dict."""

from __future__ import annotations

import random

LETTERS = "abcdeilnoprst"
WORDS = (
    "apple", "banana", "cherry", "orange", "lemon", "paper", "river", "stone", "little", "letter", "summer", "winter",
    "noon", "level", "radar", "tree", "bottle", "hello", "world", "coffee", "rabbit", "spoon", "pepper",
    "mississippi", "balloon", "code", "trace", "frame", "error", "data", "tool", "test", "user", "list",
)  # fmt: skip
_NAMES: tuple[str, ...] = (
    *"abcdefghijkmnopqrstuvwxyz", "total", "out", "best", "last", "left", "item", "word", "text", "num",
)  # fmt: skip
_FUNCTIONS = (
    "f", "g", "h", "run", "solve", "work", "find", "check", "total", "pick", "scan", "fold", "apply", "step", "make",
)  # fmt: skip


class Names:
    """Fresh names, none twice."""

    def __init__(self, rng: random.Random) -> None:
        self._names = rng.sample(_NAMES, len(_NAMES))
        self._functions = rng.sample(_FUNCTIONS, len(_FUNCTIONS))

    def new(self) -> str:
        """A name for a variable."""
        return self._names.pop()

    def function(self) -> str:
        """A name for a function."""
        return self._functions.pop()


def number(rng: random.Random) -> int:
    """An int, mostly of one digit."""
    return rng.choice((rng.randint(0, 9), rng.randint(0, 9), rng.randint(0, 20), rng.randint(-9, 99)))


def word(rng: random.Random) -> str:
    """A short string: a word, or letters of which some come twice."""
    if rng.random() < 0.4:
        return rng.choice(WORDS)
    few = rng.sample(LETTERS, rng.randint(2, 5))
    return "".join(rng.choice(few) for _ in range(rng.randint(1, 8)))


def literal(rng: random.Random, kind: str) -> str:
    """The repr of a value of this kind."""
    match kind:
        case "int":
            return str(number(rng))
        case "str":
            return repr(word(rng))
        case "letter":
            return repr(rng.choice(LETTERS))
        case "ints":
            return repr([number(rng) for _ in range(rng.randint(1, 6))])
        case "strs":
            return repr([word(rng)[: rng.randint(1, 5)] for _ in range(rng.randint(1, 4))])
        case "dict":
            return repr({letter: number(rng) for letter in rng.sample(LETTERS, rng.randint(1, 3))})
    raise ValueError(kind)


def expression(rng: random.Random, kind: str, scope: dict[str, str], depth: int = 2) -> str:
    """An expression of this kind over the names of the scope (name → kind). Some raise, as programs do."""
    own = [name for name, each in scope.items() if each == kind]
    if depth <= 0 or rng.random() < 0.3:
        return rng.choice(own) if own and rng.random() < 0.75 else literal(rng, kind)

    def some(wanted: str) -> str:
        return expression(rng, wanted, scope, depth - 1)

    match kind:
        case "int":
            return _int(rng, scope, some("int"))
        case "str":
            a, pick = some("str"), rng.randrange(6)
            simple = rng.choice(own) if own else literal(rng, "str")
            return (f"{a} + {literal(rng, 'letter')}", f"{a} + {simple}", f"{simple}[::-1]", f"{simple}.upper()",
                    f"str({some('int')})", f"{simple}[:{rng.randint(1, 3)}]")[pick]  # fmt: skip
        case "ints" | "strs":
            simple = rng.choice(own) if own else literal(rng, kind)
            one = expression(rng, kind[:-1], scope, 0)
            return rng.choice(
                (f"{simple} + [{one}]", f"sorted({simple})", f"{simple}[::-1]", f"{simple}[:{rng.randint(1, 3)}]", "[]")
            )
        case _:
            return f"dict({rng.choice(own)})" if own else literal(rng, kind)


def _int(rng: random.Random, scope: dict[str, str], a: str) -> str:
    own = [name for name, each in scope.items() if each == "int"]
    long = [name for name, each in scope.items() if each in ("str", "ints", "strs", "dict")]
    lists = [name for name, each in scope.items() if each == "ints"]
    dicts = [name for name, each in scope.items() if each == "dict"]
    b = rng.choice(own) if own and rng.random() < 0.6 else str(rng.randint(1, 9))
    found = [f"{a} + {b}", f"{a} - {b}", f"{b} * {rng.randint(2, 4)}", f"{b} % {rng.randint(2, 5)}",
             f"{b} // {rng.randint(2, 3)}"]  # fmt: skip
    found += [f"len({name})" for name in long[:2]]
    found += [f"{rng.choice(('sum', 'sum', 'max', 'min'))}({name})" for name in lists[:1]]
    found += [f"{lists[0]}[{rng.choice((0, 0, -1, 1))}]"] if lists else []
    found += [f"{dicts[0]}.get({rng.choice(LETTERS)!r}, 0)"] if dicts else []
    return rng.choice(found)


def test(rng: random.Random, scope: dict[str, str]) -> str:
    """A condition."""
    ints = [name for name, kind in scope.items() if kind == "int"]
    texts = [name for name, kind in scope.items() if kind == "str"]
    held = [name for name, kind in scope.items() if kind not in ("int", "ints")]
    found = [f"{name} {rng.choice(('>', '<', '==', '>=', '!='))} {rng.randint(0, 9)}" for name in ints[-2:]]
    found += [f"{name} % 2 == {rng.randint(0, 1)}" for name in ints[-1:]]
    found += [f"{name} {rng.choice(('==', '!='))} {rng.choice(LETTERS)!r}" for name in texts[-2:]]
    found += [f"{rng.choice(LETTERS)!r} in {name}" for name in held[-1:]]
    found += [f"{name} in 'aeio'" for name in texts[-1:]]
    found += [f"{ints[-1]} < {ints[0]}"] if len(ints) > 1 else []
    found += [f"{texts[-1]} == {texts[0]}"] if len(texts) > 1 else []
    return rng.choice(found or [f"len({rng.choice(list(scope))}) > {rng.randint(1, 3)}"])
