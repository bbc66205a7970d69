from window import moving_average


def test_all_windows():
    assert moving_average([1, 2, 3, 4], 2) == [1.5, 2.5, 3.5]


def test_empty():
    assert moving_average([], 3) == []


def holdout_whole():
    assert moving_average([2, 4], 2) == [3.0]
