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

    __slots__ = ("_heads", "_keys", "_parts", "_same", "_values", "kind", "text")

    def __init__(self, value, kind, text):
        self.kind = kind
        self._keys = list(value) if kind is dict else None
        self._values = list(value.values()) if kind is dict else list(value)
        self._parts = None
        self._heads = None
        self._same = []  # of each element, whether it is the object that it was; None where the keys are others
        self.text = text

    @classmethod
    def of(cls, value, kind):
        """The container, where it holds a moderate number of scalars alone; else None."""
        text = quick(value, kind)
        return None if text is None else cls(value, kind, quoted(text))

    def stands(self, value):
        """Whether the value is such a container, of which nothing has changed."""
        if type(value) is not self.kind:
            return False
        if self.kind is dict:
            if list(value) != self._keys:
                self._same = None
                return False
            self._same = list(map(is_, value.values(), self._values))
        else:
            self._same = list(map(is_, value, self._values))
        return False not in self._same and len(value) == len(self._values)

    def follows(self, value):
        """Bring `text` up to date; False where the value is no longer such a container. Comes after `stands`."""
        if type(value) is not self.kind:
            return False
        count = len(value)
        if self._same is None:
            if not self._more_keys(value, count):
                return False
            self._same = list(map(is_, value.values(), self._values))
        if self._parts is None:
            self._divide()
        values = list(value.values() if self.kind is dict else value)
        return self._change(values, count) and self._join()

    def _more_keys(self, value, count):
        """Whether there are new keys behind those that were."""
        known = self._keys
        keys = list(value)
        if count < len(known) or keys[: len(known)] != known:
            return False
        for key in keys[len(known) :]:
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

    def _change(self, values, count):
        """Render what is another object than before; False where one is no scalar."""
        parts, heads, same = self._parts, self._heads, self._same
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
