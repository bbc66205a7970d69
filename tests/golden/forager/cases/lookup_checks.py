from lookup import basket, price


def test_known():
    assert price("apple") == 30


def test_unknown_costs_nothing():
    assert price("plum") == 0


def test_basket():
    assert basket(["apple", "pear"]) == 75


def holdout_mixed():
    assert basket(["pear", "kiwi"]) == 45
