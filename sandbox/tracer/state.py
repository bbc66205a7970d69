"""The locals of one activation as JSON, from step to step: what cannot have changed is not looked at again."""

from _json import encode_basestring_ascii as quoted

from _cwm_tracer.flat import Flat
from _cwm_tracer.texts import HUGE

_MISSING = object()


class Locals:
    """Names in the order in which they were first seen bound.

    Of the values, scalars alone are kept, and what is made of them; every other object's life stays its own.
    """

    __slots__ = ("_body", "_flats", "_kept", "_keys", "_render", "_shown")

    def __init__(self, keys, render):
        self._keys = keys
        self._render = render
        self._kept = {}  # name → an object that can never have another text
        self._flats = {}  # name → the container of scalars that it is bound to
        self._shown = {}  # name → `"name": "text"`
        self._body = ""

    def json(self, found):
        """The inside of the JSON object for these locals."""
        kept, shown, keys, flats = self._kept, self._shown, self._keys, self._flats
        changed, count = False, 0
        for name, value in found.items():
            key = keys[name]
            if not key:
                continue
            count += 1
            if kept.get(name, _MISSING) is value:
                continue
            if name in flats and flats[name].stands(value):
                continue
            if type(value) is int and -HUGE < value < HUGE:
                if name in flats:
                    del flats[name]
                kept[name] = value
                shown[name] = '%s"%d"' % (key, value)
                changed = True
            elif self._shows(name, key, value):
                changed = True
        if len(shown) != count:
            changed = True
            self._forget([name for name in shown if name not in found])
        if changed:
            self._body = ", ".join(shown.values())
        return self._body

    def _shows(self, name, key, value):
        """Bring one name up to date; whether its text is another."""
        kind = type(value)
        self._kept.pop(name, None)
        if kind is list or kind is dict:
            text = self._container(name, value, kind)
        else:
            self._flats.pop(name, None)
            text, frozen = self._render(value)
            text = quoted(text)
            if frozen:
                self._kept[name] = value
        fragment = key + text
        if self._shown.get(name) == fragment:
            return False
        self._shown[name] = fragment
        return True

    def _container(self, name, value, kind):
        """A list or dict as JSON; of one of scalars only what became another object is rendered."""
        flat = self._flats.pop(name, None)
        try:
            if flat is None or not flat.follows(value):
                flat = Flat.of(value, kind)
        except RuntimeError:  # changed by another thread
            flat = None
        if flat is None:
            return quoted(self._render(value)[0])
        self._flats[name] = flat
        return flat.text

    def _forget(self, names):
        for name in names:
            del self._shown[name]
            self._kept.pop(name, None)
            self._flats.pop(name, None)
