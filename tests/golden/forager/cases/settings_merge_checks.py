from settings_merge import DEFAULTS, merged


def test_override():
    assert merged({"size": 5}) == {"colour": "blue", "size": 5}


def test_defaults_stay():
    merged({"colour": "red"})
    assert DEFAULTS["colour"] == "blue"


def holdout_again():
    merged({"new": 1})
    assert "new" not in DEFAULTS
