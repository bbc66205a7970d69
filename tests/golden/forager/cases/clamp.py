def clamp(value, low, high):
    """The value, no less than low and no more than high."""
    return min(low, max(value, high))


def percent(part, whole):
    """Whole percent, within 0 and 100."""
    return clamp(round(100 * part / whole), 0, 100)
