from refund import refundable


def test_fits_under_the_limit():
    assert refundable([("a", 10), ("b", 20)], 100) == (["a", "b"], 30)


def test_exactly_the_limit_is_allowed():
    assert refundable([("a", 60), ("b", 40)], 100) == (["a", "b"], 100)


def test_too_much_is_left_out():
    assert refundable([("a", 60), ("b", 50)], 100) == (["a"], 60)


def holdout_negative():
    assert refundable([("a", -1), ("b", 100)], 100) == (["b"], 100)
    assert refundable([("a", 7)], 6) == ([], 0)
