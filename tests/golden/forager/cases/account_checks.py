from account import Account


def test_deposit():
    account = Account("ann")
    account.deposit(5)
    assert account.balance == 5


def test_withdraw():
    account = Account("ann", 10)
    assert account.withdraw(4)
    assert account.balance == 6


def test_too_much():
    assert Account("ann", 1).withdraw(2) is False


def holdout_twice():
    account = Account("ann", 10)
    account.withdraw(3)
    account.withdraw(3)
    assert account.balance == 4
