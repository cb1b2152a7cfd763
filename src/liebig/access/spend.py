"""With a fixed budget: train a model, distil one, route between rented ones, or rent the frontier.

    train   what serving leaves of the budget rents chips; lag = ln(frontier / FLOP) / ln(growth of effective FLOP)
    distil  a model of your own from a teacher's answers, at a fixed price and lag; the rest serves it
    route   rented models, each prompt to the cheapest good enough; no lag
    rent    the frontier model for every prompt; no lag

The best use is the one that serves the tokens wanted within the lag allowed in at least half of the futures, with
the least lag, and among equals the most tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.access.draws import draw, uniform
from liebig.access.inputs import check_year, make_access_input
from liebig.access.need import SampledWorld, frontier_flop, sample_world
from liebig.cluster.chip import chip
from liebig.dates import start_of
from liebig.errors import RangeError
from liebig.forecast.progress import effective_growth
from liebig.limits.common import precision_gain
from liebig.quantities import format_interval, parse_quantity
from liebig.site.money import rental_usd_per_chip_hour
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["BestUse", "Use", "best_use"]

Array = NDArray[np.float64]
#: Budgets outside these are slips of the pen, USD.
_SMALLEST, _LARGEST = 1e3, 1e14
_WORDS = {
    "train": "training a model of one's own",
    "distil": "distilling a model of one's own",
    "route": "routing between rented models",
    "rent": "renting the frontier model",
}


@dataclass(frozen=True)
class Use:
    """One use of the budget; intervals are p10, p50 and p90.

    ``lag_yr``: years behind the frontier; ``tokens``: served in the year; ``enough``: share of futures in which
    it serves the tokens wanted within the lag allowed; ``own``: the weights are one's own.
    """

    name: str
    lag_yr: Interval
    tokens: Interval
    flop: Interval | None
    enough: float
    own: bool

    def row(self) -> dict[str, Any]:
        """One line of the table."""
        cells: dict[str, Any] = {"use": self.name, "own_weights": self.own, "enough_probability": self.enough}
        for name in ("lag_yr", "tokens"):
            cells.update(getattr(self, name).columns(name))
        cells["training_flop_p50"] = self.flop.p50 if self.flop else None
        return cells


@dataclass(frozen=True)
class BestUse:
    """All uses of a budget, and the best of them; ``best`` is empty where none is enough."""

    budget_usd: float
    target_tokens: float
    max_lag_yr: float
    own: bool
    year: int
    uses: tuple[Use, ...]

    @property
    def best(self) -> str:
        """Name of the best use, or an empty text."""
        able = [u for u in self.uses if u.enough >= 0.5 and (u.own or not self.own)]
        return min(able, key=lambda u: (round(u.lag_yr.p50, 2), -u.tokens.p50)).name if able else ""

    def table(self) -> Table:
        """One row for each use."""
        return Table.from_rows(u.row() for u in self.uses)

    def summary(self) -> str:
        """The answer in plain words."""
        wanted = (
            f"{self.target_tokens:.2g} tokens a year at most {self.max_lag_yr:g} years behind the frontier"
            f"{' with weights of its own' if self.own else ''}"
        )
        uses = {u.name: u for u in self.uses}
        if not self.best:
            near = max((u for u in self.uses if u.own or not self.own), key=lambda u: u.enough)
            return (
                f"USD {self.budget_usd:.3g} in {self.year} does not buy {wanted}; nearest comes "
                f"{_WORDS[near.name]} ({100 * near.enough:.0f}% of futures)."
            )
        use = uses[self.best]
        train = uses["train"].lag_yr
        return (
            f"USD {self.budget_usd:.3g} in {self.year} is best spent on {_WORDS[self.best]}: "
            f"{format_interval(use.tokens, write='.2g')} tokens, {use.lag_yr.p50:.1f} years behind "
            f"the frontier; enough for {wanted} in {100 * use.enough:.0f}% of futures. Training would leave it "
            + (f"{format_interval(train, write='.1f')} years behind." if np.isfinite(train.p50) else "nothing.")
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "budget_usd": self.budget_usd,
            "target_tokens": self.target_tokens,
            "max_lag_yr": self.max_lag_yr,
            "own": self.own,
            "year": self.year,
            "best": self.best or None,
            "uses": self.table().rows(),
        }


def best_use(
    budget_usd: float | str,
    tokens: float | str = 1e11,
    max_lag_yr: float = 2.0,
    *,
    own: bool = False,
    year: int = 2026,
    samples: int = 2048,
    seed: int = 0,
) -> BestUse:
    """Train, distil, route or rent with a budget of a year.

    Args:
        budget_usd: USD for the year.
        tokens: to be served in the year.
        max_lag_yr: years behind the frontier that are allowed.
        own: the weights must be one's own.
        year, samples, seed: when, and how many futures.

    Raises:
        RangeError: a budget, number of tokens, lag or year out of range.

    >>> best_use("USD 5M", samples=256).best
    'route'
    """
    budget, wanted = parse_quantity(budget_usd, "USD"), parse_quantity(tokens, "tokens")
    if not _SMALLEST <= budget <= _LARGEST:
        raise RangeError(f"budget = {budget:g} USD is out of range; expected 1e3 to 1e14")
    if not 0 < wanted <= 1e20:
        raise RangeError(f"tokens = {wanted:g} is out of range; expected more than 0, up to 1e20")
    if not 0 <= max_lag_yr <= 50:
        raise RangeError(f"max_lag_yr = {max_lag_yr:g} is out of range; expected 0 to 50")
    given = make_access_input(year=year, samples=samples, seed=seed)
    sampled = sample_world(given.samples, given.seed)
    uses = _uses(budget, wanted, check_year(given.year), sampled)
    found = []
    for name, (lag, served, flop) in uses.items():
        enough = float(np.mean((served >= wanted) & (lag <= max_lag_yr)))
        interval = Interval.of(flop) if flop is not None else None
        found.append(Use(name, Interval.of(lag), Interval.of(served), interval, enough, name in ("train", "distil")))
    return BestUse(budget, wanted, max_lag_yr, own, given.year, tuple(found))


def _uses(
    budget: float, wanted: float, year: int, sampled: SampledWorld
) -> dict[str, tuple[Array, Array, Array | None]]:
    """Use -> (lag in years, tokens, FLOP), each ``(n,)``."""
    n, seed = sampled.samples, sampled.seed
    own_price, rent = draw("own_usd_per_mtoken", n, seed) / 1e6, draw("frontier_usd_per_mtoken", n, seed) / 1e6
    left = np.maximum(budget - wanted * own_price, 0.0)
    flop = left * flop_per_usd(year, sampled)
    with np.errstate(divide="ignore"):
        lag = np.maximum(np.log(frontier_flop(sampled, year) / flop) / effective_growth(sampled.state, year)[0], 0.0)
    student = np.maximum(budget - draw("distil_usd", n, seed), 0.0)
    none = np.zeros(n)
    return {
        "train": (lag, np.minimum(budget / own_price, wanted), flop),
        "distil": (draw("distil_lag_yr", n, seed), student / own_price, None),
        "route": (none, budget / (rent * (1.0 - draw("route_saving", n, seed))), None),
        "rent": (none, budget / rent, None),
    }


def flop_per_usd(year: int, sampled: SampledWorld) -> Array:
    """FLOP that a dollar of rented H100 trains, ``(n,)``."""
    p, n = sampled.state, sampled.samples
    price = rental_usd_per_chip_hour(chip("H100-SXM"), start_of(year))
    usd_per_hour = price.interval.at(uniform("rent", n, sampled.seed))
    years = np.array([start_of(year)])
    utilisation = np.minimum(p.at("run.utilisation", years), 1.0)
    per_second = p.at("run.peak_flop_per_s", years) * precision_gain(p, years) * utilisation
    return np.broadcast_to(3600.0 * per_second / usd_per_hour, (1, n))[0]
