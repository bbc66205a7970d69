class Cart:
    """Items with counts."""

    def __init__(self, items={}):
        self.items = items

    def add(self, name, count=1):
        self.items[name] = self.items.get(name, 0) + count

    def size(self):
        return sum(self.items.values())
