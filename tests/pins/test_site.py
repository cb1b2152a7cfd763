"""Energy, money and power of machines somewhere, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from liebig.catalog import load_catalog, plan_number
from liebig.catalog.training_rows import RentalPriceRow
from liebig.cluster.chip import Chip, chip
from liebig.dates import decimal_year
from liebig.errors import InputError, RangeError, UnknownNameError
from liebig.site.footprint import footprint
from liebig.site.money import (
    Owned,
    chip_cost,
    embodied_kgco2e,
    owned_usd_per_chip_hour,
    rental_usd_per_chip_hour,
    server_usd,
)
from liebig.site.place import Site, site, site_names
from liebig.site.power import ACTIVITIES, chip_power_w, rated_power_w, server_power_w

H100 = chip("H100-SXM")
ASIC = Chip(name="asic", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12)


def test_a_footprint_by_hand() -> None:
    """7.2e9 J are 2,000 kWh; 2,400 with cooling. 300 g and 2 L for each of these, 0.5 L for each of the former."""
    place = Site(pue=1.2, wue_l_per_kwh=0.5, carbon_g_per_kwh=300, water_l_per_kwh=2)
    f = footprint(7.2e9, place, 1000.0)
    assert (f.energy_j, f.site_energy_j) == pytest.approx((7.2e9, 8.64e9), rel=1e-12)
    assert (f.operational_gco2e, f.embodied_gco2e, f.gco2e) == pytest.approx((720_000, 1000, 721_000), rel=1e-12)
    assert (f.water_site_l, f.water_generation_l, f.water_l) == pytest.approx((1000, 4800, 5800), rel=1e-12)
    assert f.to_dict()["gco2e"] == f.gco2e
    assert f.to_dict()["water_l"] == f.water_l


def test_power_is_the_mean_of_what_a_chip_does() -> None:
    """Each activity at its level; what is missing to 1 as time that is lost; an hour counted twice is none too many."""
    for activity in ACTIVITIES:
        level, lost = plan_number(f"power.{activity}").p50, plan_number("power.lost").p50
        assert chip_power_w(H100, {activity: 1.0}) == pytest.approx(700 * level)
        assert chip_power_w(H100, {activity: 0.25}) == pytest.approx(700 * (0.25 * level + 0.75 * lost))
    many = chip_power_w(H100, {"matmul": np.array([0.0, 0.5]), "bubble": np.array([0.5, 0.5])})
    m, b, lost = (plan_number(f"power.{a}").p50 for a in ("matmul", "bubble", "lost"))
    assert many == pytest.approx([700 * (0.5 * b + 0.5 * lost), 700 * (0.5 * m + 0.5 * b)])
    assert chip_power_w(H100, {"matmul": 1.5}) == pytest.approx(700 * 1.5 * m)
    with pytest.raises(RangeError, match=r"share of matmul is -0\.1"):
        chip_power_w(H100, {"matmul": -0.1})
    with pytest.raises(UnknownNameError, match="activity"):
        chip_power_w(H100, {"sleep": 0.1})


def test_rated_power() -> None:
    """Stated, or by speed: 1e15 FLOP/s times watts for each; a processor by its kind."""
    assert rated_power_w(H100) == 700
    assert rated_power_w(ASIC) == pytest.approx(1e15 * plan_number("power.watts_per_flop_per_s").p50)
    assert rated_power_w(ASIC.model_copy(update={"vendor": "CPU"})) == plan_number("power.processor_w").p50


def test_power_of_a_server() -> None:
    """A chip of 700 W in a server rated 1,275 W for each: a part of the other 575 W. Without, a share of the rating.

    The network takes a share of both.
    """
    network = 1 + plan_number("power.network_share").p50
    load, share = plan_number("power.server_load").p50, plan_number("power.overhead_share").p50
    machine = ASIC.model_copy(update={"tdp_w": 700.0, "system_w": 1275.0})
    assert server_power_w(machine, 600.0) == pytest.approx((600 + load * 575) * network)
    for system in (None, 700.0, 500.0):
        plain = machine.model_copy(update={"system_w": system})
        assert server_power_w(plain, np.array([0.0, 600.0])) == pytest.approx(
            [share * 700 * network, (600 + share * 700) * network]
        )


def test_an_annuity_of_two_years() -> None:
    """At 10 % two payments of a at the ends of two years are worth a/1.1 + a/1.21 = 1.735537 a. A server of 10,000 USD
    and 20 % of network are 12,000; its building costs 10·1.5·1,000 = 15,000 and is paid in one year at 1.1.
    """
    terms = Owned(
        server_usd_per_chip=10_000, years=2, capital_cost=0.1, used=0.5, network_share=0.2, building_usd_per_w=10,
        building_years=1, upkeep=0.05,
    )  # fmt: skip
    place = Site(pue=1.5, price_usd_per_kwh=0.2)
    yearly = 12_000 * (1 / 1.735537190 + 0.05) + 15_000 * 1.1
    hour = owned_usd_per_chip_hour(ASIC, 2025.0, 1000.0, place, terms)
    assert hour == pytest.approx(yearly / (8766 * 0.5) + 1.5 * 0.2)
    free = terms.model_copy(update={"capital_cost": 0.0})
    yearly = 12_000 * (1 / 2 + 0.05) + 15_000
    assert owned_usd_per_chip_hour(ASIC, 2025.0, 1000.0, place, free) == pytest.approx(yearly / 4383 + 0.3)
    # by the going price of a server of its speed where none is stated
    bare = terms.model_copy(update={"server_usd_per_chip": None})
    assert owned_usd_per_chip_hour(ASIC, 2025.0, 1000.0, place, bare) == pytest.approx(
        owned_usd_per_chip_hour(
            ASIC, 2025.0, 1000.0, place, terms.model_copy(update={"server_usd_per_chip": server_usd(ASIC, 2025.0)})
        )
    )
    assert owned_usd_per_chip_hour(ASIC, 2025.0, 1000.0, place) == owned_usd_per_chip_hour(
        ASIC, 2025.0, 1000.0, place, Owned()
    )


def test_terms_of_owning_at_the_ends_of_their_ranges() -> None:
    ends = {
        "server_usd_per_chip": (0, 1e9), "years": (0.01, 20), "capital_cost": (0, 1), "used": (0.01, 1),
        "network_share": (0, 5), "building_usd_per_w": (0, 100), "building_years": (0.01, 50), "upkeep": (0, 1),
    }  # fmt: skip
    assert set(ends) == set(Owned.model_fields)
    for name, (low, high) in ends.items():
        for value in (low, high):
            assert getattr(Owned(**{name: value}), name) == value
        for value in (low - 0.01, high + 0.01):
            with pytest.raises(ValidationError, match=name):
                Owned(**{name: value})


def test_the_price_of_a_server() -> None:
    """Stated; or the chip's and a share; or by speed, with the fall of prices from 2024 on."""
    cost, other = chip_cost(H100), chip_cost(chip("H20"))
    assert cost is not None
    assert other is not None
    assert server_usd(H100, 2030.0) == cost.server_usd
    assert other.server_usd is None
    assert server_usd(chip("H20"), 2030.0) == plan_number("money.server_over_chip").p50 * other.chip_usd
    per_flop, change = (plan_number(f"money.{n}").p50 for n in ("server_usd_per_flop_per_s", "change_per_year"))
    assert server_usd(ASIC, 2026.0) == pytest.approx(1e15 * per_flop * change**2)
    assert server_usd(ASIC, 2023.0) == pytest.approx(1e15 * per_flop / change)


def test_what_making_a_chip_emits() -> None:
    assert embodied_kgco2e(ASIC) == plan_number("carbon.embodied_kg").p50
    cost = chip_cost(H100)
    assert cost is not None
    assert embodied_kgco2e(H100) == cost.embodied_kgco2e


def test_the_rent_of_a_chip_without_prices() -> None:
    """A server by its speed, let for the going return over four years; 0.6 to 1.7 times that."""
    middle = plan_number("money.rent_over_capital").p50 * server_usd(ASIC, 2026.0) / (4 * 8766)
    p = rental_usd_per_chip_hour(ASIC, "2026-01-01")
    assert (p.p10, p.p50, p.p90) == pytest.approx((0.6 * middle, middle, 1.7 * middle))
    assert (p.basis, p.note) == (0, "no price of this chip; from the trend of prices by speed")


def test_the_rent_of_a_chip_with_dated_prices() -> None:
    """Prices moved to the date by the yearly fall, weighed by exp(-Δ/0.75), quantiles at the middle of their weights.

    Computed again here from the rows of the table, one after the other.
    """
    rows = [r for r in load_catalog().rows("rental_prices", RentalPriceRow) if r.chip == "H100-SXM"]
    fall = plan_number("money.fall_per_year").p50

    def by_hand(terms: tuple[str, ...], year: float) -> tuple[float, float, float]:
        known = [(decimal_year(r.date), r.usd_per_chip_hour) for r in rows if r.terms in terms]
        moved = sorted((usd * fall ** (year - at), math.exp(-abs(year - at) / 0.75)) for at, usd in known)
        total = sum(w for _, w in moved)
        places, below = [], 0.0
        for _, w in moved:
            places.append((below + w / 2) / total)
            below += w
        low, middle, high = np.interp((0.1, 0.5, 0.9), places, [usd for usd, _ in moved])
        return min(low, 0.85 * middle), middle, max(high, 1.15 * middle)

    for terms in ("on-demand", "spot", "market"):
        p = rental_usd_per_chip_hour(H100, 2025.5, terms)
        assert (p.p10, p.p50, p.p90) == pytest.approx(by_hand((terms,), 2025.5))
        assert p.note == "dated prices of this chip"
    p = rental_usd_per_chip_hour(H100, 2025.5)
    assert (p.p10, p.p50, p.p90) == pytest.approx(by_hand(("market", "1-year", "3-year"), 2025.5))
    assert p.basis == sum(r.terms in ("market", "1-year", "3-year") for r in rows)


def test_the_rent_of_a_chip_that_is_let_on_other_terms() -> None:
    """A chip whose only prices are on demand is let on them, and the note says so where terms were asked for."""
    terms: dict[str, set[str]] = {}
    for r in load_catalog().rows("rental_prices", RentalPriceRow):
        terms.setdefault(r.chip, set()).add(r.terms)
    name = next(c for c, t in terms.items() if "spot" not in t)
    p = rental_usd_per_chip_hour(chip(name), 2025.5, "spot")
    assert p.note.startswith("dated prices of this chip, on other terms")
    assert p.basis > 0
    only = next(c for c, t in terms.items() if not t & {"market", "1-year", "3-year"})
    assert rental_usd_per_chip_hour(chip(only), 2025.5).note == "dated prices of this chip"


def test_one_price_has_an_interval_of_its_own() -> None:
    """A single price is 0.85 to 1.15 of itself at its date, a year later times the fall."""
    counts: dict[str, list[RentalPriceRow]] = {}
    for r in load_catalog().rows("rental_prices", RentalPriceRow):
        counts.setdefault(r.chip, []).append(r)
    row = next(rows[0] for rows in counts.values() if len(rows) == 1)
    at = decimal_year(row.date)
    for later in (0.0, 1.0):
        usd = row.usd_per_chip_hour * plan_number("money.fall_per_year").p50 ** later
        p = rental_usd_per_chip_hour(chip(row.chip), at + later, row.terms)
        assert (p.p10, p.p50, p.p90) == pytest.approx((0.85 * usd, usd, 1.15 * usd))


def test_dates_and_terms_of_rent() -> None:
    for date in (2010.0, 2045.0, "2010-01-01", "2045-12-31"):
        assert rental_usd_per_chip_hour(H100, date).p50 > 0
    for date in (2009.99, 2045.01, "2009-12-31", "2046-01-01"):
        with pytest.raises(RangeError, match="between 2010 and 2045"):
            rental_usd_per_chip_hour(H100, date)
    with pytest.raises(UnknownNameError, match="terms of rent"):
        rental_usd_per_chip_hour(H100, 2025.0, "weekly")


def test_places_by_name() -> None:
    assert [site(n.upper()).name for n in site_names()] == list(site_names())
    plain = Site()
    assert (plain.pue, plain.price_usd_per_kwh, plain.carbon_g_per_kwh, plain.power_w) == (1.2, 0.08, 0, None)
    assert (plain.wue_l_per_kwh, plain.water_l_per_kwh) == (0, 0)
    with pytest.raises(UnknownNameError, match="site"):
        site("nowhere at all")


def test_the_year_of_a_price_is_the_one_its_unit_names() -> None:
    assert plan_number("access.campus_usd_per_w").year == 2026
    assert plan_number("money.server_usd_per_flop_per_s").year == 2024
    with pytest.raises(InputError, match="names no year"):
        _ = plan_number("goodput.restart_s").year
