"""Files behind an `@` in the input, found by some of their letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.fuzzy import FuzzySearch

MOST = 50
_MENTION = re.compile(r"(?:^|\s)@(\S*)$")


def mention(before: str) -> str | None:
    """What of a file's name stands before the cursor, without the `@`; None where no file is being named."""
    found = _MENTION.search(before)
    return found[1] if found else None


def matching(files: Sequence[str], typed: str) -> tuple[tuple[str, str], ...]:
    """The files that have these letters in this order, the best match first, as completions."""
    if not typed:
        return tuple((f"@{name}", "") for name in files[:MOST])
    search = FuzzySearch()
    rated = [(search.match(typed, name)[0], name) for name in files if _has(name.lower(), typed.lower())]
    best = sorted((each for each in rated if each[0] > 0), key=lambda each: (-each[0], len(each[1]), each[1]))
    return tuple((f"@{name}", "") for _, name in best[:MOST])


def _has(name: str, typed: str) -> bool:
    """Whether the letters stand in the name in this order: what can be said before any rating."""
    at = -1
    for letter in typed:
        at = name.find(letter, at + 1)
        if at < 0:
            return False
    return True
