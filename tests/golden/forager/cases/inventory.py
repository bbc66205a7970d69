class Inventory:
    """Stock by name with a level below which to order again."""

    def __init__(self, reorder=5):
        self.stock = {}
        self.reorder = reorder

    def receive(self, name, amount):
        self.stock[name] = self.stock.get(name, 0) + amount

    def ship(self, name, amount):
        have = self.stock.get(name, 0)
        if have < amount:
            raise LookupError(name)
        self.stock[name] = amount - have

    def short(self):
        return sorted(name for name, amount in self.stock.items() if amount < self.reorder)
