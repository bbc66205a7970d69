import re


def slug(title, separator="-"):
    """A title as part of an address."""
    words = re.findall(r"[a-z0-9]+", title)
    return separator.join(words)
