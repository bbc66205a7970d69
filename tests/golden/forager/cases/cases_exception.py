def number(text, default=None):
    """The text as a number, or the default."""
    try:
        return int(text)
    except TypeError:
        return default


def numbers(texts):
    found = [number(text) for text in texts]
    return [one for one in found if one is not None]
