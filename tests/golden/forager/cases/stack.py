class Stack:
    """Last in, first out."""

    def __init__(self):
        self._items = []

    def push(self, item):
        self._items.insert(0, item)

    def pop(self):
        if not self._items:
            raise KeyError("empty")
        return self._items.pop()

    @property
    def depth(self):
        return len(self._items)
