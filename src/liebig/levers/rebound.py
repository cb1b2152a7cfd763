"""Rebound (Jevons): a cheaper token raises demand, so part of an efficiency gain, or more, is used up.

With a constant price elasticity of size ``e`` a gain ``g`` (work per unit of resource) divides the
price by ``g`` and multiplies the demand by ``g ** e``:

    use without rebound = use / g,        use with rebound = use * g ** (e - 1)

so for ``e > 1`` total use rises.  What inference frees for training follows: a lever that lifts a
ceiling by ``x`` through the share of training lifts it by ``x ** (1 - e)`` after rebound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.dates import calendar_year
from liebig.levers.rank import Bench, spread
from liebig.levers.vectors import Lever, lever_changes
from liebig.limits import Change
from liebig.limits.common import precision_gain
from liebig.limits.power import ai_power_w
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Rebound", "ReboundRow", "rebound", "rebound_use"]

Array = NDArray[np.float64]
_HOURS = 8766.0
_SHARES = ("run.share", "capital.run_share")


def rebound_use(use: Array, gain: Array, elasticity: Array) -> tuple[Array, Array]:
    """(use without rebound, use with rebound).

    >>> [round(float(v), 3) for v in rebound_use(np.array(100.0), np.array(2.0), np.array(1.2))]
    [50.0, 114.87]
    """
    return use / gain, use * gain ** (elasticity - 1.0)


@dataclass(frozen=True)
class ReboundRow:
    """One lever: electricity use in TWh/yr and its effect on the minimum, before and after rebound.

    ``more`` is the share of futures in which total use rises.
    """

    lever: Lever
    gain: Interval
    before_twh: Interval
    without_twh: Interval
    with_twh: Interval
    more: float
    ratio_without: float
    ratio_with: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "lever": self.lever.id,
            "name": self.lever.row.name,
            "gain": self.gain.to_dict(),
            "use_before_twh_per_yr": self.before_twh.to_dict(),
            "use_after_without_rebound_twh_per_yr": self.without_twh.to_dict(),
            "use_after_with_rebound_twh_per_yr": self.with_twh.to_dict(),
            "probability_use_rises": self.more,
            "minimum_ratio_without_rebound": self.ratio_without,
            "minimum_ratio_with_rebound": self.ratio_with,
        }


@dataclass(frozen=True)
class Rebound:
    """Rebound of all efficiency levers in one year; ``notes`` are sentences on the scenario."""

    year: int
    elasticity: Interval
    rows: tuple[ReboundRow, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row for each lever; medians, with the interval of the use after rebound."""
        return Table.from_rows(
            {
                "year": self.year,
                "lever": r.lever.id,
                "gain": r.gain.p50,
                "use_before_twh_per_yr": r.before_twh.p50,
                "use_without_rebound_twh_per_yr": r.without_twh.p50,
                "use_with_rebound_twh_per_yr": r.with_twh.p50,
                "use_with_rebound_p10": r.with_twh.p10,
                "use_with_rebound_p90": r.with_twh.p90,
                "probability_use_rises": r.more,
                "minimum_ratio_without_rebound": r.ratio_without,
                "minimum_ratio_with_rebound": r.ratio_with,
            }
            for r in self.rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return {
            "year": self.year,
            "elasticity": self.elasticity.to_dict(),
            "levers": [r.to_dict() for r in self.rows],
            "notes": list(self.notes),
        }


def rebound(bench: Bench, levers: Sequence[Lever], elasticity: Array | None = None) -> Rebound:
    """Use of electricity before, after without and after with rebound, for the efficiency levers.

    Args:
        bench: the year and its futures; its national AI power is the use before.
        levers: levers of other kinds are left out: they do not make a token cheaper.
        elasticity: ``(1,)`` or ``(n,)``; default the parameter ``demand.elasticity``.
    """
    years = np.array([bench.year])
    e = bench.state.at("demand.elasticity", years)[0] if elasticity is None else elasticity
    use = spread(ai_power_w(bench.state, years, bench.structure), bench.samples) * _HOURS / 1e12
    low = bench.lowest()
    rows = []
    for lever in levers:
        if lever.row.kind != "efficiency" or not lever.effects:
            continue
        changes = lever_changes(lever, bench.draws[lever.id])
        gain = _gain(bench, changes)
        without, with_rebound = rebound_use(use, gain, e)
        plain = bench.lowest(bench.ceilings_with(changes))
        after = bench.lowest(bench.ceilings_with(_after_rebound(changes, e)))
        rows.append(
            ReboundRow(
                lever,
                Interval.of(gain),
                Interval.of(use),
                Interval.of(without),
                Interval.of(with_rebound),
                float(np.mean(with_rebound > use * (1 + 1e-9))),
                float(np.median(plain) / np.median(low)),
                float(np.median(after) / np.median(low)),
            )
        )
    rows.sort(key=lambda r: -r.gain.p50)
    return Rebound(calendar_year(bench.year), Interval.of(np.broadcast_to(e, (bench.samples,))), tuple(rows))


def _gain(bench: Bench, changes: Sequence[Change]) -> Array:
    """Work per joule with the lever over that without, ``(n,)``.

    For levers on the share of training it is the factor on that share (what inference saves);
    for the others the change of FLOP per joule of a chip.
    """
    years = np.array([bench.year])
    state = bench.state.with_changes(changes)
    gain = np.ones((1, 1))
    gain = gain * precision_gain(state, years) / precision_gain(bench.state, years)
    for name, power in (
        ("run.utilisation", 1.0),
        ("power.facility_w", -1.0),
        ("run.share", 1.0),
    ):
        gain = gain * (state.at(name, years) / bench.state.at(name, years)) ** power
    return spread(gain, bench.samples)


def _after_rebound(changes: Sequence[Change], elasticity: Array) -> list[Change]:
    """Changes of the share of training after demand has answered; others stay."""
    return [
        Change(c.parameter, c.op, c.effect ** (1.0 - elasticity), c.from_year, c.ramp_yr)
        if c.parameter in _SHARES
        else c
        for c in changes
    ]
