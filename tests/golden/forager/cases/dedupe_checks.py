from dedupe import unique


def test_nothing_twice():
    assert unique([1, 2]) == [1, 2]


def test_repeated():
    assert unique(["a", "b", "a"]) == ["a", "b"]


def holdout_many():
    assert unique([3, 3, 3, 1]) == [3, 1]
