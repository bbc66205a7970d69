"""Values as text: the repr where it is safe to ask for it, bounded, and the same on every run.

Built-in containers are walked here, sets in sorted order. A `__repr__` written in Python is called only where
`tame.py` finds nothing in it that could change the program, wait or write; every other object is shown as
`object.__repr__` shows it. Addresses become `0x…`. What is longer than CHARACTERS, or deeper than DEPTH, is cut with
`...` in the place of what is left out.
"""

import builtins
import gc
import sys
import types
from itertools import islice

from _cwm_tracer.harmless import inherited
from _cwm_tracer.tame import Tame
from _cwm_tracer.texts import CHARACTERS, CUT, SCALARS, addressless, cut, default, integer, ordered, quick

DEPTH = 20
NESTED = 6  # so deep plain containers are left to the interpreter
_SORTED = 20000  # of a larger set the first ones that it gives are shown
_LEAVES = (
    *(types.FunctionType, types.BuiltinFunctionType, types.ModuleType, types.CodeType),
    *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
)
_SLOTS = type(object.__repr__)


class Renderer:
    """Renders values; `is_users` says of a code object whether the user wrote it."""

    def __init__(self, is_users):
        self._tame = Tame(is_users)
        self._plans = {}
        self._walkers = {list: _list, tuple: _tuple, dict: _dict, set: _set, frozenset: _set}
        self._direct = {}  # class → a function of the object alone

    def render(self, value):
        """The text of a value, and whether the same object can never have another."""
        kind = type(value)
        scalar = SCALARS.get(kind)
        if scalar is not None:
            return scalar(value), True
        direct = self._direct.get(kind)
        if direct is not None:
            return cut(direct(value)), False
        if kind in self._walkers:
            text = quick(value, kind)
            if text is not None:
                return text, kind is tuple or kind is frozenset
            text = quick(value, kind, NESTED)
            if text is not None:
                return text, False
        try:
            return cut(_Walk(self).any(value)), False
        except (RecursionError, RuntimeError):  # nested too deeply, or changed by another thread
            return default(kind), False

    def exception(self, kind, value):
        """`Name: text` of an exception that is on its way."""
        arguments = getattr(value, "args", None)
        if inherited(kind, "__str__") is BaseException.__str__ and type(arguments) is tuple and len(arguments) < 2:
            plain = arguments and type(arguments[0]) is str
            text = arguments[0] if plain else self.render(arguments[0])[0] if arguments else ""
        else:
            text = self._tame.asked(value, "__str__", str)
            if text is None and type(arguments) is tuple:
                text = ", ".join(self.render(argument)[0] for argument in arguments)
        return cut("%s: %s" % (kind.__name__, addressless(text)) if text else kind.__name__)

    def plan(self, kind):
        """How objects of a class that is no scalar become text: a function of the walk and the object."""
        found = self._plans.get(kind)
        if found is None:
            found = self._walker(kind)
            if found is None:
                direct = self._direct[kind] = self._alone(kind)
                found = _ignoring(direct)
            self._plans[kind] = found
        return found

    def _walker(self, kind):
        """For those that hold others."""
        method = inherited(kind, "__repr__")
        for base, walker in self._walkers.items():
            if method is base.__repr__ and issubclass(kind, base):
                return walker
        if kind is types.MethodType:
            return _bound_method
        if kind.__name__ == "async_generator_wrapped_value":
            return lambda walk, value: walk.any(gc.get_referents(value)[0])
        return None

    def _alone(self, kind):
        """For all others."""
        method = inherited(kind, "__repr__")
        if method is object.__repr__ or method is None:
            text = default(kind)
            return lambda _value: text
        if method is int.__repr__:
            return lambda value: integer(int.__index__(value))
        if isinstance(method, _SLOTS) and (kind in _LEAVES or method is type.__repr__):
            return lambda value: addressless(method(value))
        threading = sys.modules.get("threading")
        if threading is not None and issubclass(kind, threading.Thread):
            return lambda value: self._asked(value).replace(" %s)" % value.ident, ")")  # another on every run
        return self._asked

    def _asked(self, value):
        text = self._tame.asked(value, "__repr__", repr)
        if text is None:
            return default(type(value))
        return addressless(text)


def _ignoring(direct):
    return lambda _walk, value: direct(value)


class _Walk:
    """One value on its way to text: how much room is left, and in which containers we are."""

    def __init__(self, renderer):
        self._renderer = renderer
        self._inside = []
        self.room = CHARACTERS

    def any(self, value):
        """The text of a value."""
        kind = type(value)
        scalar = SCALARS.get(kind)
        text = scalar(value) if scalar is not None else self._nested(value, kind)
        self.room -= len(text)
        return text

    def _nested(self, value, kind):
        if id(value) in self._inside:
            return "[...]" if issubclass(kind, list) else "(...)" if issubclass(kind, tuple) else "{...}"
        if len(self._inside) >= DEPTH:
            return CUT
        self._inside.append(id(value))
        try:
            return self._renderer.plan(kind)(self, value)
        finally:
            self._inside.pop()

    def each(self, values):
        """The texts of values, comma between them, until the room is used up."""
        texts = []
        for value in values:
            if self.room <= 0:
                texts.append(CUT)
                break
            texts.append(self.any(value))
            self.room -= 2
        return texts


def _list(walk, value):
    return "[%s]" % ", ".join(walk.each(list.__getitem__(value, slice(0, CHARACTERS))))


def _tuple(walk, value):
    texts = walk.each(tuple.__getitem__(value, slice(0, CHARACTERS)))
    return "(%s,)" % texts[0] if len(texts) == 1 else "(%s)" % ", ".join(texts)


def _dict(walk, value):
    if value is builtins.__dict__:
        return "{...}"  # `exec` puts it into every namespace
    texts = []
    for key, item in list(islice(dict.items(value), CHARACTERS)):
        if walk.room <= 0:
            texts.append(CUT)
            break
        texts.append("%s: %s" % (walk.any(key), walk.any(item)))
    return "{%s}" % ", ".join(texts)


def _set(walk, value):
    kind = type(value)
    base = set if issubclass(kind, set) else frozenset
    values = list(islice(base.__iter__(value), _SORTED))
    inside = ", ".join(walk.each(values)) if ordered(values) else ", ".join(sorted(walk.each(values)))
    if not values:
        return "%s()" % kind.__name__
    return "{%s}" % inside if kind is set else "%s({%s})" % (kind.__name__, inside)


def _bound_method(walk, value):
    function = value.__func__
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", "?")
    return "<bound method %s of %s>" % (name, walk.any(value.__self__))
