"""Random small programs that always end, from a seed: every statement kind, nested, with calls and exceptions."""

from __future__ import annotations

import random

NAMES = ("a", "b", "c", "xs", "d")
DEEPEST = 3


class Writer:
    """Writes one program; what it writes may raise, and `main` catches that."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._lines: list[str] = []
        self._counter = 0

    def program(self) -> str:
        self._lines = [
            "class Box:",
            "    def __init__(self, n): self.n = n",
            "    def __add__(self, other):",
            "        return Box(self.n + 1)",
            "    def __repr__(self): return f'Box({self.n})'",
            "    def step(self, by=1):",
            "        self.n += by",
            "        return self",
            "    def __enter__(self): return self",
            "    def __exit__(self, *exc):",
            "        return self.n % 2 == 0",
        ]
        for number in range(3):
            self._function(number)
        self._lines.append("def main():")
        self._lines.append("    out = []")
        for number in range(3):
            for argument in ("0", "3", "[1, 2]"):
                self._lines += [
                    "    try:",
                    f"        out.append(f{number}({argument}))",
                    "    except Exception as error:",
                    "        out.append(type(error))",
                ]
        self._lines.append("    return len(out)")
        return "\n".join(self._lines) + "\n"

    def _function(self, number: int) -> None:
        self._callable = [f"f{other}" for other in range(number)]
        generator = self._chance(0.2)
        self._lines.append(f"def f{number}(a, b=2, *rest):")
        self._emit(1, "c, xs, d = 1, [1, 2], {}")
        if self._chance(0.3):
            self._emit(1, "def inner(v):")
            if self._chance(0.5):
                self._emit(2, "nonlocal c")
                self._emit(2, "c = v")
            self._emit(2, "xs.append(v)")
            self._emit(2, "return v")
            self._callable.append("inner")
        self._block(1, 0, in_loop=False)
        if generator:
            self._emit(1, "yield c")
            self._block(1, 1, in_loop=False)
            self._emit(1, "yield a")
        self._emit(1, f"return {self._expression(1)}")

    def _emit(self, depth: int, text: str) -> None:
        self._lines.append("    " * depth + text)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _block(self, indent: int, depth: int, *, in_loop: bool) -> None:
        for _ in range(self._random.randint(1, 4 if depth < 2 else 2)):
            self._statement(indent, depth, in_loop=in_loop)

    def _statement(self, indent: int, depth: int, *, in_loop: bool) -> None:
        compound = [self._if, self._for, self._while, self._try, self._with, self._match]
        if depth < DEEPEST and self._chance(0.45):
            self._random.choice(compound)(indent, depth, in_loop)
        elif in_loop and self._chance(0.2):
            self._emit(indent, self._random.choice(["break", "continue"]))
        elif self._chance(0.06):
            self._emit(indent, self._random.choice(["return c", "raise ValueError(a)", "return", "assert c, a"]))
        else:
            self._simple(indent)

    def _simple(self, indent: int) -> None:
        name = self._random.choice(NAMES)
        value = self._expression(2)
        form = self._random.randrange(14)
        texts = {
            0: f"{name} += {value}",
            1: "pass",
            2: f"a, b = {value}, c",
            3: f"xs.append({value})",
            4: f"d[c] = {value}",
            5: f"xs[0] = {value}",
            6: f"c = a; b = {value}",
            7: "box = Box(c).step(); c = box.n",
            8: f"{name} = (\n{'    ' * indent}    {value},\n{'    ' * indent}    {self._expression(1)})",
            9: f"if c: a = {value}",
            10: f"del {name}",
        }
        self._emit(indent, texts.get(form, f"{name} = {value}"))

    def _expression(self, depth: int) -> str:
        atoms = [*NAMES[:3], "a", "b", "0", "1", "2", "'s'", "[]", "[1, 2]", "len(xs)", "(1, 2)", "Box(1)"]
        if depth == 0 or self._chance(0.3):
            return self._random.choice(atoms)
        one, two = self._expression(depth - 1), self._expression(depth - 1)
        forms = [
            f"({one} + {two})",
            f"({one} * {two})",
            f"({one} // {two})",
            f"({one}, {two})",
            f"[{one}, *xs]",
            f"({one} if {two} else c)",
            f"({one} and {two})",
            f"(not {one})",
            f"({one} == {two})",
            f"({one} < {two} < 3)",
            f"xs[{one}]",
            f"[v for v in xs if v != {one}]",
            f"sum(v for v in [1, {one}])",
            f"{{'k': {one}, **d}}",
            f"'%s-%s' % ({one}, c)",
            f"(lambda v: {one})(1)",
            f"str({one})",
            f"list({one})",
            f"sorted([{one}, {two}], key=lambda v: str(v))",
        ]
        if self._callable:
            called = self._random.choice(self._callable)
            forms += [f"{called}({one})", f"{called}({one})", f"list({called}({one}))", f"max({called}({one}), 1)"]
        return self._random.choice(forms)

    def _if(self, indent: int, depth: int, in_loop: bool) -> None:
        self._emit(indent, f"if {self._expression(2)}:")
        self._block(indent + 1, depth + 1, in_loop=in_loop)
        if self._chance(0.3):
            self._emit(indent, f"elif {self._expression(1)}:")
            self._block(indent + 1, depth + 1, in_loop=in_loop)
        if self._chance(0.5):
            self._emit(indent, "else:")
            self._block(indent + 1, depth + 1, in_loop=in_loop)

    def _for(self, indent: int, depth: int, in_loop: bool) -> None:
        over = self._random.choice(["range(3)", "[1, 2]", "'ab'", "list(xs)", "enumerate([c, 1])", self._expression(1)])
        target = self._random.choice(["i", "c", "i, c" if "enumerate" in over else "i"])
        self._emit(indent, f"for {target} in {over}:")
        self._block(indent + 1, depth + 1, in_loop=True)
        if self._chance(0.2):
            self._emit(indent, "else:")
            self._block(indent + 1, depth + 1, in_loop=in_loop)

    def _while(self, indent: int, depth: int, in_loop: bool) -> None:
        self._counter += 1
        name = f"n{self._counter}"
        self._emit(indent, f"{name} = 2")
        test = self._random.choice([name, f"{name} > 0", f"({name} := {name} - 1) >= 0", "True"])
        self._emit(indent, f"while {test}:")
        self._emit(indent + 1, f"{name} -= 1")
        self._emit(indent + 1, f"if {name} < -1: break")
        self._block(indent + 1, depth + 1, in_loop=True)

    def _try(self, indent: int, depth: int, in_loop: bool) -> None:
        self._emit(indent, "try:")
        self._block(indent + 1, depth + 1, in_loop=in_loop)
        caught = self._chance(0.8)
        if caught:
            kind = self._random.choice(["TypeError", "(ValueError, LookupError)", "Exception", "ZeroDivisionError"])
            self._emit(indent, f"except {kind}{self._random.choice([' as e', ''])}:")
            self._block(indent + 1, depth + 1, in_loop=in_loop)
            if self._chance(0.3):
                self._emit(indent + 1, "raise")
            if self._chance(0.3):
                self._emit(indent, "except Exception:")
                self._block(indent + 1, depth + 1, in_loop=in_loop)
            if self._chance(0.3):
                self._emit(indent, "else:")
                self._block(indent + 1, depth + 1, in_loop=in_loop)
        if not caught or self._chance(0.4):
            self._emit(indent, "finally:")
            self._block(indent + 1, depth + 1, in_loop=False)

    def _with(self, indent: int, depth: int, in_loop: bool) -> None:
        self._emit(indent, f"with Box({self._expression(0)}) as box{self._random.choice(['', ', Box(2)'])}:")
        self._block(indent + 1, depth + 1, in_loop=in_loop)

    def _match(self, indent: int, depth: int, in_loop: bool) -> None:
        self._emit(indent, f"match {self._expression(1)}:")
        for pattern in self._random.sample(["0 | 1", "[x, *_]", "str()", "{'k': x}", "Box(n=1)", "x if x"], 3):
            self._emit(indent + 1, f"case {pattern}:")
            self._block(indent + 2, depth + 1, in_loop=in_loop)
        if self._chance(0.5):
            self._emit(indent + 1, "case _:")
            self._block(indent + 2, depth + 1, in_loop=in_loop)


def programs(seed: int, number: int) -> dict[str, str]:
    """So many programs; each has parsed."""
    return {f"generated {seed + at}": Writer(seed + at).program() for at in range(number)}
