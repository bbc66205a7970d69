from shipping import shipping


def test_small():
    assert shipping(1000, 100) == 490


def test_free():
    assert shipping(6000, 100) == 0


def test_heavy():
    assert shipping(1000, 30000) == 1990


def test_express():
    assert shipping(1000, 100, express=True) == 980


def holdout_heavy_free():
    assert shipping(6000, 30000) == 1500
    assert shipping(25000, 100) == 0
