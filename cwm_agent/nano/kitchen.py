"""Shards made ahead of their use, in processes of their own."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from cwm_agent.nano.curriculum import rows
from cwm_agent.nano.shards import write_shard
from cwm_agent.nano.tokenizer import load_tokenizer


def path_of(folder: Path, number: int) -> Path:
    """Where this shard is kept."""
    return folder / f"shard-{number:05}.npz"


def make_shard(folder: Path, tokenizer: Path, number: int) -> None:
    """Make this shard, where it is not there yet."""
    path = path_of(folder, number)
    if not path.exists():
        write_shard(path, list(rows(load_tokenizer(tokenizer), number)))


class Kitchen:
    """Makes shards in so many processes; without any it waits until another kitchen has made them.

    Shards in the folder are taken as they are: a folder belongs to one tokenizer and one state of the curriculum.
    """

    def __init__(self, folder: Path, tokenizer: Path, *, workers: int, nice: int) -> None:
        self._folder, self._tokenizer, self._workers = folder, tokenizer, workers
        spawning = get_context("spawn")
        self._pool = ProcessPoolExecutor(workers, spawning, os.nice, (nice,)) if workers else None
        self._ordered: dict[int, Future[None]] = {}

    def take(self, number: int, end: int | None = None) -> Path:
        """The file of a shard, as soon as it is there; the next ones, below `end`, are made meanwhile."""
        path = path_of(self._folder, number)
        if self._pool is None:
            while not path.exists():
                time.sleep(0.2)
            return path
        ahead = number + 1 + self._workers
        for each in range(number, ahead if end is None else min(ahead, end)):
            if each not in self._ordered:
                self._ordered[each] = self._pool.submit(make_shard, self._folder, self._tokenizer, each)
        self._ordered.pop(number).result()
        return path

    def close(self) -> None:
        """Make no more."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
