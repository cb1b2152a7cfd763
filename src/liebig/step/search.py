"""The best layouts of a model on a number of chips, weighed all at once.

Layouts form a grid: which tensor, context and expert sizes (a loop of a few turns), then one axis for
pipeline, interleaving and micro-batch, one for what is kept or computed again, one for each other choice.
Work of layers depends on few of the axes and is computed on those alone; only the last sums run over the
whole grid.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from liebig.cluster.chip import Chip
from liebig.cluster.fabric import Fabric
from liebig.errors import InputError
from liebig.step.calibration import Calibration, labels_of
from liebig.step.constants import Constants
from liebig.step.layout import INSIDE, Layouts
from liebig.step.memory import memory
from liebig.step.parts import parts
from liebig.step.pipeline import SCHEDULES
from liebig.step.pipeline import possible as schedule_possible
from liebig.step.software import Software
from liebig.step.time import assemble
from liebig.transformer.architecture import Architecture

__all__ = ["Found", "Space", "constants_of", "enumerate_layouts", "search"]

Array = NDArray[np.float64]
#: Layouts of a grid that are weighed together; bounds the memory of a search.
MOST = 2_000_000
#: Recomputation of a quarter, half, three quarters and all of the layers.
PARTS_COMPUTED_AGAIN = (1.25, 1.5, 1.75, 2.0)
#: Recomputation, sequence parallelism, gathering again, split sends: −1 leaves the last to the software.
Mode = tuple[float, float, float, float]


@dataclass(frozen=True)
class Space:
    """What a search may choose; None leaves a size open, several hold it to these."""

    tp: Sequence[int] | None = None
    pp: Sequence[int] | None = None
    cp: Sequence[int] | None = None
    ep: Sequence[int] | None = None
    micro_batch: Sequence[int] | None = None
    vpp: Sequence[int] | None = None
    recompute: Sequence[float] | None = None
    modes: Sequence[Mode] | None = None
    zero: Sequence[int] | None = None
    schedule: Sequence[int] = (0,)
    offload: Sequence[int] = (0,)
    overlap_tp: Sequence[float] = (-1.0,)
    overlap_dp: Sequence[float] = (-1.0,)
    place: Sequence[int] = (0,)


@dataclass(frozen=True)
class Found:
    """Layouts that fit, fastest first, with seconds of a step and bytes of the fullest chip."""

    layouts: Layouts
    step_s: Array
    memory_bytes: Array
    considered: int
    feasible: int
    least_memory_bytes: float

    def pareto(self) -> NDArray[np.intp]:
        """Places of layouts that no other beats in time and memory at once, fastest first."""
        best = np.minimum.accumulate(self.memory_bytes)
        return np.flatnonzero(np.r_[True, self.memory_bytes[1:] < best[:-1]])


@dataclass(frozen=True)
class _Problem:
    """What is searched: where, with what, and how much memory may be filled."""

    model: Architecture
    chip: Chip
    fabric: Fabric
    software: Software
    precision: str
    chips: int
    batch: int
    length: int
    space: Space


def _divisors(n: int) -> list[int]:
    low = [d for d in range(1, math.isqrt(n) + 1) if n % d == 0]
    return sorted({*low, *(n // d for d in low)})


def _pipelines(layers: int, chips: int) -> list[int]:
    """Stages that use every chip and leave none without a layer."""
    return [p for p in _divisors(chips) if p <= layers and -(-layers // p) * (p - 1) < layers]


def _outer(q: _Problem) -> list[tuple[int, int, int]]:
    """Tensor, context and expert sizes to look at."""
    model, chips, space = q.model, q.chips, q.space
    most = min(q.fabric.domain, chips, 64)
    tps = space.tp or [t for t in _divisors(model.n_heads) if t <= most and chips % t == 0]
    eps = space.ep or ([e for e in _divisors(model.n_experts) if e <= chips] if model.is_moe else [1])
    found = itertools.product(tps, space.cp or [1], eps)
    return [(t, c, e) for t, c, e in found if chips % (t * c) == 0 and model.n_heads % t == 0 and q.length % c == 0]


def _core(q: _Problem, tp: int, cp: int, ep: int) -> Array:
    """Rows of pp, dp, vpp, micro-batch, micro-batches; shape ``(5, n)``."""
    model, space = q.model, q.space
    out: list[tuple[int, int, int, int, int]] = []
    for pp in space.pp or _pipelines(model.n_layers, q.chips // (tp * cp)):
        rest = q.chips // (tp * cp)
        if rest % pp:
            continue
        dp = rest // pp
        if q.batch % dp or (dp * cp * tp) % ep:
            continue
        each = q.batch // dp
        stage = -(-model.n_layers // pp)
        vpps = [1]
        if pp > 1:
            vpps = list(space.vpp) if space.vpp else [v for v in _divisors(stage) if v <= 16]
        elif space.vpp and 1 not in space.vpp:
            continue
        micro = space.micro_batch or [m for m in _divisors(each) if m <= 128]
        out += [(pp, dp, v, m, each // m) for v in vpps for m in micro if each % m == 0 and stage % v == 0]
    return np.array(out, dtype=np.float64).reshape(-1, 5).T


def _modes(q: _Problem, tp: int) -> list[Mode]:
    if q.space.modes is not None:
        return list(q.space.modes)
    recompute = q.space.recompute
    if recompute is None:
        useless = q.software.fused_attention and not q.software.recompute_light  # nothing would be freed
        recompute = (0.0, *PARTS_COMPUTED_AGAIN) if useless else (0.0, 1.0, *PARTS_COMPUTED_AGAIN)
    return [(r, float(tp > 1), 1.0, -1.0) for r in recompute]


def _grid(q: _Problem, sizes: tuple[int, int, int], core: Array) -> tuple[Layouts, NDArray[np.bool_]]:
    """Layouts whose fields broadcast to the grid, and which of the grid are possible.

    Axes: core, mode, zero, schedule and offload, overlaps, place.
    """
    tp, cp, ep = sizes
    space = q.space

    def axis(values: Sequence[float] | Array, k: int) -> Array:
        shape = [1] * 6
        shape[k] = len(values)
        return np.asarray(values, dtype=np.float64).reshape(shape)

    pp, dp, vpp, micro, n_micro = (axis(row, 0) for row in core)
    modes = np.array(_modes(q, tp)).T
    recompute, sequence, regather, split = (axis(row, 1) for row in modes)
    zero = axis(space.zero or (1, 3), 2)
    schedule, offload = (axis(row, 3) for row in np.array(list(itertools.product(space.schedule, space.offload))).T)
    # without tensor ranks there is nothing to hide
    overlap_tp = space.overlap_tp if tp > 1 else space.overlap_tp[:1]
    overlaps = np.array(list(itertools.product(space.overlap_dp, overlap_tp))).T
    place = axis(space.place, 5)
    lay = Layouts.of(
        tp=tp, cp=cp, ep=ep, pp=pp, dp=dp, vpp=vpp, micro_batch=micro, n_micro=n_micro, recompute=recompute,
        sequence_parallel=sequence, regather=regather, split_sends=split, zero=zero, schedule=schedule,
        offload=offload, overlap_dp=axis(overlaps[0], 4), overlap_tp=axis(overlaps[1], 4), place=place,
    )  # fmt: skip
    # with a pipeline, sharded weights save nothing while a step runs: such layouts are tried where they are asked for
    possible = schedule_possible(schedule, pp, n_micro, vpp) & ~((zero > 1) & (dp * cp <= 1))
    if not space.zero:
        possible = possible & ~((zero >= 3) & (pp > 1))
    # groups of one are placed nowhere
    bits = place.astype(np.int64)
    for name, size in (("tp", lay.tp), ("pp", pp), ("dp", dp)):
        possible = possible & ~((bits & INSIDE[name] > 0) & (bits > 0) & (size <= 1))
    return lay, np.broadcast_to(possible, lay.shape)


def _fits_domain(q: _Problem, lay: Layouts) -> NDArray[np.bool_] | np.bool_:
    """Groups that are placed inside a scale-up domain must together fit into it."""
    if not np.any(lay.place > 0):
        return np.bool_(True)
    bits = lay.place.astype(np.int64)
    inside = np.ones(1)
    for name, size in (("tp", lay.tp), ("pp", lay.pp), ("dp", lay.dp)):
        inside = inside * np.where(bits & INSIDE[name], size, 1.0)
    return (lay.place <= 0) | (inside <= q.fabric.domain)


def _blocks(q: _Problem) -> Iterator[tuple[tuple[int, int, int], Array]]:
    """Tensor, context and expert sizes with pieces of the first axis small enough for the memory."""
    rest = len(q.space.zero or (1, 3)) * len(q.space.schedule) * len(q.space.offload) * len(q.space.place)
    rest *= len(q.space.overlap_dp) * len(q.space.overlap_tp)
    for sizes in _outer(q):
        core = _core(q, *sizes)
        if core.shape[1] == 0:
            continue
        step = max(1, MOST // (rest * len(_modes(q, sizes[0]))))
        for start in range(0, core.shape[1], step):
            yield sizes, core[:, start : start + step]


def enumerate_layouts(
    model: Architecture,
    chips: int,
    batch: int,
    length: int,
    fabric: Fabric,
    software: Software,
    space: Space | None = None,
) -> Layouts:
    """Every layout of a model on so many chips that the sizes allow, whether or not it fits; arrays of ``(n,)``.

    Args:
        model: the model.
        chips: all of them are used.
        batch: sequences of a step.
        length: tokens of a sequence.
        fabric: tensor parallelism stays within its scale-up domain.
        software: says whether scores are kept, and with that which recomputation makes a difference.
        space: what is held.

    Raises:
        InputError: none is possible; says why.
    """
    q = _Problem(model, _NO_CHIP, fabric, software, "bf16", chips, batch, length, space or Space())
    many = []
    for sizes, core in _blocks(q):
        lay, possible = _grid(q, sizes, core)
        many.append(lay.take(np.nonzero(possible)))
    if not any(lay.size for lay in many):
        raise InputError(_why_none(q))
    return Layouts.join(many)


_NO_CHIP = Chip(name="any", peak_bf16=1.0, memory_bytes=1.0, memory_bandwidth=1.0)


def _why_none(q: _Problem) -> str:
    s = q.space
    sizes = {"tp": s.tp, "pp": s.pp, "cp": s.cp, "ep": s.ep, "micro-batch": s.micro_batch, "vpp": s.vpp}
    held = [f"{k} {list(v)}" for k, v in sizes.items() if v]
    words = (
        f"no layout puts {q.model.name} ({q.model.n_layers} layers, {q.model.n_heads} heads) with {q.batch} sequences "
        f"of {q.length} tokens on {q.chips} chips{' with ' + ', '.join(held) if held else ''}: "
        "tp·pp·cp must divide the chips, tp the heads, cp the length, and the data-parallel size times the "
        "micro-batch the batch"
    )
    t, p, c = ((v or [1])[0] for v in (s.tp, s.pp, s.cp))
    if q.chips % (t * p * c) == 0:
        dp = q.chips // (t * p * c)
        unit = dp * (s.micro_batch or [1])[0]
        if q.batch % unit:
            return f"{words}; a batch of {unit * max(1, round(q.batch / unit))} sequences would do"
    rules = [f"schedule {SCHEDULES[n].name} runs with {SCHEDULES[n].rule}" for n in s.schedule]
    if s.zero and min(s.zero) > 1:
        rules.append(f"zero {min(s.zero)} needs at least two data or context ranks to share among")
    return "; ".join([words, *rules])


def constants_of(calibration: Calibration, chip: Chip, software: Software, precision: str) -> tuple[Constants, float]:
    """Constants for one machine and software, and the logarithm the whole step is off by."""
    constants, whole = calibration.apply(labels_of(chip, software, precision))
    plain = {f.name: float(np.asarray(getattr(constants, f.name))) for f in fields(Constants)}
    if chip.measured:  # timed on the very chip: nothing to correct for
        plain |= {"matmul": 1.0, "attention": 1.0, "stream": 1.0}
    return Constants(**plain), float(whole)


def search(
    model: Architecture,
    chip: Chip,
    fabric: Fabric,
    software: Software,
    precision: str,
    chips: int,
    batch: int,
    length: int,
    calibration: Calibration,
    space: Space | None = None,
    keep: int = 100,
    fill: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Found:
    """The fastest layouts that fit.

    Args:
        model, chip, fabric, software, precision: what runs where.
        chips: chips, all used.
        batch: sequences of a step.
        length: tokens of a sequence.
        calibration: constants of the step.
        space: sizes that are held.
        keep: how many layouts to return, next to those on the border of time and memory.
        fill: share of the memory that may be used.
        progress: called with the share that is done.

    Raises:
        InputError: no layout is possible, or none fits; says by how much.
    """
    q = _Problem(model, chip, fabric, software, precision, chips, batch, length, space or Space())
    constants, whole = constants_of(calibration, chip, software, precision)
    limit = fill * chip.memory_bytes
    kept: list[tuple[Layouts, Array, Array]] = []
    considered = feasible = 0
    least = math.inf
    blocks = list(_blocks(q))
    for done, (sizes, core) in enumerate(blocks, start=1):
        lay, possible = _grid(q, sizes, core)
        need = memory(model.shape, lay, float(length), software, precision).total
        considered += int(np.count_nonzero(possible))
        good = possible & (need <= limit) & _fits_domain(q, lay)
        here = np.where(possible, need, math.inf).min()
        least = min(least, float(here))
        n = int(np.count_nonzero(good))
        if n:
            feasible += n
            kept.append(_best_of_grid(q, sizes, core, good, need, constants, keep))
        if progress is not None:
            progress(done / len(blocks))
    if not considered:
        raise InputError(_why_none(q))
    if not kept:
        raise InputError(_too_large(q, considered, least, limit))
    time, need = np.concatenate([k[1] for k in kept]), np.concatenate([k[2] for k in kept])
    chosen = _best(time, need, keep)
    layouts = Layouts.join([k[0] for k in kept]).take(chosen)
    return Found(layouts, time[chosen] * math.exp(whole), need[chosen], considered, feasible, least)


def _best_of_grid(
    q: _Problem,
    sizes: tuple[int, int, int],
    core: Array,
    good: NDArray[np.bool_],
    need: Array,
    constants: Constants,
    keep: int,
) -> tuple[Layouts, Array, Array]:
    """The fastest layouts of a grid; rows of the first axis without any that fits are not timed."""
    rows = np.flatnonzero(good.any(axis=tuple(range(1, good.ndim))))
    lay, _ = _grid(q, sizes, core[:, rows])
    fits = good[rows]
    pieces = parts(q.chip, q.fabric, q.software, q.precision, q.model.shape, lay, float(q.length))
    time = np.where(fits, assemble(pieces, constants).total, math.inf)
    flat = np.flatnonzero(fits)
    times = time.ravel()[flat]
    needs = np.broadcast_to(need, good.shape)[rows].ravel()[flat]
    chosen = _best(times, needs, keep)
    return lay.take(np.unravel_index(flat[chosen], fits.shape)), times[chosen], needs[chosen]


def _best(time: Array, need: Array, keep: int) -> NDArray[np.intp]:
    """Places of the fastest few and of the border of time and memory, fastest first."""
    order = np.lexsort((need, time))
    sorted_need = need[order]
    border = np.r_[True, sorted_need[1:] < np.minimum.accumulate(sorted_need)[:-1]]
    border[:keep] = True
    return order[border]


def _too_large(q: _Problem, considered: int, least: float, limit: float) -> str:
    factor = least / limit
    more = f"{math.ceil(factor * q.chips):,} chips" if factor > 1 else "other sizes"
    return (
        f"{q.model.name} fits on {q.chips:,} {q.chip.name} in none of {considered:,} layouts: the leanest needs "
        f"{least / 1e9:.0f} GB, a chip holds {limit / 1e9:.0f} GB; take about {more}, a shorter sequence, full "
        "recomputation, the optimizer in the host's memory, or a chip with more memory"
    )
