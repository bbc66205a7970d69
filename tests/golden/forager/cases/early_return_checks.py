from early_return import all_positive, first_negative


def test_all():
    assert all_positive([1, 2])
    assert all_positive([])


def test_later():
    assert not all_positive([1, -2])


def test_first():
    assert first_negative([1, -1]) == 1


def holdout_deep():
    assert not all_positive([1, 2, 3, 0])
