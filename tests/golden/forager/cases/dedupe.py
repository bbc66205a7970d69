def unique(items):
    """Each item once, in order."""
    seen = set()
    found = []
    for item in items:
        if item in seen:
            continue
        found.append(item)
    return found
