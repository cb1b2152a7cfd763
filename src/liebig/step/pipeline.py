"""Pipeline schedules: the order of work on each rank, its idle time, micro-batches in flight, copies of weights.

Each schedule is one row of ``SCHEDULES``; time, memory, search and picture read it here.  Three numbers of a rank's
work on one micro-batch decide: F seconds forward, B seconds for gradients of inputs, W seconds for gradients of
weights.  With p ranks, m micro-batches, v chunks of layers on each rank and w = min(F, B, W), the idle time of a step
is::

    1f1b      (p - 1) (F + B + W) / v
    gpipe     (p - 1) (F + B + W)
    zb-1p     ((p - 1) (F + B) - min(m - 1, p - 1) w) / v
    zb-2p     (p - 1) (F + B) - min(m - 1, 2 (p - 1)) w, at least 0
    dualpipe  (p/2 - 1) (F + max(F, B) + max(B - W, 0))

The last three are the formulas of the papers wherever W is at most F and at most B and micro-batches are many.  With a
longer W, zb-1p in chunks and zb-2p idle at most that long; all others idle exactly that long.  With zb-2p a rank
begins the next step before all have ended this one, which needs an optimizer that checks norms of gradients
afterwards and takes steps back; the idle time is then that from step to step.

Sources: 1F1B and its interleaved form, Narayanan et al. 2021, arXiv:2104.04473; GPipe, Huang et al. 2019,
arXiv:1811.06965; ZB-1p and ZB-2p as the handcrafted ZB-H1 and ZB-H2 of Qi et al. 2023, arXiv:2401.10241; DualPipe,
DeepSeek-V3, arXiv:2412.19437, table 2, where a forward and a backward pass that overlap are taken to last as long as
both.  Tests play every order, with few micro-batches and with many, and find these times, and the micro-batches in
flight, again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liebig.catalog import constant

__all__ = [
    "SCHEDULES",
    "SCHEDULE_NAMES",
    "Block",
    "Kind",
    "Schedule",
    "Task",
    "fewest",
    "held",
    "idle_s",
    "possible",
    "weight_copies",
]

Array = NDArray[np.float64]
Kind = Literal["forward", "backward", "weights"]


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work: its kind, the micro-batch, and the stage that the micro-batch is in (0 is the first)."""

    kind: Kind
    micro_batch: int
    stage: int


#: What a rank does without a break; others see its results when all of it is done.
Block = tuple[Task, ...]


@dataclass(frozen=True)
class Schedule:
    """One schedule.

    Args:
        name: as users write it.
        title: in words.
        order: ranks, micro-batches, chunks -> for each rank its blocks of tasks, in order.
        idle: p, micro-batches, v, F, B, W -> idle seconds of a step, for equal stages.
        held: rank, p, micro-batches, v -> micro-batches whose activations a rank keeps at most.
        fewest: p, v -> micro-batches that it needs.
        divides: p, micro-batches, v -> whether it can run with these whole numbers, if micro-batches are enough.
        rule: what ``fewest`` and ``divides`` ask for, after "runs with".
        weight_copies: copies of weights and gradients that a rank keeps next to one stage's.
        splits_backward: gradients of weights are computed apart from those of inputs.
        overlaps_steps: a rank begins the next step before all have ended this one.
    """

    name: str
    title: str
    order: Callable[[int, int, int], list[list[Block]]]
    idle: Callable[[Array, Array, Array, Array, Array, Array], Array]
    held: Callable[[Array, Array, Array, Array], Array]
    fewest: Callable[[Array, Array], Array]
    divides: Callable[[Array, Array, Array], NDArray[np.bool_]]
    rule: str
    weight_copies: float = 1.0
    splits_backward: bool = False
    overlaps_steps: bool = False


def _visits(micro_batches: int, ranks: int, chunks: int, *, backward: bool) -> list[tuple[int, int]]:
    """(micro-batch, chunk) in the order of a rank: groups of as many micro-batches as ranks go through each chunk."""
    turns = reversed(range(chunks)) if backward else range(chunks)
    order = list(turns)
    groups = [range(g, min(g + ranks, micro_batches)) for g in range(0, micro_batches, ranks)]
    return [(m, c) for group in groups for c in order for m in group]


def _alternating(
    rank: int, ranks: int, micro_batches: int, chunks: int, warm_up: int, delay: int | None
) -> list[Block]:
    """Forward passes to fill the pipeline, then one backward and one forward pass in turn.

    Args:
        rank: whose order it is.
        ranks, micro_batches, chunks: sizes.
        warm_up: forward passes before the first backward pass.
        delay: backward passes after which gradients of weights follow; None computes them with those of inputs.
    """
    forward = [Task("forward", m, c * ranks + rank) for m, c in _visits(micro_batches, ranks, chunks, backward=False)]
    backward = [(m, c * ranks + rank) for m, c in _visits(micro_batches, ranks, chunks, backward=True)]
    warm_up = min(warm_up, len(forward))
    blocks: list[Block] = [(f,) for f in forward[:warm_up]]
    left = iter(forward[warm_up:])
    waiting: list[Task] = []
    for i, (m, stage) in enumerate(backward):
        inputs, weights = Task("backward", m, stage), Task("weights", m, stage)
        if delay is None:
            blocks.append((inputs, weights))
        else:
            blocks.append((inputs,))
            waiting.append(weights)
            if i >= delay:
                blocks.append((waiting.pop(0),))
        after = next(left, None)
        if after is not None:
            blocks.append((after,))
    return [*blocks, *((w,) for w in waiting)]


def _one_forward_one_backward(ranks: int, micro_batches: int, chunks: int) -> list[list[Block]]:
    return [_alternating(r, ranks, micro_batches, chunks, _warm_up(r, ranks, chunks), None) for r in range(ranks)]


def _warm_up(rank: int, ranks: int, chunks: int) -> int:
    return ranks - rank if chunks == 1 else (chunks - 1) * ranks + 2 * (ranks - 1 - rank) + 1


def _all_forward_all_backward(ranks: int, micro_batches: int, chunks: int) -> list[list[Block]]:
    return [_alternating(r, ranks, micro_batches, chunks, micro_batches * chunks, None) for r in range(ranks)]


def _zero_bubble_one(ranks: int, micro_batches: int, chunks: int) -> list[list[Block]]:
    """ZB-H1: gradients of weights wait for as many backward passes as the rank has ranks before it."""
    return [_alternating(r, ranks, micro_batches, chunks, _warm_up(r, ranks, chunks), r) for r in range(ranks)]


def _zero_bubble_two(ranks: int, micro_batches: int, chunks: int) -> list[list[Block]]:
    """ZB-H2: about twice as many forward passes fill the pipeline, and gradients of weights wait twice as long."""
    return [_alternating(r, ranks, micro_batches, 1, 2 * (ranks - r) - 1, 2 * r) for r in range(ranks)]


class _TwoWays:
    """The blocks of one rank of DualPipe: half of the micro-batches enter at the first rank, half at the last.

    ``way`` 0 is the one whose start is nearer to the rank; its micro-batches reach the rank first.
    """

    def __init__(self, rank: int, ranks: int, micro_batches: int) -> None:
        self.turned = rank >= ranks // 2
        self.stage = (rank, ranks - 1 - rank)
        self.half = micro_batches // 2
        self.next = {("forward", 0): 0, ("forward", 1): 0, ("backward", 0): 0, ("backward", 1): 0}
        self.blocks: list[Block] = []
        self.waiting: list[Task] = []

    def _task(self, kind: Literal["forward", "backward"], way: int) -> Task:
        entered = way ^ self.turned
        number = self.next[kind, entered]
        self.next[kind, entered] += 1
        return Task(kind, entered * self.half + number, self.stage[entered])

    def forward(self, way: int) -> None:
        self.blocks.append((self._task("forward", way),))

    def backward(self, way: int, *, split: bool = False) -> None:
        inputs = self._task("backward", way)
        weights = Task("weights", inputs.micro_batch, inputs.stage)
        self.blocks.append((inputs,) if split else (inputs, weights))
        if split:
            self.waiting.append(weights)

    def weights(self) -> None:
        self.blocks.append((self.waiting.pop(0),))

    def both(self, way: int) -> None:
        """A forward pass of one way with a backward pass of the other, which overlap."""
        forward = self._task("forward", way)
        inputs = self._task("backward", 1 - way)
        self.blocks.append((forward, inputs, Task("weights", inputs.micro_batch, inputs.stage)))


def _dual(ranks: int, micro_batches: int, chunks: int) -> list[list[Block]]:
    """DualPipe: fill from both ends, overlap passes of the two ways, and end on gradients of weights."""
    if ranks == 1:
        return _one_forward_one_backward(ranks, micro_batches, chunks)
    out = []
    for rank in range(ranks):
        near = min(rank, ranks - 1 - rank)  # ranks between this one and the nearer end
        far = ranks // 2 - near - 1  # and the middle
        work = _TwoWays(rank, ranks, micro_batches)
        for _ in range(2 * far):
            work.forward(0)
        for _ in range(near + 1):
            work.forward(0)
            work.forward(1)
        for _ in range(far):
            work.backward(1, split=True)
            work.weights()
            work.forward(1)
        for _ in range(micro_batches // 2 - ranks + near + 1):
            work.both(0)
            work.both(1)
        for _ in range(far):
            work.backward(1)
            work.both(1)
        for i in range(2 * (near + 1)):  # in the second half only gradients of inputs, which others wait for
            work.backward((i + 1) % 2, split=i > near)
        for _ in range(far):
            work.weights()
            work.backward(0, split=True)
        while work.waiting:
            work.weights()
        out.append(work.blocks)
    return out


def _one(p: Array, v: Array) -> Array:
    return np.ones(np.broadcast_shapes(np.shape(p), np.shape(v)))


def _a_group(p: Array, v: Array) -> Array:
    """With chunks a rank goes through each with as many micro-batches as there are ranks."""
    return np.where(v > 1, p, _one(p, v))


def _two_a_rank(p: Array, v: Array) -> Array:
    return np.where(p > 1, 2.0 * p, _one(p, v))


def _full_groups(p: Array, m: Array, v: Array) -> NDArray[np.bool_]:
    """With chunks, ranks wait for each other for ever unless micro-batches come in groups as large as the pipeline."""
    return np.asarray((v <= 1) | (p <= 1) | (np.remainder(m, p) == 0))


def _one_chunk(p: Array, m: Array, v: Array) -> NDArray[np.bool_]:
    return np.asarray((v <= 1) & (p + m > 0))


def _even(p: Array, m: Array, v: Array) -> NDArray[np.bool_]:
    return _one_chunk(p, m, v) & ((p <= 1) | ((np.remainder(p, 2.0) == 0) & (np.remainder(m, 2.0) == 0)))


def _drains_one_by_one(p: Array, m: Array, v: Array, f: Array, b: Array, w: Array) -> Array:
    """Ranks wait for the pipeline to fill and to drain, and compute gradients of weights together."""
    return (p - 1.0) * (f + b + w) / v + 0.0 * m


def _weights_fill(most: float) -> Callable[[Array, Array, Array, Array, Array, Array], Array]:
    """Gradients of weights fill the waiting, of one micro-batch after the other, of at most ``most (p - 1)``."""

    def idle(p: Array, m: Array, v: Array, f: Array, b: Array, w: Array) -> Array:
        filled = np.clip(m - 1.0, 0.0, most * (p - 1.0)) * np.minimum(np.minimum(f, b), w)
        return np.maximum((p - 1.0) * (f + b) - filled, 0.0) / v

    return idle


def _dual_idle(p: Array, m: Array, v: Array, f: Array, b: Array, w: Array) -> Array:
    return np.maximum(p / 2.0 - 1.0, 0.0) * (f + np.maximum(f, b) + np.maximum(b - w, 0.0)) + 0.0 * (m + v)


def _held_alternating(rank: Array, p: Array, m: Array, v: Array) -> Array:
    return np.minimum(np.where(v > 1, ((v - 1.0) * p + 2.0 * (p - 1.0 - rank) + 1.0) / v, p - rank), m)


def _held_zero_bubble(rank: Array, p: Array, m: Array, v: Array) -> Array:
    """Activations are kept until the gradients of weights have used them."""
    return np.minimum(np.where(v > 1, ((v - 1.0) * p + 2.0 * (p - 1.0) - rank + 1.0) / v, p), m)


#: What chunks ask for, as in Megatron-LM.
GROUPS = "vpp 1, or a number of micro-batches that the stages divide"
SCHEDULES: tuple[Schedule, ...] = (
    Schedule(
        "1f1b", "one forward, one backward", _one_forward_one_backward,
        _drains_one_by_one, _held_alternating, _a_group, _full_groups, GROUPS,
    ),
    Schedule(
        "zb-1p", "zero bubble in the memory of 1F1B", _zero_bubble_one,
        _weights_fill(1.0), _held_zero_bubble, _a_group, _full_groups, GROUPS,
        splits_backward=True,
    ),
    Schedule(
        "dualpipe", "DualPipe", _dual, _dual_idle,
        lambda rank, p, m, v: np.minimum(p + 1.0 + 0.0 * rank, m), _two_a_rank, _even,
        "an even number of stages, an even number of micro-batches and at least twice as many as stages, vpp 1",
        weight_copies=2.0, splits_backward=True,
    ),
    Schedule(
        "gpipe", "GPipe", _all_forward_all_backward, _drains_one_by_one,
        lambda rank, p, m, v: m + 0.0 * (p + rank), _one, _one_chunk, "vpp 1",
    ),
    Schedule(
        "zb-2p", "zero bubble in twice the memory of 1F1B", _zero_bubble_two,
        _weights_fill(2.0), lambda rank, p, m, v: np.minimum(2.0 * p - 1.0 + 0.0 * rank, m), _one, _one_chunk,
        "vpp 1", splits_backward=True, overlaps_steps=True,
    ),
)  # fmt: skip
SCHEDULE_NAMES: tuple[str, ...] = tuple(s.name for s in SCHEDULES)


def _by_row(schedule: ArrayLike, values: Callable[[Schedule], ArrayLike]) -> Array:
    """What each layout's schedule gives; rows that no layout has are not computed."""
    which = np.asarray(schedule, dtype=np.float64)
    numbers = np.unique(which)
    if numbers.size == 1:
        return np.asarray(values(SCHEDULES[int(numbers[0])]), dtype=np.float64)
    out: Array = np.asarray(values(SCHEDULES[int(numbers[0])]), dtype=np.float64)
    for number in numbers[1:]:
        out = np.where(which == number, values(SCHEDULES[int(number)]), out)
    return out


def idle_s(
    schedule: ArrayLike,
    p: ArrayLike,
    micro_batches: ArrayLike,
    v: ArrayLike,
    forward_s: ArrayLike,
    backward_s: ArrayLike,
    weights_s: ArrayLike,
) -> Array:
    """Idle seconds of a step on each rank of a pipeline of equal stages.

    Args:
        schedule: places in ``SCHEDULES``.
        p: ranks.
        micro_batches: of a step.
        v: chunks of layers on each rank.
        forward_s, backward_s, weights_s: seconds of a rank on one micro-batch, all its chunks: forward pass,
            gradients of inputs, gradients of weights.

    >>> float(idle_s(SCHEDULE_NAMES.index("1f1b"), 8, 32, 1, 1.0, 1.0, 1.0))
    21.0
    >>> [float(idle_s(SCHEDULE_NAMES.index("zb-1p"), 8, m, 1, 1.0, 1.0, 1.0)) for m in (4, 32)]
    [11.0, 7.0]
    """
    ranks, m, chunks = (np.asarray(x, dtype=np.float64) for x in (p, micro_batches, v))
    f, b, w = (np.asarray(x, dtype=np.float64) for x in (forward_s, backward_s, weights_s))
    plain = (ranks - 1.0) * (f + b + w) / chunks
    left = _by_row(schedule, lambda s: s.idle(ranks, m, chunks, f, b, w))
    return np.maximum(left, constant("step.least_idle") * plain)


def held(schedule: ArrayLike, rank: ArrayLike, p: ArrayLike, micro_batches: ArrayLike, v: ArrayLike) -> Array:
    """Micro-batches whose activations a rank keeps at most, a chunk of v counting as 1/v.

    One where there is no pipeline.

    >>> [float(held(SCHEDULE_NAMES.index(n), 0, 8, 32, 1)) for n in ("1f1b", "zb-2p", "dualpipe", "gpipe")]
    [8.0, 15.0, 9.0, 32.0]
    """
    r, ranks, m, chunks = (np.asarray(x, dtype=np.float64) for x in (rank, p, micro_batches, v))
    kept = _by_row(schedule, lambda s: s.held(r, ranks, m, chunks))
    return np.where(ranks > 1, kept, np.minimum(m, 1.0))


def weight_copies(schedule: ArrayLike, p: ArrayLike) -> Array:
    """Copies of weights and gradients that a rank keeps; one where there is no pipeline.

    >>> float(weight_copies(SCHEDULE_NAMES.index("dualpipe"), 8))
    2.0
    """
    return np.where(np.asarray(p) > 1, _by_row(schedule, lambda s: s.weight_copies), 1.0)


def fewest(schedule: ArrayLike, p: ArrayLike, v: ArrayLike) -> Array:
    """Micro-batches that the schedule needs at least.

    >>> fewest(SCHEDULE_NAMES.index("1f1b"), 8, [1, 4]).tolist()
    [1.0, 8.0]
    """
    ranks, chunks = np.asarray(p, dtype=np.float64), np.asarray(v, dtype=np.float64)
    return _by_row(schedule, lambda s: s.fewest(ranks, chunks))


def possible(schedule: ArrayLike, p: ArrayLike, micro_batches: ArrayLike, v: ArrayLike) -> NDArray[np.bool_]:
    """Whether the schedule can run with these whole numbers.

    >>> possible(SCHEDULE_NAMES.index("1f1b"), 8, [12, 16], 4).tolist()
    [False, True]
    """
    ranks, m, chunks = (np.asarray(x, dtype=np.float64) for x in (p, micro_batches, v))
    divides = np.asarray(_by_row(schedule, lambda s: s.divides(ranks, m, chunks)), dtype=bool)
    return divides & (m >= fewest(schedule, ranks, chunks))
