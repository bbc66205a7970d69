"""The colours of the roles that the whole program shares, on dark ground and on light."""

DARK = {
    "real": "#5cc8ae",
    "imagined": "#b79cf2",
    "good": "#86c987",
    "bad": "#ee7d78",
    "warn": "#e2b566",
    "lead": "#7fb0f0",
    "quiet": "#949cab",
    "faint": "#626a79",
    "code-keyword": "#c79bdd",
    "code-string": "#a9c98a",
    "code-number": "#dfae7a",
    "code-name": "#86b6ee",
    "code-comment": "#737c8c",
}
LIGHT = {
    "real": "#0b7a66",
    "imagined": "#7443c8",
    "good": "#2b7a3a",
    "bad": "#bf3b36",
    "warn": "#94640a",
    "lead": "#2862b8",
    "quiet": "#5e6675",
    "faint": "#8b92a0",
    "code-keyword": "#8a3fa8",
    "code-string": "#3f7020",
    "code-number": "#a35a12",
    "code-name": "#2862b8",
    "code-comment": "#838b98",
}
GROUND = {"dark": ("#d8dce4", "#14171c"), "light": ("#23272f", "#fbfaf7")}
"""Text and background of a picture."""
