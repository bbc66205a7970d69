"""Values as source: an expression that makes an equal value, known to by how it is built, never by trying it."""

import math
import sys

_DEEPEST = 12
_LONGEST = 2000
_STANDARD = {
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("datetime", "date"),
    ("datetime", "datetime"),
    ("datetime", "time"),
    ("datetime", "timedelta"),
    ("uuid", "UUID"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
}


class Writer:
    """Writes expressions for one module, whose names are `space`."""

    def __init__(self, space):
        self._space = space

    def expression(self, value, depth=0):
        """The expression, or None where there is none that is sure."""
        text = self._any(value, depth)
        return text if text is not None and len(text) <= _LONGEST else None

    def _any(self, value, depth):
        kind = type(value)
        if kind in (int, str, bytes, bool, type(None)):
            return self._scalar(value)
        if kind is float:
            return repr(value) if math.isfinite(value) else 'float("%r")' % value
        if kind is complex or kind is range:
            return repr(value) if kind is range or math.isfinite(abs(value)) else None
        if depth > _DEEPEST:
            return None
        if kind in (list, tuple, set, frozenset, dict):
            return self._container(value, kind, depth)
        return self._object(value, kind, depth)

    def _scalar(self, value):
        if isinstance(value, int):
            return repr(value) if value.bit_length() < 4000 else None
        return repr(value) if not isinstance(value, (str, bytes)) or len(value) <= _LONGEST else None

    def _all(self, values, depth):
        """The expressions of values, or None where one has none."""
        if len(values) > _LONGEST:
            return None
        texts = []
        for value in values:
            text = self.expression(value, depth + 1)
            if text is None:
                return None
            texts.append(text)
        return texts

    def _container(self, value, kind, depth):
        if kind is dict:
            keys, values = self._all(list(value), depth), self._all(list(value.values()), depth)
            if keys is None or values is None:
                return None
            return "{%s}" % ", ".join("%s: %s" % pair for pair in zip(keys, values))  # noqa: B905 - `strict` is not in 3.8
        texts = self._all(list(value), depth)
        if texts is None:
            return None
        if kind is list:
            return "[%s]" % ", ".join(texts)
        if kind is tuple:
            return "(%s,)" % texts[0] if len(texts) == 1 else "(%s)" % ", ".join(texts)
        inside = "{%s}" % ", ".join(sorted(texts)) if texts else ""
        return inside if inside and kind is set else "%s(%s)" % (kind.__name__, inside)

    def _named(self, kind):
        """The class's name where the module knows the class by it."""
        return kind.__name__ if self._space.get(kind.__name__) is kind else None

    def _object(self, value, kind, depth):
        name = self._named(kind)
        if name is None:
            return None
        if (kind.__module__.split(".")[0], name) in _STANDARD:
            return self._standard(value, name)
        enum = sys.modules.get("enum")
        if enum is not None and issubclass(kind, enum.Enum):
            return "%s.%s" % (name, value.name) if kind.__members__.get(value.name) is value else None
        if issubclass(kind, tuple) and hasattr(kind, "_fields") and "__new__" in vars(kind):
            texts = self._all(list(value), depth)
            return None if texts is None else "%s(%s)" % (name, ", ".join(texts))
        return self._dataclass(value, kind, name, depth)

    def _standard(self, value, name):
        text = repr(value)
        if name in ("date", "datetime", "time", "timedelta"):
            return text[len("datetime.") :] if getattr(value, "tzinfo", None) is None else None
        return text

    def _dataclass(self, value, kind, name, depth):
        """The call of a generated `__init__`, which stores what it is given and does nothing else."""
        fields = vars(kind).get("__dataclass_fields__")
        if not fields or hasattr(kind, "__post_init__") or not _generated(kind):
            return None
        names = {field.name for field in sys.modules["dataclasses"].fields(kind)}  # without InitVar and ClassVar
        parts = []
        for field in fields.values():
            if not field.init or field.name not in names:
                return None
            text = self.expression(getattr(value, field.name, None), depth + 1)
            if text is None:
                return None
            parts.append("%s=%s" % (field.name, text))
        return "%s(%s)" % (name, ", ".join(parts))


def _generated(kind):
    """Whether the class's `__init__` was written by `dataclass`: such code has no file."""
    code = getattr(vars(kind).get("__init__"), "__code__", None)
    return code is not None and code.co_filename == "<string>"
