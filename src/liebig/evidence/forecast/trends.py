"""Trends refitted from the bundled data on models and chips, next to the published values.

One rule for models: of those without a base model (a finetune repeats its base's compute), keep the
``top`` largest training runs *at release*: model i is kept when fewer than ``top`` models
published until then are larger.  It never looks ahead, and with top = 10 it is Epoch's definition
of a frontier model.  Fit: ordinary least squares of log10 on the date; interval: the widest of
three bootstraps (models, calendar years, organisations), because residuals within a year and an
organisation go together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.catalog.rows import ChipRow, ModelRow
from liebig.dates import decimal_year
from liebig.errors import RangeError, UnknownNameError
from liebig.tables import Table
from liebig.uncertainty import check_seed

__all__ = [
    "QUANTITIES",
    "Fit",
    "Trend",
    "fit_growth",
    "fit_trends",
    "records",
    "top_at_release",
]

Array = NDArray[np.float64]
Selection = Literal["top", "records"]
RESAMPLES = 4000


@dataclass(frozen=True)
class Quantity:
    """Something whose growth is fitted."""

    name: str
    unit: str
    table: Literal["models", "chips"]
    value: Callable[[Any], float | None]
    window: tuple[float, float]
    published: str | None


def _per_watt(chip: ChipRow) -> float | None:
    return chip.peak_bf16 / chip.tdp_w if chip.peak_bf16 and chip.tdp_w else None


def _per_dollar(chip: ChipRow) -> float | None:
    return chip.peak_bf16 / chip.price_usd if chip.peak_bf16 and chip.price_usd else None


QUANTITIES: Mapping[str, Quantity] = {
    "compute": Quantity(
        "training compute", "FLOP", "models", lambda m: m.training_flop, (2010.0, 2024.4), "trend.compute"
    ),
    "cost": Quantity(
        "training cost", "USD of 2023", "models", lambda m: m.cost_usd_2023, (2015.7, 2024.4), "trend.cost"
    ),
    "power": Quantity("power draw", "W", "models", lambda m: m.power_w, (2010.0, 2024.4), "trend.power"),
    "duration": Quantity(
        "run length", "hours", "models", lambda m: m.training_hours, (2015.7, 2024.4), "trend.duration"
    ),
    "chips": Quantity("chips per run", "chips", "models", lambda m: m.hardware_quantity, (2015.7, 2024.4), None),
    "performance": Quantity(
        "16-bit FLOP/s per chip", "FLOP/s", "chips", lambda c: c.peak_bf16, (2015.0, 2026.0), "trend.performance"
    ),
    "efficiency": Quantity(
        "16-bit FLOP/s per watt", "FLOP/s/W", "chips", _per_watt, (2015.0, 2026.0), "trend.efficiency"
    ),
    "bandwidth": Quantity(
        "memory bandwidth", "B/s", "chips", lambda c: c.memory_bandwidth, (2015.0, 2026.0), None
    ),
    "price-performance": Quantity(
        "16-bit FLOP/s per USD at release", "FLOP/s/USD", "chips", _per_dollar, (2008.0, 2026.0),
        "trend.price-performance",
    ),
}  # fmt: skip
#: Leading chips: the three fastest at release.  Prices are too rare for that: all chips.
_LEADING = 3


@dataclass(frozen=True)
class Fit:
    """Growth per year of a quantity: estimate, 90 % interval, points, residual spread in decades."""

    growth: float
    p5: float
    p95: float
    n: int
    residual: float

    @property
    def doubling_months(self) -> float:
        """Months in which the quantity doubles (negative when it falls)."""
        return 12.0 * float(np.log(2.0) / np.log(self.growth))


@dataclass(frozen=True)
class Trend:
    """A fit, what it was fitted on, and the published value beside it."""

    id: str
    name: str
    unit: str
    window: tuple[float, float]
    selection: str
    fit: Fit
    published: tuple[float | None, float | None, float | None] | None
    published_source: str
    inside: bool | None
    points: tuple[tuple[float, float, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "trend": self.id,
            "name": self.name,
            "unit": self.unit,
            "from": self.window[0],
            "until": self.window[1],
            "selection": self.selection,
            "growth_per_year": self.fit.growth,
            "p5": self.fit.p5,
            "p95": self.fit.p95,
            "n": self.fit.n,
            "residual_decades": self.fit.residual,
            "doubling_months": self.fit.doubling_months,
            "published": self.published[1] if self.published else None,
            "published_low": self.published[0] if self.published else None,
            "published_high": self.published[2] if self.published else None,
            "published_source": self.published_source,
            "inside_published_interval": self.inside,
        }


def top_at_release(years: Array, values: Array, top: int) -> NDArray[np.bool_]:
    """Which values are among the ``top`` largest of all published until then.

    Args:
        years: ``(n,)`` dates.
        values: ``(n,)``; ties do not push each other out.
        top: how many.

    >>> top_at_release(np.array([1.0, 2.0, 3.0]), np.array([5.0, 3.0, 9.0]), 1)
    array([ True, False,  True])
    """
    larger = (years[None, :] <= years[:, None]) & (values[None, :] > values[:, None])
    keep: NDArray[np.bool_] = larger.sum(axis=1) < top
    return keep


def records(years: Array, values: Array, top: int) -> NDArray[np.bool_]:
    """Which values enter the ``top`` list in order of publication, ties left out.

    >>> records(np.array([1.0, 2.0, 3.0]), np.array([5.0, 5.0, 9.0]), 1)
    array([ True, False,  True])
    """
    best: list[float] = []
    keep = np.zeros(len(values), dtype=bool)
    for i in np.lexsort((values, years)):
        if len(best) < top or values[i] > min(best):
            keep[i] = True
            best = sorted([*best, float(values[i])])[-top:]
    return keep


def fit_growth(years: Array, values: Array, clusters: Sequence[Sequence[Any]] = (), seed: int = 1) -> Fit:
    """Yearly growth by least squares on log10, with the widest of several bootstrap intervals.

    Args:
        years: ``(n,)``.
        values: ``(n,)``, positive.
        clusters: labels that go together when drawn, each of length n.
        seed: of the bootstrap.

    Raises:
        RangeError: fewer than four points, or all at one date.

    >>> t = np.arange(2010.0, 2020.0)
    >>> round(fit_growth(t, 3.0 ** (t - 2010)).growth, 6)
    3.0
    """
    if len(years) < 4 or np.ptp(years) < 0.1:
        raise RangeError(
            f"only {len(years)} points to fit; choose a wider window or a larger top (at least 4 are needed)"
        )
    y = np.log10(values)
    t = years - years.mean()
    slope = float((t * (y - y.mean())).sum() / (t * t).sum())
    residual = float(np.sqrt(((y - y.mean() - slope * t) ** 2).sum() / (len(t) - 2)))
    low, high = slope, slope
    for labels in (list(range(len(t))), *clusters):
        a, b = _bootstrap(t, y, labels, seed)
        low, high = min(low, a), max(high, b)
    return Fit(10.0**slope, 10.0**low, 10.0**high, len(t), residual)


def _bootstrap(t: Array, y: Array, labels: Sequence[Any], seed: int) -> tuple[float, float]:
    """5 % and 95 % of the slope when whole clusters are drawn, through their sums."""
    codes = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    group = np.array([codes[label] for label in labels])
    sums = np.stack([np.bincount(group, w, len(codes)) for w in (np.ones_like(t), t, y, t * t, t * y)], axis=1)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(codes), np.full(len(codes), 1.0 / len(codes)), RESAMPLES)
    n, st, sy, stt, sty = (weights @ sums).T
    spread = stt * n - st * st
    usable = spread > 1e-9
    slopes = (sty[usable] * n[usable] - st[usable] * sy[usable]) / spread[usable]
    low, high = (float(v) for v in np.quantile(slopes, (0.05, 0.95)))
    return low, high


def fit_trends(
    names: Sequence[str] = (),
    *,
    window: tuple[float, float] | None = None,
    top: int = 10,
    selection: Selection = "top",
    finetunes: bool = False,
    catalog: Catalog | None = None,
    seed: int = 1,
) -> tuple[Trend, ...]:
    """Refit trends.

    Args:
        names: of :data:`QUANTITIES`; default all.
        window: first and last (exclusive) year; default the window of the published value.
        top: size of the top list at release (models; chips always use the three fastest).
        selection: ``top`` at release, or running ``records``.
        finetunes: also count models made from another.
        catalog: facts; default the built-in ones.
        seed: of the bootstrap.

    Raises:
        UnknownNameError: no such trend.
        RangeError: an empty window, or too few points.

    >>> compute, = fit_trends(["compute"])
    >>> 4.0 <= compute.fit.growth <= 5.0
    True
    """
    catalog = load_catalog() if catalog is None else catalog
    for name in names:
        if name not in QUANTITIES:
            raise UnknownNameError("trend", name, QUANTITIES)
    check_seed(seed)
    if window is not None and not (math.isfinite(window[0] + window[1]) and window[0] < window[1]):
        raise RangeError(f"window {window[0]:g}:{window[1]:g} is empty; give an earlier and a later year")
    if top < 1:
        raise RangeError(f"top = {top} is out of range; expected 1 or more")
    return tuple(
        _fit_one(name, window, top, selection, finetunes, catalog, seed) for name in (names or tuple(QUANTITIES))
    )


def _fit_one(
    name: str,
    window: tuple[float, float] | None,
    top: int,
    selection: Selection,
    finetunes: bool,
    catalog: Catalog,
    seed: int,
) -> Trend:
    quantity = QUANTITIES[name]
    if quantity.table == "models":
        rows: list[Any] = frontier_models(catalog, top, selection, finetunes)
        text = (
            f"{'top-' if selection == 'top' else 'records of top-'}{top}{' at release' if selection == 'top' else ''}"
        )
    else:
        rows, text = _chips(catalog, name)
    first, last = window or quantity.window
    kept = [(decimal_year(_date(r)), float(v), r) for r in rows if (v := quantity.value(r))]
    kept = [k for k in kept if first <= k[0] < last]
    years, values = np.array([k[0] for k in kept]), np.array([k[1] for k in kept])
    makers = [(k[2].organisation if quantity.table == "models" else k[2].vendor).split(",")[0] for k in kept]
    try:
        fit = fit_growth(years, values, ([int(y) for y in years], makers), seed)
    except RangeError as error:
        raise RangeError(f"{name}, {first:g} to {last:g}: {error}") from None
    published = catalog.published().get(quantity.published or "")
    bounds = (published.low, published.mid, published.high) if published else None
    inside = None
    if bounds and bounds[0] is not None and bounds[2] is not None:
        inside = bounds[0] <= fit.growth <= bounds[2]
    return Trend(
        name,
        quantity.name,
        quantity.unit,
        (first, last),
        text,
        fit,
        bounds,
        published.source if published else "",
        inside,
        tuple((k[0], k[1], k[2].name) for k in kept),
    )


def _date(row: ModelRow | ChipRow) -> str:
    return row.published if isinstance(row, ModelRow) else row.release


def frontier_models(
    catalog: Catalog, top: int = 10, selection: Selection = "top", finetunes: bool = False
) -> list[ModelRow]:
    """Models among the largest training runs when they appeared, in order of publication."""
    rows = [m for m in catalog.models() if m.training_flop and (finetunes or not m.finetuned_from)]
    years = np.array([decimal_year(m.published) for m in rows])
    flop = np.array([m.training_flop for m in rows], dtype=float)
    keep = top_at_release(years, flop, top) if selection == "top" else records(years, flop, top)
    return [m for m, k in zip(rows, keep, strict=True) if k]


def _chips(catalog: Catalog, name: str) -> tuple[list[ChipRow], str]:
    # of Epoch AI's table: it leaves wafers, halves of packages and clones out
    rows = [c for c in catalog.chips() if c.epoch_names and c.release and c.peak_bf16]
    if name == "price-performance":
        return rows, "all chips with a price"
    years = np.array([decimal_year(c.release) for c in rows])
    rate = np.array([c.peak_bf16 for c in rows], dtype=float)
    keep = top_at_release(years, rate, _LEADING)
    return [c for c, k in zip(rows, keep, strict=True) if k], f"{_LEADING} fastest at release"


def trends_table(trends: Sequence[Trend]) -> Table:
    """One row for each trend."""
    return Table.from_rows(t.to_dict() for t in trends)
