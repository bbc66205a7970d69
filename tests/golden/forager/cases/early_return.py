def all_positive(numbers):
    """Whether no number is zero or less."""
    for number in numbers:
        if number <= 0:
            return False
        return True
    return True


def first_negative(numbers):
    for index, number in enumerate(numbers):
        if number < 0:
            return index
    return None
