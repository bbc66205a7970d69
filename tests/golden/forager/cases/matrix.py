def transpose(rows):
    """Rows as columns."""
    if not rows:
        return []
    return [[row[index] for row in rows] for index in range(len(rows))]


def multiply(left, right):
    columns = transpose(right)
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in left]
