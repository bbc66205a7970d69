from average_guard import average, report


def test_mean():
    assert average([1, 2, 3]) == 2


def test_no_marks():
    assert average([]) == 0


def holdout_report():
    assert report({"a": [4], "b": []}) == {"a": 4, "b": 0}
