"""Which real functions training never sees: the one place that decides it, for the harvest and for the evaluation."""

from __future__ import annotations

import hashlib

SHARE = 5
"""One function in so many is held out."""


def is_held_out(function: str) -> bool:
    """Whether a function, as `module.qualname`, is kept for the evaluation; the same on every machine."""
    digest = hashlib.blake2b(function.encode(), digest_size=8, person=b"cwm-nano").digest()
    return int.from_bytes(digest) % SHARE == 0
