def average(marks):
    """The mean mark; 0 where there is none."""
    total = 0
    for mark in marks:
        total += mark
    return total / len(marks)


def report(students):
    return {name: average(marks) for name, marks in students.items()}
