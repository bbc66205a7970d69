"""The full-screen front end."""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "120")
"""How often a second Textual looks whether something is to be painted: a key waits for up to two such looks."""
