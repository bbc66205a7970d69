"""The plain parts of rendering: bounded texts of scalars, of containers of scalars, and without addresses."""

CHARACTERS = 4000
CUT = "..."
_HUGE = 10**50
_BITS = 13000  # an int may have 4,300 digits as text since Python 3.11
_HEX = "0123456789abcdefABCDEF"
_FLAT = (bool, float, type(None))


def cut(text):
    """The text, its middle left out where it is too long."""
    if len(text) <= CHARACTERS:
        return text
    half = (CHARACTERS - len(CUT)) // 2
    return text[:half] + CUT + text[-half:]


def integer(value):
    """The digits of an int; its size where they are too many."""
    if -_HUGE < value < _HUGE or value.bit_length() <= _BITS:
        return int.__repr__(value)
    return "<int of %d bits>" % value.bit_length()


def string(value):
    """The repr of a str or bytes, its middle left out where it is too long."""
    if len(value) > CHARACTERS:
        half = CHARACTERS // 2
        value = value[:half] + (CUT if isinstance(value, str) else CUT.encode()) + value[-half:]
    return cut(repr(value))


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


def quick(value, kind):
    """The text of a container of scalars of one kind each, by the interpreter's own repr; None for any other."""
    size = len(value)
    if size > CHARACTERS // 3:
        return None
    try:
        if kind is dict:
            if not (_light(value, size) and _light(value.values(), size)):
                return None
            return _fitting(repr(value))
        if not _light(value, size):
            return None
        if kind is list or kind is tuple:
            return _fitting(repr(value))
        if not size or not ordered(values := list(value)):
            return None
        inside = repr(values)[1:-1]
        return _fitting("{%s}" % inside if kind is set else "frozenset({%s})" % inside)
    except (RuntimeError, ValueError):  # changed by another thread
        return None


def _light(values, size):
    """Whether all are scalars of one kind, and small."""
    kinds = set(map(type, values))
    if len(kinds) != 1:
        return not size
    kind = kinds.pop()
    if kind is int:
        return max(values) < _HUGE and min(values) > -_HUGE
    if kind is str or kind is bytes:
        return sum(map(len, values)) <= CHARACTERS
    return kind in _FLAT


def _fitting(text):
    return text if len(text) <= CHARACTERS else None
