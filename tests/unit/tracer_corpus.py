"""Programs that a tracer must see alike, whatever it is built on. `same` have the same frames on every version."""

from __future__ import annotations

from textwrap import dedent

SAME = {
    "strawberry": """
        def count(word, letter):
            n = 0
            for c in word:
                if c == letter:
                    n += 1
            return n

        def main():
            return count("strawberry", "r")
        """,
    "comprehensions": """
        def double(x):
            return x * 2

        def main():
            xs = [double(x) for x in range(3) if x]
            ys = {
                x: {y for y in range(x)}
                for x in xs
            }
            zs = [
                [
                    y
                    for y in range(x)
                ]
                for x in range(3)
            ]
            pairs = [(a, b) for a in range(2) for b in range(2) if a != b]
            for i, j in [(a, b) for a in range(2) for b in range(2)]:
                k = i
            return sum(x for x in xs), ys, zs, pairs
        """,
    "lambdas": """
        def main():
            add = lambda a, b=1: a + b
            return list(map(lambda v: add(v), [1, 2])), sorted([3, 1], key=lambda v: -v)
        """,
    "generators": """
        def inner():
            got = yield 1
            try:
                yield got
            except GeneratorExit:
                raise
            return 5

        def outer():
            found = yield from inner()
            return found

        def main():
            g = outer()
            a = next(g)
            b = g.send("s")
            try:
                next(g)
            except StopIteration as stop:
                c = stop.value
            h = inner()
            next(h)
            next(h)
            h.close()
            for x in inner():
                y = x
            return a, b, c
        """,
    "iterators": """
        class Down:
            def __init__(self, n):
                self.n = n

            def __iter__(self):
                return self

            def __next__(self):
                self.n -= 1
                if self.n < 0:
                    raise StopIteration
                return self.n

        def main():
            return [x for x in Down(2)], list(Down(1))
        """,
    "exceptions": """
        def fails(what):
            if what == "key":
                return {}["k"]
            return 1 / 0

        def main():
            out = []
            for what in ("key", "zero"):
                try:
                    fails(what)
                except (KeyError, ZeroDivisionError) as error:
                    out.append(str(error))
                finally:
                    out.append(what)
            return out
        """,
    "closures": """
        def main():
            n = 0
            def inc(by=1):
                nonlocal n
                n += by
                return n
            inc()
            inc(by=2)
            return n
        """,
    "recursion": """
        def fact(n):
            if n < 2:
                return 1
            return n * fact(n - 1)

        def main():
            return fact(4)
        """,
    "classes": """
        class Base:
            def __init__(self, x):
                self.x = x

            def __repr__(self):
                return "Base(%r)" % self.x

            def value(self):
                return self.x

        class Derived(Base):
            def value(self):
                return super().value() + 1

        def main():
            d = Derived(3)
            bound = d.value
            return d.value(), [d], {"d": d}
        """,
    "executed": """
        def main():
            space = {}
            exec("def h(a):\\n    b = a + 1\\n    return b\\nq = h(2)", space)
            return eval("h(1)", space)
        """,
    "variadic": """
        def f(a, *rest, key=None, **more):
            return a, rest, key, more

        def main():
            return f(1, 2, 3, key="k", z=9)
        """,
    "names": """
        def zählt(größe):
        \tπ = größe * 3
        \treturn π

        def main():
            return zählt(2)
        """,
}

MORE = {
    "loops on one line": """
        def main():
            n = 3
            while n: n -= 1
            while True:
                n += 1
                if n > 3: break
            for i in range(2): k = i
            for i, j in [(a, b) for a in range(2) for b in range(2) if a != b]: x = i
            k = {a: {b for b in range(a)} for a in range(3)}
            return [x for x in (y for y in range(2))]
        """,
    "asyncio": """
        import asyncio

        async def numbers():
            for i in range(2):
                yield i
                await asyncio.sleep(0)

        async def work(n):
            await asyncio.sleep(0)
            return [x async for x in numbers()] + [n]

        async def both():
            found = await asyncio.gather(work(1), work(2))
            async for z in numbers():
                found.append(z)
            return found

        def main():
            return asyncio.run(both())
        """,
    "with and try": """
        import contextlib

        @contextlib.contextmanager
        def managed(x):
            try:
                yield x
            finally:
                x = None

        def main():
            with managed(3) as m:
                m += 1
            with contextlib.suppress(TypeError):
                len(5)
            try:
                try:
                    raise KeyError("a")
                except KeyError as e:
                    raise ValueError("b") from e
            except ValueError:
                pass
            for i in range(3):
                try:
                    if i == 1:
                        continue
                    if i == 2:
                        break
                finally:
                    m += i
            return m
        """,
    "thrown": """
        def gen():
            while True:
                try:
                    yield 1
                except ValueError as error:
                    yield str(error)

        def main():
            g = gen()
            next(g)
            found = g.throw(ValueError("x"))
            g.close()
            return found
        """,
    "classes in functions": """
        from dataclasses import dataclass
        from enum import Enum

        def main():
            class Color(Enum):
                RED = 1

            @dataclass
            class D:
                a: int
                b: str = "x"

                @property
                def p(self):
                    return self.a

                @staticmethod
                def s():
                    return 1

            d = D(1)
            return d, d.p, D.s(), Color.RED
        """,
    "long expressions": """
        def f(a, b):
            return a

        def main():
            x = f(
                1,
                f(
                    2,
                    3,
                ),
            )
            y = (x +
                 f(1, 2))
            assert y, \\
                "no"
            z = [f(1, 2),
                 [q for q in
                  range(2)], f(3,
                               4)]
            return list(map(lambda v: f(v,
                1), z[1]))
        """,
    "threads": """
        import threading

        class Quiet(threading.Thread):
            def __repr__(self):
                return "Quiet"  # the state of a thread is another on every run

        def work(out, i):
            out.append(i)

        def main():
            out = []
            for i in range(2):
                t = Quiet(target=work, args=(out, i))
                t.start()
                t.join()
            return out
        """,
}


def sources(*groups: dict[str, str]) -> dict[str, str]:
    return {name: dedent(text) for group in groups for name, text in group.items()}
