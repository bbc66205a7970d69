from greeting import greeting


def test_morning():
    assert greeting("Ann", 9) == "Good morning, Ann!"


def holdout_evening():
    assert greeting("Bob", 20) == "Good evening, Bob!"
