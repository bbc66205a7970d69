from slug import slug


def test_lower():
    assert slug("one two") == "one-two"


def test_mixed():
    assert slug("Hello World") == "hello-world"


def holdout_all_upper():
    assert slug("ABC def", "_") == "abc_def"
