"""How long until a sandbox with a snapshot of 50,000 files (1 GB) is ready, beside copying the tree.

    python -m benchmarks.snapshot_ready [--files N] [--bytes N]

Ready means: the container runs, and a command in it read a file of the snapshot. Times are of one process after
another, wall clock, with warm file caches; the table is written to benchmarks/results/snapshot_ready.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import machine, write
from cwm_agent.containers.container import Container, start_container
from cwm_agent.containers.engine import Engine
from cwm_agent.containers.files import ContainerFiles
from cwm_agent.containers.image import Image, command_user, ensure_image
from cwm_agent.containers.snapshot import Snapshot, take
from cwm_agent.settings import SandboxSettings
from cwm_agent.workspace.listing import list_files
from cwm_agent.workspace.repository import Repository

REPEATS = 5
Row = tuple[str, list[float]]


class Rows(list[Row]):
    """What was measured; each row is told as it comes."""

    def append(self, row: Row) -> None:
        print(f"{row[0]}: {', '.join(f'{seconds:.2f}' for seconds in row[1])}", file=sys.stderr, flush=True)
        super().append(row)


def make_tree(root: Path, files: int, size: int) -> None:
    """Text that compresses by half, in folders of a hundred, committed."""
    chance = random.Random(7)
    for folder in range(files // 100):
        place = root / f"part{folder // 50}" / f"folder{folder}"
        place.mkdir(parents=True)
        for number in range(100):
            (place / f"file{number}.txt").write_text(chance.randbytes(size // 2).hex())
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.compression=1", "-c", "gc.auto=0"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)


def touch(root: Path, turn: int) -> None:
    """Change 100 files."""
    for number in range(100):
        (root / "part0" / f"folder{number % 10}" / f"file{number}.txt").write_text(f"turn {turn} of {number}\n")


class Bench:
    def __init__(self, engine: Engine, image: Image, root: Path) -> None:
        self.engine = engine
        self.image = image
        self.root = root
        self.settings = SandboxSettings()

    async def ready(self) -> tuple[float, Snapshot, Container]:
        began = time.perf_counter()
        repository = Repository.open(self.root)
        snapshot = await take(self.engine, repository, session="bench", uid=command_user(), image=self.image)
        container = await start_container(
            self.engine, self.image, session="bench", mounts=snapshot.mounts, settings=self.settings
        )
        await container.run_once(["cat", "/workspace/part0/folder7/file7.txt"])
        return time.perf_counter() - began, snapshot, container

    async def once(self) -> float:
        seconds, snapshot, container = await self.ready()
        await container.remove()
        await snapshot.release()
        return seconds

    async def repeated(self, *, changed: bool) -> list[float]:
        found = []
        for turn in range(REPEATS):
            if changed:
                touch(self.root, random.randrange(10**9) + turn)
            found.append(await self.once())
        return found

    async def rescans(self) -> tuple[list[float], list[float]]:
        """How long the file service takes to say what changed: the first time, and after."""
        _, snapshot, container = await self.ready()
        files = ContainerFiles.of(container, snapshot)
        found = []
        for _ in range(REPEATS + 1):
            began = time.perf_counter()
            await files.changes()
            found.append(time.perf_counter() - began)
        await files.aclose()
        await container.remove()
        await snapshot.release()
        return found[:1], found[1:]

    def copied(self, home: Path) -> float:
        """The plain way: copy the tree, and mount the copy."""
        began = time.perf_counter()
        subprocess.run(["cp", "-a", str(self.root), str(home / "copy")], check=True)
        self._run("-v", f"{home / 'copy'}:/workspace")
        seconds = time.perf_counter() - began
        shutil.rmtree(home / "copy")
        return seconds

    def docker_copied(self) -> float:
        """The plain way where the engine is elsewhere: `docker cp` into a container, then start it."""
        began = time.perf_counter()
        create = ["docker", "create", "--entrypoint", "cat", self.image.tag, "/workspace/part0/folder7/file7.txt"]
        name = subprocess.run(create, check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["docker", "cp", "-q", f"{self.root}/.", f"{name}:/workspace"], check=True)
        subprocess.run(["docker", "start", "-a", name], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        subprocess.run(["docker", "rm", "-f", name], check=True, stdout=subprocess.DEVNULL)
        return seconds

    def _run(self, *options: str) -> None:
        command = ["docker", "run", "--rm", *options, "--entrypoint", "cat", self.image.tag]
        subprocess.run([*command, "/workspace/part0/folder7/file7.txt"], check=True, stdout=subprocess.DEVNULL)


async def measure(home: Path, files: int, size: int) -> list[Row]:
    engine = await Engine.connect()
    image = await ensure_image(engine, SandboxSettings(), lambda _: None)
    root = home / "repository"
    make_tree(root, files, size)
    bench = Bench(engine, image, root)
    rows = Rows()
    rows.append(("first time", [await bench.once()]))
    rows.append(("again, nothing changed", await bench.repeated(changed=False)))
    rows.append(("again, 100 files changed", await bench.repeated(changed=True)))
    _, snapshot, container = await bench.ready()
    rows.append(("beside a live sandbox, nothing changed", await bench.repeated(changed=False)))
    rows.append(("beside a live sandbox, 100 files changed", await bench.repeated(changed=True)))
    await container.remove()
    await snapshot.release()
    began = time.perf_counter()
    list_files(Repository.open(root))
    rows.append(("of which: list the files", [time.perf_counter() - began]))
    first, later = await bench.rescans()
    rows.append(("what changed, asked the first time", first))
    rows.append(("what changed, asked again", later))
    rows.append(("peer: `cp -a`, bind mount, `docker run`", [bench.copied(home) for _ in range(2)]))
    rows.append(("peer: `docker cp`, `docker start`", [bench.docker_copied() for _ in range(2)]))
    await engine.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--bytes", type=int, default=20_480)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["CWM_AGENT_HOME"] = str(Path(name) / "agent")
        rows = asyncio.run(measure(Path(name), options.files, options.bytes))
    note = (
        f"Seconds until a container runs over {options.files:,} files of {options.files * options.bytes / 1e9:.2f} GB "
        f"and a command in it read one. Goal: again, nothing changed, at most 1.5 s. {machine()} Load at the end: "
        f"{os.getloadavg()[0]:.1f}."
    )
    numbers = [[f"{value:.2f}" for value in (statistics.median(found), min(found), max(found))] for _, found in rows]
    lines = [[name, *values, str(len(found))] for (name, found), values in zip(rows, numbers, strict=True)]
    write("snapshot_ready", "Sandbox and snapshot ready", note, ["what", "median", "least", "most", "runs"], lines)


if __name__ == "__main__":
    main()
