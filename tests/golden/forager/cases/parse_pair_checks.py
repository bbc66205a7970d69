from parse_pair import parse, parse_all


def test_plain():
    assert parse("a = 1") == ("a", "1")
    assert parse("nothing") is None


def test_value_with_sign():
    assert parse("url = x?y=2") == ("url", "x?y=2")


def holdout_all():
    assert parse_all("a=1\n\nb=c=d=e") == {"a": "1", "b": "c=d=e"}
