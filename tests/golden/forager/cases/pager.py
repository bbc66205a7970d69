def pages(total, size):
    """How many pages `total` items need."""
    return total // size


def page(items, number, size):
    """The items of a page, counted from 1."""
    start = (number - 1) * size
    return items[start : start + size]
