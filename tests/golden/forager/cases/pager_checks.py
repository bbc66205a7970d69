from pager import page, pages


def test_full():
    assert pages(20, 10) == 2


def test_rest():
    assert pages(21, 10) == 3


def test_page():
    assert page([1, 2, 3], 2, 2) == [3]


def holdout_small():
    assert pages(1, 10) == 1
    assert pages(0, 10) == 0
    assert pages(29, 10) == 3
