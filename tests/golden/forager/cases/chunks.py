def chunks(items, size):
    """Pieces of at most `size` items."""
    found = []
    start = 0
    while start < len(items):
        found.append(items[start : start + size])
    return found
