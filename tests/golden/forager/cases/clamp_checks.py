from clamp import clamp, percent


def test_inside():
    assert clamp(5, 0, 10) == 5


def test_outside():
    assert clamp(50, 0, 10) == 10
    assert clamp(-5, 0, 10) == 0


def test_percent():
    assert percent(1, 4) == 25


def holdout_more():
    assert clamp(7, 8, 9) == 8
    assert percent(5, 4) == 100
