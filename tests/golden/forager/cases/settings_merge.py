DEFAULTS = {"colour": "blue", "size": 3}


def merged(own):
    """The defaults with one's own settings over them."""
    result = DEFAULTS
    for key, value in own.items():
        result[key] = value
    return result
