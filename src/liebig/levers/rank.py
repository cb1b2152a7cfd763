"""Rank levers by what they do to the minimum of all limits in a year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.dates import calendar_year
from liebig.levers.vectors import Lever, lever_changes
from liebig.limits import LIMITS, Change, State, Structure, ceilings, touched
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Bench", "LeverEffect", "Ranking", "make_bench", "rank_levers"]

Array = NDArray[np.float64]
#: Changes smaller than this are rounding.
_EPSILON = 1e-9


@dataclass(frozen=True)
class Bench:
    """One year of sampled futures, and the ceilings without any further lever: what levers are measured on."""

    state: State
    year: float
    structure: Structure
    draws: Mapping[str, Array]
    base: Mapping[str, Array]
    gain: Array

    @property
    def limits(self) -> tuple[str, ...]:
        """Limits in use."""
        return self.structure.limits

    @property
    def samples(self) -> int:
        """Number of futures."""
        return next(iter(self.base.values())).shape[0]

    def lowest(self, found: Mapping[str, Array] | None = None) -> Array:
        """Minimum over the limits, with ``found`` in place of the base where given, ``(n,)``."""
        return minimum_of([(found or {}).get(n, self.base[n]) for n in self.limits])

    def lowest_effective(self, found: Mapping[str, Array] | None, gain: Array) -> Array:
        """Minimum in dense-equivalent FLOP: compute ceilings times their gain."""
        rows = []
        for name in self.limits:
            ceiling = (found or {}).get(name, self.base[name])
            rows.append(ceiling * gain if LIMITS[name].compute else ceiling)
        return minimum_of(rows)

    def binding(self) -> dict[str, float]:
        """Share of futures in which each limit is the lowest."""
        low = self.lowest()
        return {n: float(np.mean(self.base[n] <= low)) for n in self.limits}

    def ceilings_with(self, changes: Iterable[Change], limits: Iterable[str] | None = None) -> dict[str, Array]:
        """Ceilings of the limits that the changes can move (or of ``limits``)."""
        changes = tuple(changes)
        names = [n for n in (limits or touched(c.parameter for c in changes)) if n in self.limits]
        years = np.array([self.year])
        found = ceilings(self.state.with_changes(changes), years, self.structure, names) if names else {}
        return {n: spread(v, self.samples) for n, v in found.items()}

    def gain_with(self, changes: Iterable[Change]) -> Array:
        """Effective over physical FLOP with the changes, ``(n,)``."""
        years = np.array([self.year])
        value = self.state.with_changes(changes).at("effective.compute_gain", years)
        return spread(value, self.samples)


def minimum_of(rows: Sequence[Array]) -> Array:
    """Element-wise minimum of several ``(n,)`` arrays."""
    low = rows[0]
    for row in rows[1:]:
        low = np.minimum(low, row)
    return low


def spread(value: Array, samples: int) -> Array:
    """A result of one year as ``(samples,)``."""
    return np.broadcast_to(value, (1, samples))[0]


def make_bench(state: State, year: float, structure: Structure, draws: Mapping[str, Array], samples: int) -> Bench:
    """Evaluate the year without further levers."""
    years = np.array([year])
    base = {n: spread(v, samples) for n, v in ceilings(state, years, structure).items()}
    gain = spread(state.at("effective.compute_gain", years), samples)
    return Bench(state, year, structure, draws, base, gain)


@dataclass(frozen=True)
class LeverEffect:
    """What one lever does in one year.

    ``ratio`` is the median of the minimum with the lever over that without; ``paired`` the same ratio
    taken in each future, over futures; ``negative`` the share of futures in which the lever lowers the
    minimum.  ``effective_ratio`` is ``ratio`` in
    dense-equivalent FLOP.  ``on_limits`` is the signed vector: limit -> ratio of its median
    ceiling.  ``without`` is set for levers already in the base: the ratio when they are taken out.
    """

    lever: Lever
    ratio: float
    paired: Interval
    negative: float
    effective_ratio: float
    on_limits: Mapping[str, float]
    reason: str
    without: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts."""
        row = self.lever.row
        return {
            "lever": row.id,
            "name": row.name,
            "ratio": self.ratio,
            **self.paired.to_dict(),
            "probability_negative": self.negative,
            "effective_ratio": self.effective_ratio,
            "on_limits": dict(self.on_limits),
            "without": self.without,
            "in_base": row.in_base,
            "available_from": row.available_from,
            "starts": self.lever.start,
            "reason": self.reason,
            "range": [row.low, row.mid, row.high],
            "range_unit": row.unit,
            "measured": list(self.lever.measured) if self.lever.measured else None,
            "claim": row.claim,
            "check": row.check,
            "caveat": row.caveat,
            "grade": row.grade,
            "source": self.lever.measured_source or row.source,
            "url": row.url,
            "as_of": row.as_of,
        }


@dataclass(frozen=True)
class Ranking:
    """All levers in one year, the largest effect on the minimum first; ``notes`` are sentences on the scenario."""

    year: int
    minimum: Interval
    binding: Mapping[str, float]
    effects: tuple[LeverEffect, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row for each lever, with one column for each limit's ratio."""
        rows = []
        for place, effect in enumerate(self.effects, start=1):
            cells = effect.to_dict()
            for name in ("on_limits", "range", "measured"):
                cells.pop(name)
            rows.append(
                {"rank": place, "year": self.year}
                | cells
                | {f"on_{limit}": effect.on_limits.get(limit, 1.0) for limit in self.binding}
            )
        return Table.from_rows(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "year": self.year,
            "unit": "ratio of the minimum with the lever to the minimum without",
            "minimum_flop": self.minimum.to_dict(),
            "binding_probability": dict(self.binding),
            "levers": [e.to_dict() for e in self.effects],
            "notes": list(self.notes),
        }


def rank_levers(bench: Bench, levers: Sequence[Lever], progress: Callable[[float], None] | None = None) -> Ranking:
    """Measure every lever by itself on the bench and sort by effect on the minimum."""
    low = bench.lowest()
    low_effective = bench.lowest_effective(None, bench.gain)
    middle, middle_effective = float(np.median(low)), float(np.median(low_effective))
    binding = bench.binding()
    effects = []
    for i, lever in enumerate(levers):
        effects.append(_measure(bench, lever, low, middle, middle_effective, binding))
        if progress:
            progress((i + 1) / len(levers))
    effects.sort(key=lambda e: (-e.ratio, -e.effective_ratio, e.lever.id))
    return Ranking(calendar_year(bench.year), Interval.of(low), binding, tuple(effects))


def _measure(
    bench: Bench, lever: Lever, low: Array, middle: float, middle_effective: float, binding: Mapping[str, float]
) -> LeverEffect:
    draw = bench.draws[lever.id]
    changes = lever_changes(lever, draw)
    found = bench.ceilings_with(changes)
    gain = bench.gain_with(changes) if any(c.parameter == "effective.compute_gain" for c in changes) else bench.gain
    with_lever = bench.lowest(found) if found else low
    ratio = with_lever / low
    effective = float(np.median(bench.lowest_effective(found, gain))) / middle_effective
    on_limits = {
        name: float(np.median(ceiling)) / float(np.median(bench.base[name]))
        for name, ceiling in found.items()
        if np.isfinite(np.median(bench.base[name]))
    }
    without = None
    if lever.row.in_base:
        taken = bench.ceilings_with(lever_changes(lever, draw, removed=True))
        without = float(np.median(bench.lowest(taken))) / middle
    result = LeverEffect(
        lever,
        float(np.median(with_lever)) / middle,
        Interval.of(ratio),
        float(np.mean(ratio < 1.0 - _EPSILON)),
        effective,
        on_limits,
        "",
        without,
    )
    return _explained(result, bench.year, binding)


def _explained(effect: LeverEffect, year: float, binding: Mapping[str, float]) -> LeverEffect:
    from dataclasses import replace

    return replace(effect, reason=_reason(effect, year, binding))


def _reason(effect: LeverEffect, year: float, binding: Mapping[str, float]) -> str:
    """Why the effect is what it is, in one sentence; empty when the number speaks for itself."""
    lever, limits = effect.lever, effect.lever.limits
    if effect.without is not None:
        if effect.without < 0.995:
            return f"already in the base; taken out, the minimum falls to ×{effect.without:.2f}"
        return "already in the base; acts on effective FLOP only"
    if not lever.effects:
        return "no effect found in the evidence"
    if lever.start > year:
        return f"acts from {lever.start:g} on"
    if not limits:
        return f"raises effective FLOP ×{effect.effective_ratio:.2f}; the physical ceiling stays"
    if 0.995 <= effect.ratio <= 1.005:
        moved = {n: r for n, r in effect.on_limits.items() if abs(r - 1.0) > 0.005}
        share = sum(binding[n] for n in moved)
        if not moved:
            return f"moves no ceiling of {year:.0f} by more than half a percent"
        each = ", ".join(f"{n} (×{r:.3g})" for n, r in moved.items())
        if share < 0.15:
            return f"relaxes {each}, which binds in {100 * share:.0f} % of futures"
        if max(moved.values()) < 1.05:
            return f"moves {each} only"
        return "its gains and losses cancel"
    if effect.negative > 0.1:
        worst = [n for n, r in effect.on_limits.items() if r < 0.995]
        return f"lowers the minimum in {100 * effect.negative:.0f} % of futures" + (
            f" (tightens {', '.join(worst)})" if worst else ""
        )
    return ""
