"""The plain parts of rendering: bounded texts of scalars, of containers of scalars, and without addresses."""

CHARACTERS = 4000
CUT = "..."
HUGE = 10**50
_BITS = 13000  # an int may have 4,300 digits as text since Python 3.11
_HEX = "0123456789abcdefABCDEF"
_FLAT = {bool, float, type(None)}
_NEST = {list, tuple, dict}


def cut(text):
    """The text, its middle left out where it is too long."""
    if len(text) <= CHARACTERS:
        return text
    half = (CHARACTERS - len(CUT)) // 2
    return text[:half] + CUT + text[-half:]


def integer(value):
    """The digits of an int; its size where they are too many."""
    if -HUGE < value < HUGE or value.bit_length() <= _BITS:
        return int.__repr__(value)
    return "<int of %d bits>" % value.bit_length()


def string(value):
    """The repr of a str or bytes, its middle left out where it is too long."""
    if len(value) > CHARACTERS:
        half = CHARACTERS // 2
        value = value[:half] + (CUT if isinstance(value, str) else CUT.encode()) + value[-half:]
    return cut(repr(value))


SCALARS = {
    **dict.fromkeys((bool, type(None), float, complex, type(Ellipsis), type(NotImplemented), range), repr),
    int: integer,
    str: string,
    bytes: string,
}
"""Classes whose objects never change and hold nothing that does, and how they become text."""


def scalar(value):
    """The text of an object of one of SCALARS."""
    return SCALARS[type(value)](value)


def default(kind):
    """What `object.__repr__` says, without the address."""
    module = kind.__module__
    if not isinstance(module, str) or module == "builtins":
        return "<%s object at 0x…>" % kind.__qualname__
    return "<%s.%s object at 0x…>" % (module, kind.__qualname__)


def addressless(text):
    """The text with every ` at 0x7f…` as ` at 0x…`."""
    if " at 0x" not in text:
        return text
    first, *rest = text.split(" at 0x")
    parts = [first]
    for part in rest:
        left = part.lstrip(_HEX)
        parts.append(" at 0x…" + left if len(part) - len(left) >= 6 else " at 0x" + part)
    return "".join(parts)


def ordered(values):
    """Sort values in place by what they are, where that has one meaning; whether it had."""
    kinds = set(map(type, values))
    if len(kinds) != 1 or kinds.pop() not in (int, str, bytes, bool):
        return False
    values.sort()
    return True


def quick(value, kind, depth=0):
    """The text of a container of scalars, by the interpreter's own repr; None for any other.

    With a depth, also lists, tuples and dicts in it, so many deep.
    """
    size = len(value)
    if size > CHARACTERS // 3:
        return None
    try:
        if kind is dict:
            plain = _light(value, size, 0) and _light(value.values(), size, depth)
            return _fitting(repr(value)) if plain else None
        if not _light(value, size, depth):
            return None
        if kind is list or kind is tuple:
            return _fitting(repr(value))
        values = list(value)
        if not size or not ordered(values):
            return None
        inside = repr(values)[1:-1]
        return _fitting("{%s}" % inside if kind is set else "frozenset({%s})" % inside)
    except (RuntimeError, ValueError):  # changed by another thread
        return None


def _light(values, size, depth):
    """Whether all are scalars, and small, or down to a depth containers of such."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        kind = next(iter(kinds))
        if kind is int:
            return max(values) < HUGE and min(values) > -HUGE
        if kind is str or kind is bytes:
            return sum(map(len, values)) <= CHARACTERS
        if kind in _FLAT:
            return True
    elif not size:
        return True
    return all(_small(value, depth) for value in values)


def _small(value, depth):
    """One element: a scalar, or down to a depth a container."""
    kind = type(value)
    if kind is int:
        return -HUGE < value < HUGE
    if kind is str or kind is bytes:
        return len(value) <= CHARACTERS
    if kind not in _NEST:
        return kind in SCALARS
    size = len(value)
    if depth <= 0 or size > CHARACTERS // 3:
        return False
    if kind is not dict:
        return _light(value, size, depth - 1)
    return _light(value, size, 0) and _light(value.values(), size, depth - 1)


def _fitting(text):
    return text if len(text) <= CHARACTERS else None
