from initials import initials


def test_two():
    assert initials("ada lovelace") == "A.L."


def holdout_one():
    assert initials("grace") == "G."
