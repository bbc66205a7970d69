"""The text of a list, tuple or dict of scalars, kept from step to step: only what became another object is rendered.

Scalars cannot change, so an element that is the same object has the same text. What is kept are the scalars, never
the container, whose life stays its own.
"""

from _json import encode_basestring_ascii as quoted
from operator import is_

from _cwm_tracer.texts import CHARACTERS, SCALARS, quick, scalar

_ENDS = {list: ('"[', ']"'), dict: ('"{', '}"')}


class Flat:
    """One container as it was last seen; `text` is its repr as JSON."""

    __slots__ = ("_heads", "_keys", "_parts", "_values", "kind", "text")

    def __init__(self, value, kind, text):
        self.kind = kind
        self._keys = list(value) if kind is dict else None
        self._values = list(value.values()) if kind is dict else list(value)
        self._parts = None
        self._heads = None
        self.text = text

    @classmethod
    def of(cls, value, kind):
        """The container, where it holds a moderate number of scalars alone; else None."""
        text = quick(value, kind)
        return None if text is None else cls(value, kind, quoted(text))

    def stands(self, value):
        """Whether `text` is still the text of the container, of which nothing has changed."""
        if len(value) != len(self._values):
            return False
        if self.kind is not dict:
            return all(map(is_, value, self._values))
        return list(value) == self._keys and all(map(is_, value.values(), self._values))

    def follows(self, value):
        """Bring `text` up to date; False where the container is no longer one of these."""
        values = value.values() if self.kind is dict else value
        same = list(map(is_, values, self._values))
        count = len(value)
        if self.kind is dict and not self._same_keys(value, count):
            return False
        if self._parts is None:
            self._divide()
        return self._change(list(values), same, count) and self._join()

    def _same_keys(self, value, count):
        """Whether the keys are those that were, perhaps with new ones behind them."""
        known = self._keys
        if count < len(known) or list(value)[: len(known)] != known:
            return False
        for key in list(value)[len(known) :]:
            if type(key) not in SCALARS:
                return False
            known.append(key)
        return True

    def _divide(self):
        """The texts of the elements, one by one."""
        count = len(self._values)
        if self._keys is not None:
            self._heads = [quoted(scalar(key))[1:-1] + ": " for key in self._keys]
            self._parts = [self._heads[at] + quoted(scalar(self._values[at]))[1:-1] for at in range(count)]
        else:
            self._parts = [quoted(scalar(value))[1:-1] for value in self._values]

    def _change(self, values, same, count):
        """Render what is another object than before; False where one is no scalar."""
        parts, heads = self._parts, self._heads
        if heads is not None:
            heads += [quoted(scalar(key))[1:-1] + ": " for key in self._keys[len(heads) :]]
        del parts[count:]
        at = -1
        try:
            while True:
                at = same.index(False, at + 1)
                if not self._render(values, at):
                    return False
        except ValueError:
            pass
        for at in range(len(parts), count):
            parts.append("")
            if not self._render(values, at):
                return False
        self._values = values
        return True

    def _render(self, values, at):
        value = values[at]
        if type(value) not in SCALARS:
            return False
        text = quoted(scalar(value))[1:-1]
        self._parts[at] = text if self._heads is None else self._heads[at] + text
        return True

    def _join(self):
        first, last = _ENDS[self.kind]
        self.text = first + ", ".join(self._parts) + last
        return len(self.text) <= CHARACTERS
