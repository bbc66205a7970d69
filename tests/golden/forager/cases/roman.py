VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def value(text):
    """The number that a Roman numeral writes."""
    total = 0
    before = 0
    for sign in reversed(text):
        number = VALUES[sign]
        if number < before:
            total += number
        else:
            total += number
        before = number
    return total
