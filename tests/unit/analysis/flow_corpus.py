"""Programs that take every construct of the language through a real run, each with a `main`."""

from __future__ import annotations

PROGRAMS = {
    "branches": """
        def pick(n):
            if n == 0:
                x = "none"
            elif n == 1:
                x = "one"
            elif n < 0: x = "less"
            else:
                x = "many"
            y = "a" if n else "b"
            if n and n > 1 or not n:
                pass
            if not (n > 3): z = 1
            if True:
                w = 2
            if 0:
                w = 3
            else:
                w = 4
            return x, y

        def main():
            return [pick(n) for n in (0, 1, -1, 5)]
        """,
    "loops": """
        def main():
            out = []
            for i in range(5):
                if i == 1:
                    continue
                if i == 3:
                    break
                out.append(i)
            else:
                out.append("never")
            for i in ():
                out.append(i)
            else:
                out.append("else")
            n = 3
            while n > 0:
                n -= 1
                if n == 1:
                    continue
            else:
                n = 10
            while True:
                n -= 1
                if n < 5:
                    break
            while 1:
                break
            for a, (b, *c) in [(1, (2, 3)), (4, (5, 6, 7))]:
                d = a + b
            for out[0] in (7, 8):
                pass
            for i in range(2):
                for j in range(2):
                    if j:
                        break
                else:
                    continue
                n += 1
            while n > 4 and (m := n):
                n -= 1
            return out, n, d
        """,
    "every exit of try": """
        def f(what):
            found = []
            for turn in range(2):
                try:
                    if what == "raise":
                        raise ValueError(what)
                    if what == "break":
                        break
                    if what == "continue":
                        continue
                    if what == "return":
                        return found
                    found.append(turn)
                except (KeyError, ValueError) as error:
                    found.append(str(error))
                else:
                    found.append("else")
                finally:
                    found.append("finally")
            return found

        def g(what):
            try:
                try:
                    1 / what
                finally:
                    x = what
                y = 1
            except ZeroDivisionError:
                y = 2
            return y

        def h():
            try:
                return 1
            finally:
                return 2

        def nested():
            for n in range(3):
                try:
                    try:
                        if n == 0:
                            raise KeyError(n)
                        if n == 1:
                            raise TypeError(n)
                    except KeyError:
                        x = 0
                        continue
                    finally:
                        y = n
                except TypeError as e:
                    z = e
                    try:
                        raise
                    except TypeError: w = 1
            return y

        def bare():
            try:
                {}["no"]
            except:
                return "bare"

        def reraised():
            try:
                try:
                    raise KeyError(1)
                except KeyError as e:
                    raise
            except KeyError as e:
                x = e
            try:
                try:
                    [].pop()
                except IndexError as e:
                    raise ValueError from e
                finally:
                    y = 3
            except Exception:
                return x
            return None

        def unmatched():
            try:
                g("x")
            except ValueError:
                x = 1
            except (KeyError,
                    IndexError):
                x = 2
            else:
                x = 3

        def empty():
            try:
                pass
            except ValueError:
                pass
            try: x = 1
            except ValueError: x = 2
            finally: y = 3
            try:
                x = {}[1]
            except KeyError: pass

        def swallowed():
            while True:
                try:
                    return 1 / 0
                finally:
                    break
            return "swallowed"

        def inside_finally():
            try:
                x = 1
            finally:
                try:
                    x = {}["k"]
                except KeyError:
                    x = 2
            return x

        def main():
            out = [f(what) for what in ("raise", "break", "continue", "return", "none")]
            for what in (0, 1):
                out.append(g(what))
            out += [h(), nested(), bare(), reraised(), empty(), swallowed(), inside_finally()]
            try:
                unmatched()
            except TypeError:
                out.append("unmatched")
            return out
        """,
    "with": """
        import contextlib

        class Guard:
            def __init__(self, name, swallow=False):
                self.name = name
                self.swallow = swallow

            def __enter__(self):
                return self.name

            def __exit__(self, kind, value, trace):
                return self.swallow

        @contextlib.contextmanager
        def quiet(*kinds):
            try:
                yield kinds
            except kinds:
                pass
            finally:
                x = 1

        def returns():
            with Guard("a") as a, Guard("b"):
                return a

        def loops():
            for i in range(4):
                with Guard(i, True) as g:
                    if i == 0:
                        continue
                    if i == 1:
                        raise ValueError
                    if i == 2:
                        break
            with Guard(1): x = 1
            with (
                Guard("p") as p,
                Guard("q") as q,
            ):
                x = p + q
            return x

        def passes():
            with Guard("no"):
                raise KeyError("k")

        def main():
            out = [returns(), loops()]
            try:
                passes()
            except KeyError:
                out.append("passed")
            with quiet(ValueError) as kinds:
                raise ValueError
            with quiet(ValueError):
                x = 2
            with contextlib.suppress(KeyError):
                {}[0]
            with open("/dev/null") as f, contextlib.ExitStack() as stack:
                stack.enter_context(Guard("s"))
                f.read()
            return out
        """,
    "match": """
        class Point:
            __match_args__ = ("x", "y")

            def __init__(self, x, y):
                self.x = x
                self.y = y

        ORIGIN = 0

        def kind(it):
            match it:
                case 0 | 1:
                    return "small"
                case int(n) if n > 10:
                    return "big"
                case str() as text:
                    return text
                case [a, *rest] if rest:
                    return a, rest
                case [a]:
                    return a
                case {"k": v, **more}:
                    return v, more
                case Point(0, y=y):
                    return y
                case Point(x=x, y=y):
                    return x, y
                case None: return "none"
                case (
                    True
                    | 2.5
                ):
                    return "other"
                case _:
                    z = 1
            return z

        def main():
            out = []
            for it in (0, 5, 11, "s", [1, 2], [1], {"k": 1, "l": 2}, Point(0, 1), Point(2, 3), None, 2.5, 7.5):
                out.append(kind(it))
            match out:
                case []: pass
            match 3, 4:
                case (x, 5):
                    out = 1
                case x, y:
                    out = 2
            return out
        """,
    "generators of all kinds": """
        def count(n):
            while n:
                n -= 1
                got = yield n
                if got:
                    n = got

        def twice(n):
            yield from count(n)
            x = yield
            yield from [x, 1]
            return "end"

        def through():
            result = yield from twice(1)
            yield result

        def guarded():
            try:
                yield 1
                yield 2
            finally:
                x = 0

        def lines():
            yield (
                1 +
                len("x")
            )
            a = yield \\
                2
            yield [
                3,
                a]

        def main():
            out = list(count(2))
            c = count(3)
            next(c)
            c.send(5)
            for x in through():
                out.append(x)
            for x in guarded():
                break
            g = guarded()
            next(g)
            g.close()
            g = guarded()
            next(g)
            g = None
            a, b = count(2)
            out += [*count(1), *(y for y in count(2) if y)]
            it = (p for p in range(3))
            next(it)
            del it
            any(q for q in (1, 2))
            z = 1 in count(3)
            for x in zip(count(2), (v for v in "ab")):
                pass
            out.extend(lines())
            return out, sum(n for n in count(2)), z
        """,
    "operators": """
        from functools import total_ordering

        @total_ordering
        class Num:
            def __init__(self, n):
                self.n = n

            def __repr__(self):
                return f"Num({self.n})"

            def __add__(self, other):
                return Num(self.n + getattr(other, "n", other))

            __radd__ = __add__

            def __neg__(self):
                return Num(-self.n)

            def __eq__(self, other):
                return self.n == other.n

            def __lt__(self, other):
                return self.n < other.n

            def __hash__(self):
                return hash(self.n)

            def __bool__(self):
                return self.n != 0

            def __len__(self):
                return self.n

            def __getitem__(self, i):
                if i > 2:
                    raise IndexError(i)
                return i

            def __contains__(self, it):
                return it == self.n

            def __call__(self, x):
                return x

            def __iadd__(self, other):
                self.n += other
                return self

            def __format__(self, spec):
                return spec

            def __getattr__(self, name):
                if name.startswith("_"):
                    raise AttributeError(name)
                return name

            def __setitem__(self, key, value):
                self.n = value

            def __delitem__(self, key):
                self.n = 0

            @property
            def half(self):
                return self.n / 2

            @half.setter
            def half(self, value):
                self.n = value * 2

            @classmethod
            def make(cls):
                return cls(1)

            @staticmethod
            def plain(x):
                return x

        class Child(Num):
            def __init__(self):
                super().__init__(9)

            def plain(self):
                return super().plain(3)

        def main():
            a, b = Num(1), Num(2)
            c = a + b
            c = 1 + c
            c = sum([a, b], Num(0))
            d = -a
            e = a < b, a == b, a >= b
            if a:
                f = 1
            s = {a, b}
            t = {a: 1}
            u = t[a]
            v = [x for x in b]
            w = len(b), b[1], 2 in b, b(3)
            b += 4
            x = f"{a:>3}"
            y = a.missing
            b[1] = 3
            del b[1]
            z = a.half
            a.half = 4
            q = Num.make().plain(2)
            r = Child().plain()
            m = max([a, b]), sorted([b, a])
            return not b
        """,
    "functions": """
        import functools

        def plain(a, b=2, *args, c, d=4, **kw):
            return a + b + c + d

        def logged(f):
            @functools.wraps(f)
            def wrapper(*args, **kw):
                out = f(*args, **kw)
                return out
            return wrapper

        def repeat(times):
            def decorate(f):
                def inner(*args):
                    for _ in range(times):
                        out = f(*args)
                    return out
                return inner
            return decorate

        @logged
        @repeat(2)
        def add(x, y):
            return x + y

        @functools.lru_cache(maxsize=None)
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        def apply(f, x):
            return f(x)

        def nothing():
            pass

        def documented():
            '''Only this.'''

        def one_line(x): return x

        def two(x): x += 1; return x

        def main():
            out = [plain(1, c=3), plain(*(1, 2), c=1, **{"d": 5}), add(1, 2), fib(4)]
            out.append(apply(one_line, apply(two, 1)))
            nothing()
            documented()
            compose = lambda f, g: lambda x: f(g(x))
            out.append(compose(one_line, two)(5))
            table = {"a": one_line, "b": two}
            out.append(table["a"](1) + table["b"](2))
            out.append(list(map(one_line, filter(two, [1]))))
            p = functools.partial(plain, 1, c=2)
            out.append(p())
            out.append((lambda: 3)())
            out.sort(key=lambda v: str(v))
            def local(n):
                return n and local(n - 1)
            local(2)
            @logged
            def deco(
                a,
                b=one_line(1),
            ):
                return a
            deco(1)
            main.cache = deco
            main.cache(2)
            return functools.reduce(lambda p, q: p + q, [1, 2, 3])
        """,
    "scopes": """
        TOTAL = 0
        ITEMS = []

        def counter():
            n = 0
            seen = []
            def inc():
                nonlocal n
                n += 1
                seen.append(n)
                return n
            def peek():
                return n, seen
            inc()
            peek()
            before = inc() + inc()
            return peek

        def add(x):
            global TOTAL
            TOTAL += x
            ITEMS.append(x)
            return ITEMS

        def alias():
            mine = ITEMS
            also = [mine, 1]
            add(2)
            other = [1]
            other.append(2)
            t = ({"k": mine}, 3)
            add(3)
            return also

        def main():
            counter()()
            add(1)
            alias()
            x = [n for n in range(2)]
            if (y := len(x)) > 1:
                z = y
            w = [last := v for v in x]
            import os.path, math as m
            from os import sep as s
            import os
            del x
            try:
                x
            except NameError as e:
                k = str(e)
            (a, b), *c = (1, 2), 3, 4
            a, b = b, a
            c[0], c[1] = c[1], c[0]
            i = c[i] = 0 if c else 1 if False else 0
            d = e = []
            d.append(e)
            del c[0], a
            __hidden = 1
            return __hidden
        """,
    "mutations": """
        class Box:
            def __init__(self, items):
                self.items = items
                self.n = 0

            def __repr__(self):
                return f"Box({self.items!r}, {self.n})"

            def put(self, x):
                self.items.append(x)
                self.n += 1
                return self

            def touch(self):
                self.n = -1

        class Silent:
            def __init__(self, box):
                self.box = box

            def change(self):
                self.box.touch()

        def fill(xs, d):
            xs.append(1)
            d["n"] = xs
            d["m"] = 2
            return xs

        def main():
            xs, ys = [], [1]
            zs = [xs, ys]
            xs.append(1)
            ys += [2]
            ys = ys + [3]
            d = {}
            fill(xs, d)
            d["n"].append(5)
            xs[0] = 7
            xs[:] = [1, 2]
            del xs[0]
            box = Box(xs)
            box.put(3).put(4)
            silent = Silent(box)
            silent.change()
            box.n += 1
            t = (box, xs)
            xs.sort(reverse=True)
            s = {1}
            s.add(2)
            s |= {3}
            u = s
            u.discard(1)
            it = iter(xs)
            next(it)
            import collections, itertools
            c = collections.Counter()
            c["a"] += 1
            q = collections.deque([1])
            q.append(2)
            k = itertools.count()
            next(k)
            z = zip(k, "ab")
            for p in z:
                m = p
            dd = collections.defaultdict(list)
            dd["x"].append(1)
            rows = [[0] * 2 for _ in range(2)]
            for row in rows:
                row[0] = 1
            for i, row in enumerate(rows): row[1] = i
            a = b = [0]
            a[0] += 1
            b = a[:]
            b.append(1)
            g = globals()
            e = [xs.append(9), xs.pop()]
            ba = bytearray(b"a")
            ba.append(66)
            return zs
        """,
    "classes": """
        from __future__ import annotations
        import dataclasses, enum, typing, abc

        class Meta(type):
            def __new__(mcls, name, bases, space):
                made = super().__new__(mcls, name, bases, space)
                return made

            def __call__(cls, *args):
                return super().__call__(*args)

        class Base(metaclass=Meta):
            x: int = 1
            y: str

            def __init_subclass__(cls, **kw):
                cls.made = True

            def __new__(cls, *args):
                return object.__new__(cls)

            def __init__(self, *args):
                self.args = args

        class Descriptor:
            def __set_name__(self, owner, name):
                self.name = name

            def __get__(self, instance, owner):
                return 3

            def __set__(self, instance, value):
                self.value = value

        @dataclasses.dataclass
        class Data:
            a: int
            b: list = dataclasses.field(default_factory=lambda: [1])

            def __post_init__(self):
                self.c = self.a

        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...

            def twice(self):
                return self.area() * 2

        class Square(Shape):
            def __init__(self, side): self.side = side

            def area(self):
                return self.side ** 2

        class Slots:
            __slots__ = ("p", "_q")

            def __init__(self):
                self.p = 1
                self.__dict = 2 if False else None

        def main():
            class Local(Base):
                '''Documented.'''
                d = Descriptor()
                n = [i for i in range(2)]
                if n:
                    m = 1
                else:
                    m = 2
                for k in n:
                    pass

                def method(self):
                    return self.d

                class Inner:
                    deep = 1
            one = Local(1)
            one.method()
            one.d = 5
            data = Data(1)
            again = dataclasses.replace(data, a=2)
            same = data == again
            class Color(enum.Enum):
                RED = 1
                BLUE = 2

                def shown(self):
                    return self.name.lower()
            Color.RED.shown()
            Square(2).twice()
            try:
                Slots()
            except AttributeError:
                pass
            kind = type("Made", (Base,), {"z": 1})
            kind()
            class Error(Exception):
                def __init__(self, text):
                    super().__init__(text)
            try:
                raise Error("x")
            except Error:
                pass
            class Bare(Exception):
                def __str__(self):
                    return "bare"
            try:
                raise Bare
            except Bare as e:
                str(e)
            return [c for c in Color]
        """,
    "many lines": """
        def f(*args, **kw):
            return args[0] if args else None

        class Chain:
            def a(self, *x):
                return self

            def b(self):
                return self

        def main():
            x = f(
                1,
                f(2), f(
                    3,
                ),
                *[4,
                  5],
                k=f(
                    6),
                **{"m":
                   7},
            )
            y = (
                x
                + 1
                - f(
                    2)
            )
            z = {
                "a": 1,
                "b": f(1),
                f(2): 3,
                **{"c": 4},
            }
            w = [
                1,
                2,
                3,
            ]
            v = (1,
                 2)
            u = [f(1),
                 y,
                 3]
            if (
                x
                and y
                or f(
                    0)
            ):
                t = 1
            elif (not
                  x):
                t = 2
            s = (
                x if y
                else z
            )
            r = (
                "one"
                "two"
            )
            q = f'''{x}
                {f(1)}
            '''
            p = Chain().a(
                1
            ).b().a(2,
                    3)
            (Chain()
                .a()
                .b())
            while (x <
                   3):
                x += 1
            for i in (
                1,
                f(2),
            ):
                o = i
            assert (
                x
                and y
            ), "no"
            n = x < \\
                y < \\
                f(9)
            m = [
                a
                for a in range(2)
                if f(a)
            ]
            k = f([b for b in
                   range(2)], f(1,
                                2))
            l = (lambda a,
                 b=f(3):
                 f(a,
                   b))
            l(1)
            j = sum(
                c
                for c in
                range(3)
                if c
            )
            w[
                0
            ] = f(
                1
            )
            (e,
             g) = (1,
                   2)
            w[0], \\
                h = f(1), 2
            z["a"] += (
                f(1))
            print(
                "x",
                end="",
                file=open("/dev/null", "w"),
            )
            return (
                x,
                f(
                    y)
            )
        """,
    "long displays": """
        def f(x):
            return x

        def main():
            a = [
                f(1),
                2,
                3, 4, 5, 6, 7, 8,
                9, 10, 11, 12, 13,
                14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                28, 29, 30, 31, 32,
                f(33),
            ]
            b = {
                1: f(1), 2: 2, 3: 3,
                4: 4, 5: 5, 6: 6, 7: 7,
                8: 8, 9: 9, 10: 10, 11: 11, 12: 12, 13: 13, 14: 14, 15: 15, 16: 16, 17: 17, 18: 18,
                19: f(19),
            }
            c = {
                *a,
                1,
            }
            d = f(
                *a[:1],
            )
            e = dict(a=1,
                     b=2, c=3, d=4, e=5, f=6, g=7, h=8, i=9,
                     j=10, k=11, l=12, m=13, n=14, o=15, p=16,
                     q=f(17))
            return a
        """,
    "coroutines": """
        import asyncio, contextlib

        class Lock:
            async def __aenter__(self):
                await asyncio.sleep(0)
                return self

            async def __aexit__(self, *exc):
                return True

        async def ticks(n):
            for i in range(n):
                yield i

        async def nap(n):
            await asyncio.sleep(0)
            if n == 2:
                raise ValueError(n)
            return n

        async def all_of_it():
            out = [i async for i in ticks(2)]
            async for i in ticks(3):
                if i == 1:
                    continue
                out.append(i)
            else:
                out.append("else")
            async with Lock() as lock, Lock():
                out.append(await nap(1))
            async with Lock():
                raise KeyError
            try:
                await nap(2)
            except ValueError as e:
                out.append(str(e))
            found = await asyncio.gather(nap(3), nap(4))
            task = asyncio.create_task(nap(5))
            x = await task
            out += {await nap(n) for n in (6, 7)}
            return out

        def main():
            return asyncio.run(all_of_it())
        """,
    "one-liners": """
        def f(x): return x
        def g(x):
            if x: return f(x)
            for i in range(x + 2): f(i)
            while x < 2: x += f(1)
            try: f(1 / 0)
            except ZeroDivisionError: y = f(2)
            with open("/dev/null") as h: f(h.read())
            a = f(1); b = f(2); return a + b
        class C: x = 1; y = f(2)
        def main(): z = [f(v) for v in (1, 2)]; w = {k: f(k) for k in z}; return sum(f(v) for v in z), g(0), g(1), C.y
        """,
    "deletions": """
        class Watched:
            def __init__(self, log):
                self.log = log

            def __del__(self):
                self.log.append("gone")

        def scope(log):
            w = Watched(log)
            n = 1
            return n

        def main():
            log = []
            w = Watched(log)
            w = None
            scope(log)
            xs = [Watched(log)]
            xs.clear()
            v = Watched(log)
            del v
            return log
        """,
    "found by name": """
        import json, operator

        class Sink:
            def write(self, text):
                return len(text)

            def on_a(self):
                return 1

            def on_b(self, x=2):
                return x

        class Visitor:
            def visit(self, kind):
                return getattr(self, "visit_" + kind)()

            def visit_x(self):
                return 1

        def encode(it):
            return str(it)

        def main():
            sink = Sink()
            print("x", 1, file=sink)
            a = getattr(sink, "on_a")()
            b = operator.methodcaller("on_b")(sink)
            c = Visitor().visit("x")
            d = json.dumps({"k": sink}, default=encode)
            e = globals()["encode"](1)
            return a, b, c
        """,
    "handed on": """
        class Sink:
            def __init__(self):
                self.seen = []

            def write(self, text):
                self.seen.append(text)
                return len(text)

            def on_a(self):
                return 1

        def main():
            sink = Sink()
            print("x", 1, file=sink)
            return getattr(sink, "on_a")() + len(sink.seen)
        """,
    "raises": """
        class Custom(Exception):
            pass

        def check(x):
            assert x, f"no {x}"
            assert isinstance(x, int)
            return x

        def deep(n):
            if n == 0:
                raise Custom("bottom")
            return deep(n - 1)

        def tries(f, *args):
            try:
                return f(*args)
            except (AssertionError, Custom, LookupError) as e:
                return repr(e)

        def unbound(flag):
            if flag:
                x = 1
            return x

        def group():
            try:
                raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
            except* ValueError as e:
                x = 1
            except* KeyError:
                x = 2
            return x

        def main():
            out = [tries(check, 1), tries(check, 0), tries(check, "s"), tries(deep, 2)]
            try:
                unbound(False)
            except UnboundLocalError:
                out.append("unbound")
            unbound(True)
            try:
                check()
            except TypeError:
                out.append("arity")
            try:
                missing
            except NameError:
                out.append("name")
            try:
                a, b = [1]
            except ValueError:
                out.append("unpack")
            try:
                [].nope
            except AttributeError:
                out.append("attribute")
            try:
                for x in 5:
                    pass
            except TypeError:
                out.append("iter")
            try:
                {[]: 1}
            except TypeError:
                out.append("hash")
            try:
                int("x") + 1
            except ValueError as error:
                out.append("int")
            else:
                out.append("else")
            group()
            def loops(n):
                return loops(n + 1)
            try:
                import nowhere
            except ImportError:
                out.append("import")
            try:
                from os import nothing_there
            except ImportError:
                out.append("from")
            return out
        """,
    "algorithms": """
        def bubble(xs):
            xs = list(xs)
            for i in range(len(xs)):
                for j in range(len(xs) - i - 1):
                    if xs[j] > xs[j + 1]:
                        xs[j], xs[j + 1] = xs[j + 1], xs[j]
            return xs

        def primes(n):
            sieve = [True] * (n + 1)
            found = []
            for p in range(2, n + 1):
                if sieve[p]:
                    found.append(p)
                    for q in range(p * p, n + 1, p):
                        sieve[q] = False
            return found

        def words(text):
            counts = {}
            for word in text.split():
                key = word.strip(".,").lower()
                counts[key] = counts.get(key, 0) + 1
            best = max(counts, key=counts.get)
            return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])), best

        def gcd(a, b):
            while b:
                a, b = b, a % b
            return a

        def flatten(tree):
            out = []
            for item in tree:
                if isinstance(item, list):
                    out.extend(flatten(item))
                else:
                    out.append(item)
            return out

        def balanced(text):
            stack = []
            pairs = {")": "(", "]": "["}
            for c in text:
                if c in pairs.values():
                    stack.append(c)
                elif c in pairs:
                    if not stack or stack.pop() != pairs[c]:
                        return False
            return not stack

        def search(xs, x):
            lo, hi = 0, len(xs)
            while lo < hi:
                mid = (lo + hi) // 2
                if xs[mid] < x:
                    lo = mid + 1
                else:
                    hi = mid
            return lo

        def transpose(rows):
            return [list(row) for row in zip(*rows)]

        def main():
            return (
                bubble([3, 1, 2]), primes(12), words("A b. a, c"), gcd(12, 18), flatten([1, [2, [3]]]),
                balanced("([)]"), balanced("[()]"), search([1, 3, 5], 4), transpose([[1, 2], [3, 4]]),
            )
        """,
}

DYNAMIC = {
    "executed": "`exec` and `eval` run text that the source does not show",
    "threads": "another thread changes a list while this one stands on a line",
}
"""Programs of the tracer's corpus that are left out of what must be predicted, and why."""
