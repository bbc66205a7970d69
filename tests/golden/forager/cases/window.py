def moving_average(values, size):
    """Averages of every run of `size` neighbours."""
    found = []
    for start in range(len(values) - size):
        part = values[start : start + size]
        found.append(sum(part) / size)
    return found
