"""A plan held against the forecast at its date: headroom to every limit, and the levers that help it most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import load_catalog
from liebig.dates import calendar_year, decimal_year, start_of
from liebig.forecast import make_inputs
from liebig.forecast.levers import bench_in_world, rank_in_world
from liebig.forecast.simulate import shown_years
from liebig.forecast.unused import HEADROOM, scenario_notes
from liebig.forecast.world import World, build_world
from liebig.plan.result import TrainingPlan
from liebig.quantities import format_factor
from liebig.uncertainty import Interval

__all__ = ["Headroom", "headroom_of"]

#: Levers that are named.
TOP = 5
#: Futures in which levers are ranked, at most: an order needs fewer than a share.
MOST_RANKED = 512


@dataclass(frozen=True)
class Headroom:
    """Ceiling over plan for each limit, over futures; below 1 the limit forbids the plan.

    ``date`` is when the ceilings are taken: the plan's date (``plan_date``), or the forecast's first or last day for a
    plan of before or after; ``notes`` say so. ``first`` is the limit with the least median headroom; ``within`` the
    share of futures in which no limit forbids the plan; ``site`` is the power of the place over that of the plan, when
    the place has a limit.
    """

    date: str
    plan_date: str
    flop: float
    limits: Mapping[str, Interval]
    minimum: Interval
    first: str
    within: float
    site: float | None
    levers: tuple[tuple[str, float], ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "date": self.date,
            "plan_date": self.plan_date,
            "year": calendar_year(self.date),
            "flop": self.flop,
            "limits": {k: v.to_dict() for k, v in self.limits.items()},
            "minimum": self.minimum.to_dict(),
            "first_limit": self.first,
            "share_of_simulations_within_all_limits": self.within,
            "site": self.site,
            "levers": [{"lever": name, "ratio": ratio} for name, ratio in self.levers],
            "notes": list(self.notes),
        }

    def sentence(self) -> str:
        """The answer in a sentence."""
        low, middle, high = self.limits[self.first]
        when = _when(self.date)
        if self.date != self.plan_date:
            before = decimal_year(self.plan_date) < decimal_year(self.date)
            when += f", where the forecast {'begins' if before else 'ends'},"
        words = (
            f"{when} the plan is within all limits in {100 * self.within:.0f} % of futures; the nearest is "
            f"{self.first}, which allows {middle:.3g} times as much ({low:.2g}–{high:.2g})."
        )
        if self.levers:
            best = self.levers[0]
            words += f" What lifts the ceiling most: {best[0]} ({format_factor(best[1])})."
        if self.site is not None:
            words += f" The site has {self.site:.2g} times the power that the plan draws."
        return words


def _when(date: str) -> str:
    """The moment that a date is taken for, in words.

    >>> _when("2026-08"), _when("2025-01-01")
    ('In the middle of 2026-08', 'On 2025-01-01')
    """
    return f"On {date}" if len(date) == len("2025-01-01") else f"In the middle of {date}"


def headroom_of(plan: TrainingPlan, samples: int = 1024, levers: bool = True, **options: Any) -> Headroom:
    """Hold a plan against the forecast at its date.

    The plan's FLOP are compared with the largest feasible run under each limit at the plan's date (the middle of a
    month or a year), or on the forecast's first or last day for dates before or after.

    Args:
        plan: the plan.
        samples: futures of the forecast.
        levers: also rank levers by what they do to the lowest ceiling.
        options: of the forecast, e.g. ``facts`` or ``set``.

    >>> from liebig.plan import plan_training
    >>> plan = plan_training(model="Llama2-7B", chips=64, batch=256, seq_len=4096, tp=1, pp=1, date="2026")
    >>> headroom_of(plan, samples=256, levers=False).minimum.p50 > 1000
    True
    """
    inputs = make_inputs(None, {"samples": samples, **options})
    world = build_world(inputs, load_catalog(inputs.facts_files))
    date, when, clamped = _date_in(world, plan.given.date)
    bench, _ = bench_in_world(world, when, samples)
    flop, lowest = plan.training_flop, bench.lowest()
    limits = {name: Interval.of(bench.base[name] / flop) for name in bench.limits}
    minimum = Interval.of(lowest / flop)
    if any(s.min_of_medians for s in world.switches):
        minimum = Interval(*np.min(list(limits.values()), axis=0).tolist())
    ranked: tuple[tuple[str, float], ...] = ()
    if levers:
        effects = rank_in_world(world, when, min(samples, MOST_RANKED)).effects
        ranked = tuple((e.lever.row.name, e.ratio) for e in effects if not e.lever.row.members and e.ratio > 1.005)
    power = plan.site.power_w
    return Headroom(
        date, plan.given.date, flop, limits, minimum, min(limits, key=lambda k: limits[k].p50),
        float(np.mean(lowest >= flop)), None if power is None else power / plan.run.site_power_w.p50, ranked[:TOP],
        (*scenario_notes(world, [when], HEADROOM), *clamped),
    )  # fmt: skip


def _date_in(world: World, date: str) -> tuple[str, float, tuple[str, ...]]:
    """The date at which a plan of ``date`` is held against the forecast, as a year with decimals, and a note."""
    start, until = shown_years(world.inputs, world)
    when = decimal_year(date)
    for year, beyond, words in ((start, when < start_of(start), "before"), (until, when > start_of(until), "after")):
        if beyond:
            day = f"{year}-01-01"
            edge = "first" if words == "before" else "last"
            note = f"the plan is of {date}, {words} the forecast's {edge} day: its headroom is that of {day}"
            return day, start_of(year), (note,)
    return date, when, ()
