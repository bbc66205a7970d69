from wordcount import count_words, top


def test_each_once():
    assert count_words("a b") == {"a": 1, "b": 1}


def test_several():
    assert count_words("No, no. yes") == {"no": 2, "yes": 1}


def holdout_top():
    assert count_words("x x x") == {"x": 3}
    assert top("b b a", 1) == ["b"]
