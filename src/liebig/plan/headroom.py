"""A plan held against the forecast of its year: headroom to every limit, and the levers that help it most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liebig.catalog import load_catalog
from liebig.errors import RangeError
from liebig.forecast import make_inputs
from liebig.forecast.levers import rank_in_world
from liebig.forecast.result import interval_of
from liebig.forecast.simulate import forecast_world
from liebig.forecast.world import build_world
from liebig.plan.result import TrainingPlan
from liebig.site.money import year_of
from liebig.uncertainty import Interval

__all__ = ["Headroom", "headroom_of"]

#: Levers that are named.
TOP = 5


@dataclass(frozen=True)
class Headroom:
    """Ceiling over plan for each limit, over futures; below 1 the limit forbids the plan.

    ``first`` is the limit with the least median headroom; ``site`` is the power of the place over that of
    the plan, when the place has a limit.
    """

    year: int
    flop: float
    limits: Mapping[str, Interval]
    minimum: Interval
    first: str
    within: float
    site: float | None
    levers: tuple[tuple[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "year": self.year,
            "flop": self.flop,
            "limits": {k: v.to_dict() for k, v in self.limits.items()},
            "minimum": self.minimum.to_dict(),
            "first_limit": self.first,
            "share_of_futures_within_all_limits": self.within,
            "site": self.site,
            "levers": [{"lever": name, "ratio": ratio} for name, ratio in self.levers],
        }

    def sentence(self) -> str:
        """The answer in a sentence."""
        low, middle, high = self.limits[self.first]
        words = (
            f"In {self.year} the plan is within all limits in {100 * self.within:.0f} % of futures; the nearest is "
            f"{self.first}, which allows {middle:.3g} times as much ({low:.2g}–{high:.2g})."
        )
        if self.levers:
            best = self.levers[0]
            words += f" What lifts the ceiling most: {best[0]} (×{best[1]:.2f})."
        if self.site is not None:
            words += f" The site has {self.site:.2g} times the power that the plan draws."
        return words


def headroom_of(plan: TrainingPlan, samples: int = 1024, levers: bool = True, **options: Any) -> Headroom:
    """Hold a plan against the forecast of its year.

    The plan's FLOP are compared with the largest feasible run under each limit, on the first of January of the year
    after the plan's date, or of the forecast's first year for earlier dates.

    Args:
        plan: the plan.
        samples: futures of the forecast.
        levers: also rank levers by what they do to the lowest ceiling.
        options: of the forecast, e.g. ``facts`` or ``set``.

    Raises:
        RangeError: the forecast does not reach the year of the plan.

    >>> from liebig.plan import plan_training
    >>> plan = plan_training(model="Llama2-7B", chips=64, batch=256, seq_len=4096, tp=1, pp=1, date="2026")
    >>> headroom_of(plan, samples=256, levers=False).minimum.p50 > 1000
    True
    """
    inputs = make_inputs(None, {"samples": samples, **options})
    world = build_world(inputs, load_catalog(inputs.facts_files))
    forecast = forecast_world(world)
    year = max(forecast.years[0], round(year_of(plan.given.date)))
    if year > forecast.years[-1]:
        raise RangeError(f"date {plan.given.date} lies after {forecast.years[-1]}, the last year of the forecast")
    i = forecast.at(year)
    flop = plan.training_flop
    limits = {name: interval_of(forecast.ceilings[name][i]).scaled(1.0 / flop) for name in forecast.limits}
    minimum = interval_of(forecast.minimum[i]).scaled(1.0 / flop)
    first = min(limits, key=lambda k: limits[k].p50)
    ranked: tuple[tuple[str, float], ...] = ()
    if levers:
        effects = rank_in_world(world, year, min(samples, 512)).effects
        ranked = tuple((e.lever.row.name, e.ratio) for e in effects if not e.lever.row.members and e.ratio > 1.005)[
            :TOP
        ]
    power = plan.site.power_w
    return Headroom(
        year, flop, limits, minimum, first, _share_within(forecast.minimum[i], flop),
        None if power is None else power / plan.run.site_power_w.p50, ranked,
    )  # fmt: skip


def _share_within(quantiles: np.ndarray[Any, np.dtype[np.float64]], flop: float) -> float:
    """Share of futures whose lowest ceiling lies above the plan, from five quantiles of its logarithm."""
    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    logs = np.log(quantiles)
    place = float(np.interp(np.log(flop), logs, levels, left=0.0, right=1.0))
    if 0.0 < place < 1.0:
        return 1.0 - place
    # beyond the outer quantiles the tails go on as in a logarithmic normal distribution
    from scipy.special import ndtr

    sigma = (logs[4] - logs[0]) / 2.5631
    return float(1.0 - ndtr((np.log(flop) - logs[2]) / sigma))
