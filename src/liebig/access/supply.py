"""What places can supply, and the Liebig ratio: the lowest of supply over need.

    power    (growth of electricity * years until then + headroom to the past peak) * share for AI / need per year
    capital  gross domestic product * share for AI * years of building / cost of the site
    chips    share under export control * the world's production while it is built / chips of the site
    water    what sites are granted / need

Supplies are those of a place alone: money from abroad and power that is built faster than in the past come on
top. The grant of water is the same everywhere, since no openly licensed table of countries is in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.access.draws import draw, uniform
from liebig.access.export import ExportScenario, share_draws
from liebig.access.need import SITE_W, Need, SampledWorld
from liebig.access.places import Place
from liebig.dates import start_of
from liebig.limits.chips import annual_production

__all__ = ["ACCESS_LIMITS", "Ratios", "find_ratios", "world_production"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ratios:
    """Supply over need, limit -> ``(places, n)``; NaN where a figure of the place is not known."""

    by_limit: dict[str, Array]
    chips_share: Array

    @property
    def lowest(self) -> Array:
        """The Liebig ratio, ``(places, n)``; NaN where any limit is not known."""
        return np.min(np.array(list(self.by_limit.values())), axis=0)

    @property
    def slack(self) -> Array:
        """Second lowest over lowest, ``(places, n)``; infinite where the lowest is zero."""
        ordered = np.sort(np.array(list(self.by_limit.values())), axis=0)
        unknown = np.isnan(ordered[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.where(ordered[0] > 0, ordered[1] / ordered[0], np.inf)
        return np.where(unknown, np.nan, out)

    def binding(self) -> list[dict[str, float]]:
        """Share of futures in which each limit is the lowest, for each place."""
        stack = np.array(list(self.by_limit.values()))
        first = np.argmin(np.where(np.isnan(stack), np.inf, stack), axis=0)
        return [
            {limit: float(np.mean(first[j] == i)) for i, limit in enumerate(self.by_limit)}
            for j in range(stack.shape[1])
        ]


def find_ratios(places: Sequence[Place], need: Need, scenario: ExportScenario, sampled: SampledWorld) -> Ratios:
    """Supply over need of every limit for every place.

    Args:
        places: countries and clubs.
        need: what the site or run takes.
        scenario: export control.
        sampled: parameters and seed of :func:`sample_world`.
    """
    share = share_draws(scenario, places, need.year, uniform("export", sampled.samples, sampled.seed))
    asked = _Asked(places, need, sampled, share)
    return Ratios({limit: over_need(asked) for limit, over_need in _OVER_NEED.items()}, share)


@dataclass(frozen=True)
class _Asked:
    """What ratios are computed from; ``chips_share`` is ``(places, n)``."""

    places: Sequence[Place]
    need: Need
    sampled: SampledWorld
    chips_share: Array

    def draw(self, name: str) -> Array:
        """A number of access in each future, ``(n,)``."""
        return draw(name, self.sampled.samples, self.sampled.seed)

    def column(self, name: str) -> Array:
        """A figure of each place, ``(places, 1)``."""
        return np.array([[float(getattr(place, name))] for place in self.places])


def _power_ratio(asked: _Asked) -> Array:
    years = _horizons(asked.places, asked.need.year)
    grows = asked.column("growth_twh_per_yr") * years + asked.column("headroom_twh")
    return grows * asked.draw("growth_share")[None, :] / asked.need.energy_twh_per_yr


def _capital_ratio(asked: _Asked) -> Array:
    share = asked.draw("gdp_share") * asked.draw("build_yr")
    return asked.column("gdp_usd") * share[None, :] / asked.need.capital_usd


def _chips_ratio(asked: _Asked) -> Array:
    made = world_production(asked.sampled, asked.need.year) * asked.draw("build_yr")
    return asked.chips_share * made[None, :] / asked.need.h100e


def _water_ratio(asked: _Asked) -> Array:
    need, n = asked.need, asked.sampled.samples
    sites = np.maximum(need.power_w / SITE_W, 1.0)
    year = np.array([start_of(need.year)])
    granted = np.broadcast_to(asked.sampled.state.at("water.site_m3_per_day", year), (1, n))[0] * sites
    with np.errstate(divide="ignore"):
        ratio = np.where(need.water_m3_per_day > 0, granted / need.water_m3_per_day, np.inf)
    return np.broadcast_to(ratio, (len(asked.places), n))


#: Limits of which a place has a supply -> supply over need, ``(places, n)``; data and time are nobody's.
_OVER_NEED: Mapping[str, Callable[[_Asked], Array]] = {
    "power": _power_ratio,
    "capital": _capital_ratio,
    "chips": _chips_ratio,
    "water": _water_ratio,
}
ACCESS_LIMITS = tuple(_OVER_NEED)


def world_production(sampled: SampledWorld, year: int) -> Array:
    """AI chips that the world makes in the year before, H100e per year, ``(n,)``.

    Before 2026 the first year of the catalogue's production counts.
    """
    first = np.array([max(year - 1.0, 2025.0)])
    return np.broadcast_to(annual_production(sampled.state, first), (1, sampled.samples))[0]


def _horizons(places: Sequence[Place], year: int) -> Array:
    """Years of growth between the last year known and the year asked for, at least one."""
    return np.array([[max(year - 1.0 - (place.electricity_year or year - 2), 1.0)] for place in places])
