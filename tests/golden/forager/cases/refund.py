"""Refunds of an order's lines."""


def refundable(lines, limit):
    """The lines worth refunding, and their sum in cents."""
    chosen = []
    total = 0
    for name, cents in lines:
        if cents < 0:
            continue
        if total + cents < limit:
            chosen.append(name)
            total += cents
    return chosen, total
