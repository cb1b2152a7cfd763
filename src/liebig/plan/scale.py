"""How far training scales: utilisation against the size of a run, where latency ends it, and what moves that.

For every amount of FLOP the compute-optimal model, its tokens and its batch follow; then the fewest chips are
sought with which some layout finishes in time.  Sizes are real numbers here, not whole ones.  Where no number of
chips finishes in time lies the latency wall: more chips no longer shorten a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from liebig.cluster.borrowed import notes_on
from liebig.cluster.chip import Chip
from liebig.cluster.fabric import Fabric, fabric_of
from liebig.errors import RangeError
from liebig.plan.inputs import chip_of, precision_on
from liebig.plan.loss import optimal
from liebig.plan.multi_site import SiteLink, exchange_s
from liebig.quantities import format_scientific as sci
from liebig.reading import made
from liebig.step.calibration import builtin_calibration
from liebig.step.layout import Layouts
from liebig.step.memory import memory
from liebig.step.parts import parts
from liebig.step.pipeline import SCHEDULE_NAMES, fewest
from liebig.step.search import constants_of
from liebig.step.software import Software, software
from liebig.step.time import Breakdown, assemble
from liebig.tables import Table
from liebig.transformer.shape import Shape

__all__ = ["Scale", "ScaleInput", "Wall", "find_scale", "find_walls"]

Array = NDArray[np.float64]
Progress = Callable[[float], None]
SECONDS_PER_DAY = 86_400.0
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
#: Sequences are this long; longer ones only move work from products to attention.
LENGTH = 8192.0
#: Least and most chips that are looked at.
LEAST, MOST = 8.0, 1e14
#: Schedules that are tried; the others keep more than they spare here, or ask for a special optimizer.
TRIED = ("1f1b", "zb-1p")


class ScaleInput(BaseModel):
    """What is swept, and with which machines.

    >>> ScaleInput().days
    90.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    chip: str | dict[str, Any] = Field(default="H100-SXM", description="name, file or numbers of the accelerator")
    precision: str = Field(default="bf16", description="of the matrix products")
    days: Amount = Field(default=90.0, description="how long a run may take")
    smallest: Annotated[float, Field(ge=1e20, le=1e40)] = Field(default=1e24, description="FLOP")
    largest: Annotated[float, Field(ge=1e20, le=1e40)] = Field(default=1e31, description="FLOP")
    per_decade: Annotated[int, Field(ge=1, le=20)] = Field(default=4, description="sizes per factor of ten")
    fit: Literal["hoffmann", "besiroglu", "ratio"] = Field(
        default="besiroglu",
        description="which scaling law gives the compute-optimal model; ratio: tokens per parameter",
    )
    tokens_per_parameter: Amount = Field(default=20.0, description="with fit = ratio")
    batch_tokens: Amount = Field(default=4.2e6, description="batch of a model of 70 billion parameters, tokens")
    batch_exponent: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5, description="growth of the batch with size"
    )
    depth_exponent: Annotated[float, Field(ge=0, le=0.5)] = Field(default=0.27, description="growth of depth with size")
    network_gbit: Amount | None = Field(default=None, description="network per chip, Gbit/s each way")
    bandwidth_factor: Amount = Field(default=1.0, description="of all links")
    latency_factor: Amount = Field(default=1.0, description="of all links")
    launch_factor: Annotated[float, Field(ge=0, le=1e3)] = Field(default=1.0, description="of launching kernels")
    domain: Annotated[int, Field(ge=1, le=10**6)] | None = Field(default=None, description="chips of a scale-up domain")
    sites: Annotated[int, Field(ge=1, le=1000)] = Field(default=1, description="places that share the run")
    distance_km: Annotated[float, Field(ge=0, le=40_000)] = Field(
        default=1000.0, description="between neighbouring sites"
    )
    site_tbit: Amount = Field(default=100.0, description="bandwidth between sites, Tbit/s each way")
    inner_steps: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1, description="steps between exchanges of sites (1: every step; DiLoCo: hundreds)"
    )


@dataclass(frozen=True)
class Wall:
    """Where utilisation falls to a half of its best, and the largest run that finishes in time."""

    name: str
    knee_flop: float
    wall_flop: float


@dataclass(frozen=True)
class Scale:
    """One row per size of run: model, chips, layout, step and utilisation."""

    given: ScaleInput
    rows: tuple[dict[str, Any], ...]
    wall: Wall
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """Tidy, one row per size; sizes that cannot be trained in time have no chips."""
        return Table.from_rows(list(self.rows))

    def summary(self) -> str:
        """The answer in a sentence or two."""
        first = next(r for r in self.rows if r["utilisation"] is not None)
        return (
            f"On {self.given.chip} a run of {sci(first['flop'])} FLOP uses {100 * first['utilisation']:.0f} % of the "
            f"peak; utilisation falls to half of its best at {sci(self.wall.knee_flop)} FLOP, and beyond "
            f"{sci(self.wall.wall_flop)} FLOP no number of chips trains the compute-optimal model in "
            f"{self.given.days:g} days."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "given": self.given.model_dump(),
            "wall": vars(self.wall),
            "rows": list(self.rows),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class _Machine:
    chip: Chip
    fabric: Fabric
    software: Software
    precision: str
    link: SiteLink


def _machine(given: ScaleInput) -> _Machine:
    chip = chip_of(given.chip)
    network = None if given.network_gbit is None else given.network_gbit * 1e9 / 8.0
    fabric = fabric_of(chip, network)
    fabric = fabric.model_copy(
        update={
            "domain": given.domain or fabric.domain,
            "inner_bandwidth": fabric.inner_bandwidth * given.bandwidth_factor,
            "outer_bandwidth": fabric.outer_bandwidth * given.bandwidth_factor,
            "inner_latency_s": fabric.inner_latency_s * given.latency_factor,
            "outer_latency_s": fabric.outer_latency_s * given.latency_factor,
            "start_latency_s": fabric.start_latency_s * given.latency_factor,
        }
    )
    graphed = software("graphed")
    graphed = graphed.model_copy(
        update={
            "launch_s": graphed.launch_s * given.launch_factor,
            "launch_moe_s": graphed.launch_moe_s * given.launch_factor,
        }
    )
    link = SiteLink(given.sites, given.distance_km, given.site_tbit * 1e12 / 8.0, given.inner_steps)
    return _Machine(chip, fabric, graphed, precision_on(chip, given.precision), link)


def _shape(n: float, given: ScaleInput) -> Shape:
    """A dense model of ``n`` parameters; 74.5 layers at 70 billion, as in the latency limit."""
    layers = 74.5 * (n / 70e9) ** given.depth_exponent
    hidden = np.sqrt(n / (12.0 * layers))
    return Shape.of(
        n_layers=layers, hidden=hidden, n_heads=hidden / 128.0, n_kv_heads=hidden / 1024.0, head_dim=128.0,
        ffn=3.5 * hidden, gated_mlp=1.0, vocab=131_072.0,
    )  # fmt: skip


def _layouts(chips: Array, shape: Shape, batch_seqs: float) -> Layouts:
    """Layouts with powers of two, as real numbers; the first axis is the number of chips."""
    tp = 2.0 ** np.arange(0, 17)
    pp = np.array([2.0**i for i in range(11) if 2.0**i <= float(shape.n_layers)])
    cp = 8.0 ** np.arange(0, 3)
    # a causal model can send parts of a sequence through its pipeline one after the other (arXiv:2102.07988)
    part = 4.0 ** np.arange(0, -4, -1)
    again = np.array([0.0, 2.0])
    # each schedule in one chunk, and interleaved with one layer a chunk
    schedule = np.array([SCHEDULE_NAMES.index(name) for name in TRIED], dtype=np.float64)
    interleaved = np.array([0.0, 1.0])
    n, t, p, c, m, r, z, i = np.meshgrid(chips, tp, pp, cp, part, again, schedule, interleaved, indexing="ij")
    dp = n / (t * p * c)
    n_micro = batch_seqs / np.maximum(dp, 1.0) / m
    chunks = np.where(i > 0, np.maximum(float(shape.n_layers) / p, 1.0), 1.0)
    possible = (dp >= 1.0) & (dp <= batch_seqs) & (t <= 8.0 * float(shape.hidden) / 128.0)
    possible &= (n_micro >= fewest(z, p, chunks)) & ((p > 1) | ((z == schedule[0]) & (i == 0)))
    lay = Layouts.of(
        tp=t, pp=p, cp=c, dp=np.maximum(dp, 1.0), micro_batch=m, n_micro=n_micro, recompute=r, zero=1, vpp=chunks,
        schedule=z,
    )  # fmt: skip
    return lay.take(possible)


def _fastest(
    machine: _Machine, shape: Shape, chips: Array, batch_seqs: float
) -> tuple[Layouts, Array, Breakdown] | None:
    """For each number of chips the fastest layout that fits, its seconds, and its breakdown."""
    lay = _layouts(chips, shape, batch_seqs)
    if lay.size == 0:
        return None
    need = memory(shape, lay, LENGTH, machine.software, machine.precision).total
    lay = lay.take(need <= machine.chip.memory_bytes)
    if lay.size == 0:
        return None
    constants, whole = constants_of(builtin_calibration(), machine.chip, machine.software, machine.precision)
    found = assemble(
        parts(machine.chip, machine.fabric, machine.software, machine.precision, shape, lay, LENGTH), constants
    )
    weights = 12.0 * float(shape.n_layers) * float(shape.hidden) ** 2
    seconds = found.total * np.exp(whole) + exchange_s(machine.link, weights)
    order = np.lexsort((seconds, lay.chips))
    count = lay.chips[order]
    first = order[np.r_[True, count[1:] > count[:-1] * 1.0000001]]
    best = Breakdown(*(np.broadcast_to(getattr(found, f), lay.shape)[first] for f in Breakdown.__dataclass_fields__))
    return lay.take(first), seconds[first], best


def _row(given: ScaleInput, machine: _Machine, flop: float, counts: int = 48) -> dict[str, Any]:
    n, tokens = optimal(flop, given.fit, given.tokens_per_parameter)
    batch = given.batch_tokens * (n / 70e9) ** given.batch_exponent
    steps = max(tokens / batch, 1.0)
    shape = _shape(n, given)
    ideal = flop / (machine.chip.peak(machine.precision) * given.days * SECONDS_PER_DAY)
    chips = np.geomspace(max(LEAST, ideal), max(min(1e5 * max(ideal, LEAST), MOST), 2.0 * LEAST), counts)
    row: dict[str, Any] = {"flop": flop, "parameters": n, "tokens": tokens, "batch_tokens": batch, "steps": steps}
    found = _fastest(machine, shape, chips, batch / LENGTH)
    row.update(chips=None, days=None, utilisation=None, step_s=None)
    if found is None:
        return row
    lay, seconds, parts_of = found
    days = steps * seconds / SECONDS_PER_DAY
    row["least_days"] = float(days.min())
    good = np.flatnonzero(days <= given.days)
    if good.size == 0:
        return row
    i = int(good[0])
    share = {k: float(getattr(parts_of, k)[i] / seconds[i]) for k in Breakdown.__dataclass_fields__}
    used = flop / (float(lay.chips[i]) * machine.chip.peak(machine.precision) * float(days[i]) * SECONDS_PER_DAY)
    row.update(
        chips=float(lay.chips[i]), days=float(days[i]), step_s=float(seconds[i]), utilisation=used,
        tp=float(lay.tp[i]), pp=float(lay.pp[i]), cp=float(lay.cp[i]), dp=float(lay.dp[i]),
        vpp=float(lay.vpp[i]), n_micro=float(lay.n_micro[i]), schedule=SCHEDULE_NAMES[int(lay.schedule[i])],
        recompute=float(lay.recompute[i]), **{f"share_{k}": v for k, v in share.items()},
    )  # fmt: skip
    return row


def make_scale_input(**options: Any) -> ScaleInput:
    """An input from options.

    Raises:
        InputError: an option cannot be; all problems are named.
    """
    given = made(ScaleInput, options, noun="option")
    if given.largest <= given.smallest:
        raise RangeError(f"largest {given.largest:g} FLOP is not above smallest {given.smallest:g} FLOP")
    return given


def find_scale(given: ScaleInput | None = None, progress: Progress | None = None, **options: Any) -> Scale:
    """Utilisation against the size of a run, and the latency wall.

    Args:
        given: what is swept, or None to make it from the options.
        progress: called with the share done.
        options: fields of ``ScaleInput``.

    >>> scale = find_scale(smallest=1e25, largest=1e27, per_decade=1)
    >>> [0.1 < r["utilisation"] < 0.7 for r in scale.rows]
    [True, True, True]
    """
    given = given or make_scale_input(**options)
    machine = _machine(given)
    decades = np.log10(given.largest / given.smallest)
    sizes = np.geomspace(given.smallest, given.largest, max(2, round(decades * given.per_decade) + 1))
    rows = []
    for i, flop in enumerate(sizes, start=1):
        rows.append(_row(given, machine, float(flop)))
        if progress is not None:
            progress(i / len(sizes))
    notes = (*notes_on(machine.chip, machine.fabric, machine.precision), *_idle_options(given))
    return Scale(given, tuple(rows), _wall(given, machine, "as given"), notes)


def _idle_options(given: ScaleInput) -> list[str]:
    """Sentences on stated options that change nothing beside the others."""
    notes = []
    between = [n for n in ("distance_km", "site_tbit", "inner_steps") if n in given.model_fields_set]
    if given.sites == 1 and between:
        notes.append(f"{', '.join(between)}: nothing is exchanged between sites; give sites of 2 or more")
    if given.fit != "ratio" and "tokens_per_parameter" in given.model_fields_set:
        notes.append(f"tokens_per_parameter: the law {given.fit} says how many tokens; give fit ratio to state them")
    return notes


def _wall(given: ScaleInput, machine: _Machine, name: str) -> Wall:
    """Bisect for the largest run in time, and for the one whose utilisation is half of the best."""

    def used(flop: float) -> float:
        return _row(given, machine, flop, 16)["utilisation"] or 0.0

    best = max(used(10.0**e) for e in (24.0, 25.0, 26.0, 27.0))
    low, high = 24.0, 38.0
    for _ in range(11):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if used(10.0**middle) > 0 else (low, middle)
    wall = 10.0**low
    low, high = 24.0, low
    for _ in range(8):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if used(10.0**middle) >= 0.5 * best else (low, middle)
    return Wall(name, 10.0**low, wall)


#: What could move the wall: words -> changes of the input.
MOVES: dict[str, dict[str, Any]] = {
    "bandwidth × 10": {"bandwidth_factor": 10.0},
    "latency ÷ 10": {"latency_factor": 0.1},
    "launch ÷ 10": {"launch_factor": 0.1},
    "latency and launch ÷ 10": {"latency_factor": 0.1, "launch_factor": 0.1},
    "domain of 72": {"domain": 72},
    "domain of 576": {"domain": 576},
    "batch × 4": {"batch_tokens": 4 * 4.2e6},
    "twice as long": {"days": 180.0},
    "8-bit": {"precision": "fp8"},
}


def find_walls(
    given: ScaleInput, moves: Sequence[str] | None = None, progress: Progress | None = None
) -> tuple[Wall, ...]:
    """The wall as given, and with one thing changed at a time (a key of ``MOVES``)."""
    names = list(moves if moves is not None else MOVES)
    out = [_wall(given, _machine(given), "as given")]
    for i, name in enumerate(names, start=1):
        change = dict(MOVES[name])
        for key in ("bandwidth_factor", "latency_factor", "launch_factor"):
            if key in change:
                change[key] = change[key] * getattr(given, key)
        if "batch_tokens" in change:
            change["batch_tokens"] = 4.0 * given.batch_tokens
        if "days" in change:
            change["days"] = 2.0 * given.days
        changed = given.model_copy(update=change)
        out.append(_wall(changed, _machine(changed), name))
        if progress is not None:
            progress(i / len(names))
    return tuple(out)
