"""Which `__repr__` may be called while a program is traced: one in which nothing is found that could change the
program, write, wait or run for ever.

The bytecode of the method, and of what it calls in the user's code, is read: no store but to its own locals, no
mutating method but on a container that it made, no call but to known harmless ones. Methods of installed packages
and of the standard library are trusted. Whatever an object refers to, some steps deep, must be tame as well, for a
repr asks for the reprs inside it. Refused is the rule in doubt; a refused object is shown by its class and address.
"""

import dis  # noqa: F401 - loaded before the program runs, not in the middle of it
import gc
import types
from itertools import islice
from time import perf_counter

from _cwm_tracer.bounded import bounded
from _cwm_tracer.harmless import Examiner, inherited

REFUSED, CALM, LOOPS = 0, 1, 2
SECONDS = 0.2
_STEPS = 64
_MANY = {list, tuple, set, frozenset, dict}
_NEAR = 16  # how many of the things that an object refers to a repr is taken to walk over
_HOOKS = ("__getattr__", "__getattribute__")
_ARGUMENTS = BaseException.__dict__["args"].__get__
_TEXTS = ("__repr__", "__str__", "__format__")

_PLAIN = {
    *(int, str, float, bool, bytes, complex, type(None), type, range, type(Ellipsis)),
    *(types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.CodeType),
    *(types.TracebackType, types.FrameType),
}


class Tame:
    """Asks objects for their text; `is_users` says of a code object whether the user wrote it."""

    def __init__(self, is_users):
        self._is_users = is_users
        self._verdicts = {}
        self._kinds = {}

    def asked(self, value, method, ask):
        """`ask(value)`, where `method` of its class is tame; None where it is not, or does not answer with text."""
        kind = type(value)
        verdict = self._verdicts.get((kind, method))
        if verdict is None:
            verdict = self.verdict(kind, method)
        if verdict == REFUSED or not self._calm_inside(value):
            return None
        began = perf_counter()
        try:
            text = bounded(ask, value, SECONDS) if verdict == LOOPS else ask(value)
        except KeyboardInterrupt:
            raise
        except BaseException:  # whatever it is, it is not the program's
            text = None
        if perf_counter() - began > SECONDS:
            self._verdicts[kind, method] = REFUSED
            text = None  # as in every frame from now on
        return text if type(text) is str else None

    def verdict(self, kind, method):
        """REFUSED, CALM, or LOOPS: tame, but to be watched."""
        found = self._verdicts.get((kind, method))
        if found is None:
            self._verdicts[kind, method] = CALM  # for one that meets itself
            found = self._verdicts[kind, method] = self._judge(kind, method)
        return found

    def _judge(self, kind, method):
        hooks = [inherited(kind, hook) for hook in _HOOKS]
        worst = CALM
        for function in (inherited(kind, method), *hooks):
            if isinstance(function, types.FunctionType):
                examiner = Examiner(self._is_users, kind)
                if self._is_users(function.__code__) and not examiner.passes(function):
                    return REFUSED
                worst = LOOPS if examiner.loops else worst
            elif type(function).__name__ not in ("wrapper_descriptor", "method_descriptor", "NoneType"):
                return REFUSED
        if isinstance(inherited(type(kind), "__getattribute__"), types.FunctionType):
            return REFUSED
        return worst

    def _calm_inside(self, value):
        """Whether nothing that the object refers to, some steps deep, is refused; generators would be used up."""
        if type(value) not in _MANY and _PLAIN.issuperset(map(type, gc.get_referents(value))):
            return True
        met, seen = [value], {id(value)}
        for item in met:
            for child in _referents(item):
                kind = type(child)
                if kind in _PLAIN or id(child) in seen:
                    continue
                if not self._calm_kind(kind) or (len(seen) < _NEAR and _is_used_up(kind)):
                    return False
                if len(met) >= _STEPS:
                    return True
                seen.add(id(child))
                met.append(child)
        return True

    def _calm_kind(self, kind):
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = all(self.verdict(kind, method) != REFUSED for method in _TEXTS)
        return found


def _is_used_up(kind):
    """Whether asking for all that it has takes that away: iterators, without files."""
    return inherited(kind, "__next__") is not None and kind.__module__ != "_io"


def _referents(item):
    """What an object holds, at most so many of them."""
    if type(item) in _MANY and len(item) > _STEPS:
        return [*islice(item, _STEPS), *(islice(item.values(), _STEPS) if type(item) is dict else ())]
    if isinstance(item, BaseException):
        return [_ARGUMENTS(item)]  # and not its traceback, which holds every frame below
    return gc.get_referents(item)
