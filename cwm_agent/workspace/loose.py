"""A file that is not under git: a copy of it and of the Python beside it, as a folder that can be snapshot."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cwm_agent.resources import cache_folder

FILES = 500
"""How many files may come along; the others are left out."""
BYTES = 16 * 1024 * 1024


def copy_of(file: Path) -> Path:
    """The copy of `file`, in a folder of ours that is the same each time and holds nothing else."""
    folder = file.resolve().parent
    target = cache_folder() / "loose" / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    room = BYTES
    for source in (file.resolve(), *_beside(folder)):
        copy = target / source.relative_to(folder)
        size = source.stat().st_size
        if copy.exists() or size > room:
            continue
        room -= size
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    return target / file.resolve().name


def _beside(folder: Path) -> Iterator[Path]:
    """The modules of the folder and the packages in it, links left out."""
    count = 0
    for top in sorted(folder.iterdir()):
        if top.is_symlink():
            continue
        inside = sorted(top.rglob("*.py")) if top.is_dir() and (top / "__init__.py").is_file() else [top]
        for path in inside:
            if path.suffix == ".py" and path.is_file() and not path.is_symlink():
                count += 1
                if count > FILES:
                    return
                yield path
