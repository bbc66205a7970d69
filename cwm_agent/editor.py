"""The user's own editor, in place of the screen for a while."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path


def edit_in_editor(text: bytes, suffix: str) -> bytes:
    """What `$VISUAL` or `$EDITOR` (else vi) makes of a text; OSError where it cannot be started or fails."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="cwm-agent-") as folder:
        file = Path(folder) / f"text{suffix}"
        file.write_bytes(text)
        done = subprocess.run([*command, str(file)], check=False)
        if done.returncode:
            raise OSError(f"{command[0]} ended with exit code {done.returncode}")
        return file.read_bytes()
