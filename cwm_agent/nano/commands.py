"""The commands that make a model, in the order of their use: `data`, `tokenizer`, `train`, `export`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cwm_agent.errors import ModelUnavailable
from cwm_agent.nano.shape import SHAPE

Commands = Any
"""What `ArgumentParser.add_subparsers` returns: its class has no public name."""
_ALL = "python -m cwm_agent.nano"


def add_commands(commands: Commands) -> None:
    """Add all of them."""
    _tokenizer(commands)
    _data(commands)
    _train(commands)
    _export(commands)


def _parser(commands: Commands, name: str, about: str, example: str, action: Callable[..., None]) -> Any:
    made = commands.add_parser(name, help=about, description=about, epilog=f"example: {_ALL} {name} {example}")
    made.set_defaults(action=action)
    return made


def _tokenizer(commands: Commands) -> None:
    parser = _parser(commands, "tokenizer", "learn the words of the small model", "work/nano", _run_tokenizer)
    parser.add_argument("folder", type=Path, help="where tokenizer.json is written")


def _run_tokenizer(options: argparse.Namespace) -> None:
    from cwm_agent.nano.wording import first_tokenizer

    options.folder.mkdir(parents=True, exist_ok=True)
    first_tokenizer().save(str(options.folder / "tokenizer.json"))


def _data(commands: Commands) -> None:
    about = "make shards of training data ahead; those that are there already stay"
    parser = _parser(commands, "data", about, "work/data --tokenizer work/nano --shards 40", _run_data)
    parser.add_argument("folder", type=Path, help="where the shards are written")
    parser.add_argument("--tokenizer", type=Path, required=True, help="the folder of tokenizer.json")
    parser.add_argument("--first", type=int, default=0, help="the first shard (default: 0)")
    parser.add_argument("--shards", type=int, required=True, help="how many")
    _add_workers(parser, os.cpu_count() or 1)


def _add_workers(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument("--workers", type=int, default=default, help=f"processes that make data (default: {default})")
    parser.add_argument("--nice", type=int, default=0, help="how far to stand back for other processes (default: 0)")


def _run_data(options: argparse.Namespace) -> None:
    from cwm_agent.nano.kitchen import Kitchen, path_of

    kitchen = Kitchen(options.folder, options.tokenizer, workers=options.workers, nice=options.nice)
    try:
        for number in range(options.first, options.first + options.shards):
            kitchen.take(number, options.first + options.shards)
            print(path_of(options.folder, number), flush=True)
    finally:
        kitchen.close()


def _train(commands: Commands) -> None:
    about = "train; stopped at any moment, the same command goes on from where it was"
    parser = _parser(commands, "train", about, "work/nano --minutes 45", _run_train)
    parser.add_argument("folder", type=Path, help="where the state is kept, and the model in the end")
    parser.add_argument("--tokenizer", type=Path, help="the folder of tokenizer.json (default: one is made)")
    parser.add_argument("--data", type=Path, help="the folder of the shards (default: data in the folder)")
    parser.add_argument("--minutes", type=float, default=45.0, help="when to stop (default: 45)")
    about = "when to stop, if that is sooner; a budget is written before the first step (default: none)"
    parser.add_argument("--tokens", type=int, default=0, help=about)
    parser.add_argument("--constant", action="store_true", help="do not let the rate fall over the last fifth")
    parser.add_argument("--cool", type=int, default=0, help="let the rate fall to nothing over so many steps, from now")
    parser.add_argument("--batch", type=int, default=4096, help="tokens of a step (default: 4096)")
    about = "another shape of a new model, as in config.json: hidden_size=96 num_hidden_layers=4"
    parser.add_argument("--shape", nargs="+", type=_number, default=[], metavar="NAME=NUMBER", help=about)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(default: cpu)")
    parser.add_argument("--processes", type=int, default=1, help="that share each batch: cores or GPUs (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="of each process (default: 1)")
    _add_workers(parser, 1)


def _number(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in SHAPE or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no NAME=NUMBER with a name of {', '.join(SHAPE)}")
    return name, int(number)


def _run_train(options: argparse.Namespace) -> None:
    options.data = options.data or options.folder / "data"
    options.tokenizer = options.tokenizer or options.folder
    if not (options.tokenizer / "tokenizer.json").exists():
        _run_tokenizer(argparse.Namespace(folder=options.tokenizer))
    _need_torch()
    from cwm_agent.nano.running import train

    train(options)


def _export(commands: Commands) -> None:
    about = "write the model of a training run as it ships"
    parser = _parser(commands, "export", about, "work/nano cwm_agent/nano/weights", _run_export)
    parser.add_argument("folder", type=Path, help="of the training run")
    parser.add_argument("output", type=Path, help="where the model is written")
    parser.add_argument("--average", action="store_true", help="the mean of the last weights: for a run not cooled")
    parser.add_argument("--full", action="store_true", help="32 bits a weight (default: 16)")


def _run_export(options: argparse.Namespace) -> None:
    _need_torch()
    from cwm_agent.nano.export import export

    export(options.folder, options.output, average=options.average, full=options.full)


def _need_torch() -> None:
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise ModelUnavailable(
            "Training takes torch and transformers, which this Python has not.",
            remedy="Install them with `pip install 'cwm-agent[embedded]'`.",
        )
