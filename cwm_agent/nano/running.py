"""The training command: `python -m cwm_agent.nano train FOLDER --minutes 45`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import time
from pathlib import Path

import torch

from cwm_agent.errors import UsageError
from cwm_agent.nano.export import export
from cwm_agent.nano.kitchen import Kitchen
from cwm_agent.nano.model import make_model
from cwm_agent.nano.tokenizer import load_tokenizer
from cwm_agent.nano.train import BUDGET, STATE, TRUNK, Course, Plan, Team, is_over

TOKENIZER = "tokenizer.json"
_SAY, _SAVE = 30.0, 120.0
_STEADY = 0.8
"""The share of a run in which the rate stays; over the rest it falls."""


class _Stop:
    """Set by the signals that end a run in good order."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def train(options: argparse.Namespace) -> None:
    """Train to the end of the time or of the cooling; a run that is cooled ends with a model in the folder."""
    folder: Path = options.folder
    if not (folder / TOKENIZER).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.tokenizer / TOKENIZER, folder / TOKENIZER)
    if (folder / STATE).exists() and is_over(folder):
        raise UsageError(
            f"The run in {folder} has come to its end.", remedy=f"To train on, copy its {TRUNK} over {STATE}."
        )
    if options.tokens and not (folder / BUDGET).exists():
        _write_budget(options)
    if options.processes == 1:
        _train(0, options)
    else:
        _train_together(options)


def _write_budget(options: argparse.Namespace) -> None:
    model = make_model(load_tokenizer(options.folder), **dict(options.shape))
    parameters = sum(each.numel() for each in model.parameters())
    planned = {
        "parameters": parameters,
        "tokens": options.tokens,
        "training_flops": 6 * parameters * options.tokens,
        "minutes": options.minutes,
        "processes": options.processes,
        "device": options.device,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    (options.folder / BUDGET).write_text(json.dumps(planned, indent=1) + "\n", encoding="utf-8")


def _train_together(options: argparse.Namespace) -> None:
    """As many processes as are asked for; a signal to this one is handed on, and they end in good order."""
    started = torch.multiprocessing.spawn(_train, (options,), options.processes, join=False)

    def hand_on(number: int, _: object) -> None:
        for each in started.pids():
            os.kill(each, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_on)
    while not started.join():
        pass


def _train(rank: int, options: argparse.Namespace) -> None:
    os.nice(options.nice)
    torch.set_num_threads(options.threads)
    team = Team(rank, options.processes)
    if team.size > 1:
        _meet(team, options)
    course = Course(
        options.folder,
        load_tokenizer(options.folder),
        Plan(batch=options.batch),
        options.device,
        team,
        **dict(options.shape),
    )
    if options.cool and course.cooling is None:
        course.cool(options.cool)
    kitchen = Kitchen(options.data, options.folder, workers=0 if rank else options.workers, nice=options.nice)
    try:
        _Run(course, team, options).run(kitchen)
    finally:
        kitchen.close()
    if course.over and rank == 0:
        export(options.folder, options.folder, average=False)


def _meet(team: Team, options: argparse.Namespace) -> None:
    device = options.device
    if device == "cuda":
        torch.cuda.set_device(team.rank)
    place = options.folder.resolve() / f"meeting-{os.getppid()}"
    torch.distributed.init_process_group(
        "gloo" if device == "cpu" else "nccl", init_method=f"file://{place}", rank=team.rank, world_size=team.size
    )


class _Run:
    """One stretch of a course, up to the minutes or the tokens that were asked for."""

    def __init__(self, course: Course, team: Team, options: argparse.Namespace) -> None:
        self._course, self._team, self._cools = course, team, not options.constant
        self._seconds, self._tokens = options.minutes * 60, options.tokens
        self._stop = _Stop()
        self._began = self._said = self._saved = time.monotonic()
        self._first = course.step, course.tokens
        self._losses: list[float] = []

    def run(self, kitchen: Kitchen) -> None:
        """Learn from batch after batch, until the time or the cooling is over, or a signal asks for the end."""
        for batch in self._course.stream(kitchen):
            self._losses.append(self._course.learn(batch))
            passed = time.monotonic() - self._began
            spent = max(passed / self._seconds, self._course.tokens / self._tokens if self._tokens else 0)
            steady = self._course.cooling is None
            stops, cools = self._agreed(
                stop=self._stop.asked or (spent > 1 and (steady or not self._cools)),
                cool=self._cools and steady and spent > _STEADY,
            )
            if cools:
                steps = self._course.step - (0 if self._tokens else self._first[0])
                self._course.cool(max(1, round(steps * (1 - _STEADY) / _STEADY)))
            over = stops or self._course.over
            self._note(passed, over=over)
            if over:
                return

    def _agreed(self, *, stop: bool, cool: bool) -> tuple[bool, bool]:
        """What the first process, or a signal to any, decides for all of them."""
        said = torch.tensor([float(stop), float(cool and self._team.rank == 0)], device=self._course.device)
        self._team.add([said])
        return bool(said[0]), bool(said[1])

    def _note(self, passed: float, *, over: bool) -> None:
        course, now = self._course, time.monotonic()
        if now - self._said > _SAY or over:
            loss = sum(self._losses) / len(self._losses)
            course.losses.append((course.step, course.tokens, round(loss, 4), round(course.seconds)))
            speed = (course.tokens - self._first[1]) / passed
            self._said, self._losses = now, []
            if self._team.rank == 0:
                print(f"{time.strftime('%H:%M:%S')} step {course.step} shard {course.shard} {course.tokens / 1e6:.2f}M "
                      f"tokens {speed:.0f}/s loss {loss:.4f}", flush=True)  # fmt: skip
        if self._team.rank == 0 and (now - self._saved > _SAVE or over):
            course.save(STATE)
            self._saved = now
