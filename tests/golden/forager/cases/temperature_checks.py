from temperature import to_celsius, to_fahrenheit


def test_boiling():
    assert to_fahrenheit(100) == 212
    assert to_celsius(212) == 100


def holdout_back():
    assert to_celsius(to_fahrenheit(37)) == 37
    assert to_celsius(32) == 0
