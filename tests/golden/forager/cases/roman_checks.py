from roman import value


def test_sum():
    assert value("VII") == 7


def test_difference():
    assert value("IX") == 9


def holdout_long():
    assert value("MCMXCIV") == 1994
