from cases_exception import number, numbers


def test_good():
    assert number("12") == 12


def test_bad():
    assert number("x", 0) == 0


def holdout_list():
    assert numbers(["1", "a", "2"]) == [1, 2]
