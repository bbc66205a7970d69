from binary import find


def test_middle():
    assert find([1, 3, 5], 3) == 1


def test_ends():
    assert find([1, 3, 5], 1) == 0
    assert find([1, 3, 5], 5) == 2


def test_missing():
    assert find([1, 3, 5], 4) == -1


def holdout_all():
    values = list(range(0, 40, 2))
    assert [find(values, value) for value in values] == list(range(20))
    assert find([], 1) == -1
