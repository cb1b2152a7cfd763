"""What an hour of a chip costs: rented at a date, or owned."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from liebig.catalog import constant, load_catalog, plan_number
from liebig.catalog.training_rows import ChipCostRow, RentalPriceRow
from liebig.cluster.chip import Chip
from liebig.dates import decimal_year
from liebig.errors import RangeError, UnknownNameError
from liebig.site.place import Site
from liebig.uncertainty import INTERVAL_LEVELS, Interval

__all__ = [
    "Owned", "Prices", "chip_cost", "embodied_kgco2e", "owned_usd_per_chip_hour", "priced_year",
    "rental_usd_per_chip_hour", "server_usd",
]  # fmt: skip

HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True)
class Prices:
    """US dollars per chip and hour: p10, p50, p90, and how many dated prices they rest on."""

    p10: float
    p50: float
    p90: float
    basis: int
    note: str

    @property
    def interval(self) -> Interval:
        """The three prices as one."""
        return Interval(self.p10, self.p50, self.p90)


class Owned(BaseModel):
    """Terms of owning: years of service, cost of capital, share of hours used, running costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: what a server costs per chip, when it is known
    server_usd_per_chip: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    years: Annotated[float, Field(gt=0, le=20)] = Field(default_factory=lambda: plan_number("money.years").p50)
    capital_cost: Annotated[float, Field(ge=0, le=1)] = Field(
        default_factory=lambda: plan_number("money.capital_cost").p50
    )
    used: Annotated[float, Field(gt=0, le=1)] = Field(default_factory=lambda: plan_number("money.used").p50)
    #: network, storage and racks next to servers; buildings and grid connection are in ``building_usd_per_w``
    network_share: Annotated[float, Field(ge=0, le=5)] = Field(
        default_factory=lambda: plan_number("money.network_share").p50
    )
    building_usd_per_w: Annotated[float, Field(ge=0, le=100)] = Field(
        default_factory=lambda: plan_number("money.building_usd_per_w").p50
    )
    building_years: Annotated[float, Field(gt=0, le=50)] = Field(
        default_factory=lambda: plan_number("money.building_years").p50
    )
    #: staff, spares and insurance, per year, as a share of what was paid
    upkeep: Annotated[float, Field(ge=0, le=1)] = Field(default_factory=lambda: plan_number("money.upkeep").p50)


#: Terms that rental prices are told for.
TERMS = ("on-demand", "1-year", "3-year", "spot", "market")


@functools.cache
def _rents() -> dict[str, list[tuple[float, float, str]]]:
    out: dict[str, list[tuple[float, float, str]]] = {}
    for row in load_catalog().table("rental_prices"):
        assert isinstance(row, RentalPriceRow)
        out.setdefault(row.chip, []).append((decimal_year(row.date), row.usd_per_chip_hour, row.terms))
    return out


@functools.cache
def _costs() -> dict[str, ChipCostRow]:
    return {r.chip: r for r in load_catalog().table("chip_costs") if isinstance(r, ChipCostRow)}


#: What a buyer pays a chip for; one that differs only in power, links or timings has the price of its kind.
_PAID_FOR = frozenset({"peak_bf16", "peak_fp16", "peak_fp8", "peak_fp4", "memory_bytes", "memory_bandwidth", "release"})


def priced_as(machine: Chip) -> str:
    """The chip of the table whose prices and footprint a chip has: its own name where it has none of them.

    >>> from liebig.cluster.chip import chip_from_fields
    >>> fields = {"name": "ours", "like": "H100-SXM"}
    >>> priced_as(chip_from_fields({**fields, "tdp_w": 500})), priced_as(chip_from_fields({**fields, "peak_fp8": 4e15}))
    ('H100-SXM', 'ours')
    """
    return machine.name if machine.stated & _PAID_FOR else machine.base_name


def chip_cost(machine: Chip) -> ChipCostRow | None:
    """Published prices and footprint of a chip, or None."""
    return _costs().get(priced_as(machine))


def priced_year(date: str | float) -> float:
    """When a price is asked for, as a year with decimals.

    >>> priced_year("2026"), priced_year(2026.0)
    (2026.5, 2026.0)

    Raises:
        RangeError: a date before 2010 or after 2045.
    """
    year = date if isinstance(date, float) else decimal_year(str(date))
    if not 2010 <= year < (2046 if isinstance(date, str) else 2045.000001):
        raise RangeError(f"date {date}: expected between 2010 and 2045")
    return year


def rental_usd_per_chip_hour(machine: Chip, date: str | float, terms: str = "") -> Prices:
    """What a chip costs to rent at a date, over vendors.

    Dated prices of the chip are weighed by how near they lie in time and moved to the date along the usual
    change of prices; without any, a server of its speed is priced by the trend and rented at the going return.

    Args:
        machine: the accelerator.
        date: YYYY, YYYY-MM, YYYY-MM-DD, or a decimal year.
        terms: "on-demand", "1-year", "3-year", "spot", "market"; empty for what large users pay (market and
            reserved prices, where there are any).

    Raises:
        RangeError: a date before 2010 or after 2045.
        UnknownNameError: no such terms.

    >>> from liebig.cluster import chip
    >>> p = rental_usd_per_chip_hour(chip("H100-SXM"), "2025-06")
    >>> 1.0 < p.p10 < p.p50 < p.p90 < 15.0
    True
    """
    year = priced_year(date)
    if terms and terms not in TERMS:
        raise UnknownNameError("terms of rent", terms, TERMS)
    known = _rents().get(name := priced_as(machine), [])
    chosen = (
        [k for k in known if k[2] == terms] if terms else [k for k in known if k[2] in ("market", "1-year", "3-year")]
    )
    note = "dated prices of this chip" if name == machine.table_name else f"dated prices of {name}"
    if not chosen:
        chosen, note = known, f"{note}, on other terms" if terms else note
    if not chosen:
        middle = _trend_rent(machine, year)
        low, high = constant("money.trend_low") * middle, constant("money.trend_high") * middle
        return Prices(low, middle, high, 0, "no price of this chip; from the trend of prices by speed")
    years, prices = np.array([k[0] for k in chosen]), np.array([k[1] for k in chosen])
    moved = prices * plan_number("money.fall_per_year").p50 ** (year - years)
    weight = np.exp(-np.abs(year - years) / constant("money.price_memory_yr"))
    order = np.argsort(moved)
    share = (np.cumsum(weight[order]) - 0.5 * weight[order]) / weight.sum()
    low, middle, high = (float(np.interp(q, share, moved[order])) for q in INTERVAL_LEVELS)
    low, high = (
        min(low, constant("money.price_least_low") * middle), max(high, constant("money.price_least_high") * middle)
    )  # fmt: skip
    off = float(np.abs(years - year).min())
    if off > constant("money.price_far_yr"):
        note += f", the nearest {off:.0f} years off"
    return Prices(low, middle, high, len(chosen), note)


def _trend_rent(machine: Chip, year: float) -> float:
    hours = constant("money.rent_pays_back_yr") * HOURS_PER_YEAR
    return plan_number("money.rent_over_capital").p50 * server_usd(machine, year) / hours


def server_usd(machine: Chip, year: float) -> float:
    """US dollars of a server per chip in a year."""
    cost = chip_cost(machine)
    if cost is not None and cost.server_usd:
        return float(cost.server_usd)
    if cost is not None and cost.chip_usd:
        return plan_number("money.server_over_chip").p50 * float(cost.chip_usd)
    per_flop = plan_number("money.server_usd_per_flop_per_s")
    return per_flop.p50 * plan_number("money.change_per_year").p50 ** (year - per_flop.year) * machine.peak_bf16


def embodied_kgco2e(machine: Chip) -> float:
    """Greenhouse gases of making a chip and its share of a server, kgCO2e."""
    cost = chip_cost(machine)
    if cost is not None and cost.embodied_kgco2e:
        return float(cost.embodied_kgco2e)
    return plan_number("carbon.embodied_kg").p50


def owned_usd_per_chip_hour(
    machine: Chip, year: float, server_w: float, place: Site, terms: Owned | None = None
) -> float:
    """US dollars of an hour of an owned chip: capital, buildings, upkeep and electricity.

    Capital is paid back as an annuity over its years; hours without work are paid for by those with.

    Args:
        machine: the accelerator.
        year: when it was bought.
        server_w: watts of its server in use.
        place: price of electricity and PUE.
        terms: of owning.

    >>> from liebig.cluster import chip
    >>> h100 = chip("H100-SXM")
    >>> 0.8 < owned_usd_per_chip_hour(h100, 2024.5, 1000.0, Site(price_usd_per_kwh=0.08)) < 3.0
    True
    """
    terms = terms or Owned()
    server = server_usd(machine, year) if terms.server_usd_per_chip is None else terms.server_usd_per_chip
    paid = server * (1.0 + terms.network_share)
    building = terms.building_usd_per_w * server_w * place.pue
    yearly = paid * (_annuity(terms.years, terms.capital_cost) + terms.upkeep) + building * _annuity(
        terms.building_years, terms.capital_cost
    )
    return yearly / (HOURS_PER_YEAR * terms.used) + server_w / 1e3 * place.pue * place.price_usd_per_kwh


def _annuity(years: float, rate: float) -> float:
    return 1.0 / years if rate == 0 else rate / (1.0 - math.exp(-years * math.log1p(rate)))
