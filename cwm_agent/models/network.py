"""The arithmetic of CWM's architecture in numpy: what a model of a few million parameters needs, and no more.

A decoder as `CwmForCausalLM` of transformers computes it: RMS norms, rotary positions, grouped queries, SwiGLU, windows
on some layers; all in 32-bit floats, one text at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ROOM = 256  # positions by which memory grows at least


class Rotary(Struct, frozen=True, kw_only=True):
    """How positions turn pairs of numbers. A `factor` other than 1 slows long waves down, as Llama 3 does."""

    theta: float
    factor: float = 1.0
    low: float = 1.0
    high: float = 4.0
    trained: int = 8192

    def frequencies(self, size: int) -> Floats:
        """The angle by which each of `size` / 2 pairs turns from one position to the next."""
        turns = 1.0 / (self.theta ** (np.arange(0, size, 2, dtype=np.float32) / size))
        if self.factor == 1.0:
            return turns.astype(np.float32)
        lengths = 2 * math.pi / turns
        smooth = np.clip((self.trained / lengths - self.low) / (self.high - self.low), 0.0, 1.0)
        slowed: Floats = ((1 - smooth) * turns / self.factor + smooth * turns).astype(np.float32)
        return slowed


class Shape(Struct, frozen=True, kw_only=True):
    """The sizes of a network. `windows` has for each layer how far back it sees, 0 for everything."""

    vocabulary: int
    hidden: int
    inner: int
    heads: int
    groups: int
    head: int
    windows: tuple[int, ...]
    epsilon: float
    rotary: Rotary


class Layer(Struct, frozen=True):
    """The weights of one layer, each matrix as (inputs, outputs); what reads the same input is one matrix."""

    before: Floats
    attend: Floats
    attended: Floats
    between: Floats
    widen: Floats
    narrow: Floats


class Memory:
    """What the layers keep of the positions so far, for each group of heads.

    Keys are (layer, group, number, position), as a product with a few queries is fastest; values are
    (layer, group, position, number).
    """

    def __init__(self, shape: Shape) -> None:
        self.length = 0
        layers = len(shape.windows)
        self._keys: Floats = np.empty((layers, shape.groups, shape.head, 0), np.float32)
        self._values: Floats = np.empty((layers, shape.groups, 0, shape.head), np.float32)

    def cut(self, length: int) -> None:
        """Forget all but the first positions."""
        self.length = min(self.length, length)

    def take(self, other: Memory, length: int) -> None:
        """Have the first positions of another memory instead of one's own."""
        self.length = 0
        self.grow(length)
        self._keys[..., :length] = other._keys[..., :length]
        self._values[:, :, :length] = other._values[:, :, :length]
        self.length = length

    def grow(self, more: int) -> None:
        """Make room for more positions."""
        layers, groups, room, size = self._values.shape
        if (needed := self.length + more) <= room:
            return
        room = max(2 * room, needed, _ROOM)
        keys, values = self._keys, self._values
        self._keys = np.empty((layers, groups, size, room), np.float32)
        self._values = np.empty((layers, groups, room, size), np.float32)
        self._keys[..., : self.length] = keys[..., : self.length]
        self._values[:, :, : self.length] = values[:, :, : self.length]

    def add(self, layer: int, keys: Floats, values: Floats, first: int) -> tuple[Floats, Floats]:
        """Keep what a layer makes of new positions, (group, position, number) both; all from `first` to them."""
        end = self.length + keys.shape[1]
        self._keys[layer, :, :, self.length : end] = keys.transpose(0, 2, 1)
        self._values[layer, :, self.length : end] = values
        return self._keys[layer, :, :, first:end], self._values[layer, :, first:end]


class Network:
    """A decoder with its weights. It holds no state: what was read is in the memory that goes with each call."""

    def __init__(self, shape: Shape, embedding: Floats, layers: Sequence[Layer], norm: Floats, head: Floats) -> None:
        self.shape = shape
        self._embedding = embedding
        self._layers = tuple(layers)
        self._norm = norm
        self._head = head
        self._turns = shape.rotary.frequencies(shape.head)

    def memory(self) -> Memory:
        """One in which nothing is kept."""
        return Memory(self.shape)

    def read(self, ids: Sequence[int], memory: Memory) -> Floats:
        """Read one or more tokens after those in memory; the logits of what comes after the last."""
        with np.errstate(over="ignore"):  # where a gate is shut, its exponential is infinite, and its inverse right
            return self._read(ids, memory)

    def _read(self, ids: Sequence[int], memory: Memory) -> Floats:
        memory.grow(len(ids))
        hidden = self._embedding[np.asarray(ids)]
        angles = np.arange(memory.length, memory.length + len(ids), dtype=np.float32)[:, None] * self._turns
        turn = np.cos(angles), np.sin(angles)
        last = len(self._layers) - 1
        for number, layer in enumerate(self._layers):
            mixed = self._attention(number, _scaled(hidden, layer.before, self.shape.epsilon), turn, memory)
            if number == last:
                hidden, mixed = hidden[-1:], mixed[-1:]
            hidden = hidden + mixed @ layer.attended
            wide = _scaled(hidden, layer.between, self.shape.epsilon) @ layer.widen
            gate, up = wide[:, : self.shape.inner], wide[:, self.shape.inner :]
            hidden = hidden + (gate / (1 + np.exp(-gate)) * up) @ layer.narrow
        memory.length += len(ids)
        logits: Floats = (_scaled(hidden, self._norm, self.shape.epsilon) @ self._head)[0]
        return logits

    def _attention(self, number: int, inputs: Floats, turn: tuple[Floats, Floats], memory: Memory) -> Floats:
        shape, count, start = self.shape, len(inputs), memory.length
        made = (inputs @ self._layers[number].attend).reshape(count, -1, shape.head).transpose(1, 0, 2)
        turned = _turned(made[: shape.heads + shape.groups], turn)
        window, each = shape.windows[number], shape.heads // shape.groups
        first = max(0, start - window + 1) if window else 0
        keys, values = memory.add(number, turned[shape.heads :], made[shape.heads + shape.groups :], first)
        asked = turned[: shape.heads].reshape(shape.groups, each * count, shape.head)
        scores: Floats = (asked @ keys).reshape(shape.groups, each, count, -1)
        scores *= shape.head**-0.5
        if count > 1:
            scores += _mask(start, count, first, window)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        seen: Floats = (scores.reshape(shape.groups, each * count, -1) @ values).reshape(shape.heads, count, -1)
        return seen.transpose(1, 0, 2).reshape(count, -1)


def _scaled(hidden: Floats, weight: Floats, epsilon: float) -> Floats:
    mean = np.einsum("ij,ij->i", hidden, hidden)[:, None] / np.float32(hidden.shape[1])
    scaled: Floats = weight * (hidden / np.sqrt(mean + np.float32(epsilon)))
    return scaled


def _turned(made: Floats, turn: tuple[Floats, Floats]) -> Floats:
    """Each pair of the numbers of a head, which stand half a head apart, turned by the angle of its position."""
    cosine, sine = turn
    half = made.shape[-1] // 2
    left, right = made[..., :half], made[..., half:]
    return np.concatenate((left * cosine - right * sine, right * cosine + left * sine), axis=-1)


def _mask(start: int, count: int, first: int, window: int) -> Floats:
    """Minus infinity where a new position must not look: at later ones, and at those before its window."""
    own = np.arange(start, start + count)[:, None]
    other = np.arange(first, start + count)
    hidden = other > own
    if window:
        hidden |= other <= own - window
    mask: Floats = np.where(hidden, -np.inf, 0.0).astype(np.float32)
    return mask
