def flatten(items):
    """Nested lists as one flat list."""
    found = []
    for item in items:
        if isinstance(item, list):
            found.append(flatten(item))
        else:
            found.append(item)
    return found
