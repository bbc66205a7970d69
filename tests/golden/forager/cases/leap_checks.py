from leap import days, is_leap


def test_common():
    assert not is_leap(2023)
    assert not is_leap(1900)


def test_leap():
    assert is_leap(2024)
    assert is_leap(2000)


def holdout_days():
    assert days(2100) == 365
    assert days(2400) == 366
