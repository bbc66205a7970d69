"""What training wrote beside a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NOTES = "training.json"


def notes(folder: Path) -> dict[str, Any]:
    """What training wrote beside the model; nothing where it wrote nothing."""
    file = folder / NOTES
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
