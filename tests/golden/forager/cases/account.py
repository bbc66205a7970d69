class Account:
    """Money that cannot go below zero."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("amount")
        self.balance += amount
        self.history.append(("in", amount))

    def withdraw(self, amount):
        if amount <= 0:
            raise ValueError("amount")
        if amount >= self.balance:
            return False
        balance = self.balance - amount
        self.history.append(("out", amount))
        return True
