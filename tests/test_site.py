"""Places, power, footprints and prices."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from liebig.catalog import load_catalog, plan_number
from liebig.catalog.training_rows import RentalPriceRow, SiteRow
from liebig.cluster import Chip, chip, chip_names
from liebig.dates import decimal_year
from liebig.errors import InputError, RangeError, UnknownNameError
from liebig.site import (
    Owned,
    Site,
    chip_power_w,
    footprint,
    owned_usd_per_chip_hour,
    rental_usd_per_chip_hour,
    server_power_w,
    site,
    site_names,
)
from liebig.site.money import chip_cost, embodied_kgco2e, server_usd
from liebig.site.power import ACTIVITIES, rated_power_w

CHIPS = {name: chip(name) for name in chip_names()}
H100 = CHIPS["H100-SXM"]
TERMS = ("", "on-demand", "1-year", "3-year", "spot", "market")
ASIC = Chip(name="asic", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12)


# ---- places


@pytest.mark.parametrize("name", site_names())
def test_a_site_of_the_catalogue_has_plausible_numbers(name: str) -> None:
    s = site(name)
    assert s.name == name
    assert 1.05 <= s.pue <= 1.6
    assert 0 <= s.wue_l_per_kwh <= 3
    assert 20 <= s.carbon_g_per_kwh <= 800  # from hydropower to coal
    assert 0.5 <= s.water_l_per_kwh <= 20
    assert 0.03 <= s.price_usd_per_kwh <= 0.3
    assert s.power_w is None


def test_clean_grids_are_cleaner_than_coal() -> None:
    clean = [site(n).carbon_g_per_kwh for n in ("norway", "sweden", "france", "iceland", "canada-quebec")]
    coal = [site(n).carbon_g_per_kwh for n in ("poland", "india", "south-africa", "china-inner-mongolia")]
    assert max(clean) < 100 < 500 < min(coal)
    assert site("closed-loop").wue_l_per_kwh == 0 < site("efficient-hyperscale").wue_l_per_kwh


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Norway", "norway"),
        ("NOR", "norway"),
        ("us average", "us-average"),
        ("USA", "us-average"),
        ("US_Northern Virginia", "us-northern-virginia"),
        ("World", "world-average"),
        ("  germany ", "germany"),
    ],
)
def test_sites_are_found_in_any_usual_spelling_and_by_country(written: str, name: str) -> None:
    assert site(written).name == name


def test_every_alias_leads_to_a_site() -> None:
    rows = load_catalog().rows("sites", SiteRow)
    assert len(rows) == len(site_names()) >= 20
    for row in rows:
        for text in (row.name, *(a for a in row.aliases.split(";") if a.strip())):
            assert site(text).name in site_names()


@pytest.mark.parametrize(
    ("written", "near"), [("norwai", "norway"), ("us-averge", "us-average"), ("virgin", "us-northern-virginia")]
)
def test_an_unknown_site_lists_the_nearest_names(written: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean") as told:
        site(written)
    assert repr(near) in str(told.value)


@pytest.mark.parametrize("written", ["", "--", "the far side of the moon"])
def test_a_name_like_no_site_is_refused(written: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown site"):
        site(written)


@pytest.mark.parametrize(
    "change",
    [
        {"pue": 0.9}, {"pue": 3.1}, {"pue": math.nan}, {"wue_l_per_kwh": -0.1}, {"wue_l_per_kwh": math.inf},
        {"carbon_g_per_kwh": -1.0}, {"carbon_g_per_kwh": math.nan}, {"water_l_per_kwh": -1.0},
        {"price_usd_per_kwh": -0.01}, {"price_usd_per_kwh": math.inf}, {"power_w": 0.0}, {"power_w": -1e6},
        {"power_w": math.inf}, {"pue": "low"}, {"altitude_m": 400.0},
    ],
)  # fmt: skip
def test_impossible_numbers_of_a_site_are_refused(change: dict[str, Any]) -> None:
    assert Site(pue=1.1, power_w=1e6).pue == 1.1
    with pytest.raises(ValidationError, match=next(iter(change))):
        Site(**change)


@pytest.mark.parametrize("change", [{"pue": 0.5}, {"pue": 9.0}, {"carbon_g_per_kwh": -5}, {"country": "Norway"}])
def test_impossible_rows_of_sites_are_refused(change: dict[str, Any]) -> None:
    row = load_catalog().rows("sites", SiteRow)[0].model_dump()
    assert SiteRow(**row).pue >= 1
    with pytest.raises(ValidationError, match=next(iter(change))):
        SiteRow(**{**row, **change})


# ---- power


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_of_the_catalogue_draws_power(name: str) -> None:
    c = CHIPS[name]
    rated = rated_power_w(c)
    assert rated == c.tdp_w if c.tdp_w else rated > 10
    assert float(chip_power_w(c, {})) == pytest.approx(0.2 * rated)
    busy = float(chip_power_w(c, {"matmul": 1.0}))
    assert 0.9 * rated < busy <= rated
    assert float(server_power_w(c, busy)) > busy


@given(
    st.sampled_from(list(CHIPS)),
    st.lists(st.floats(0, 1), min_size=len(ACTIVITIES), max_size=len(ACTIVITIES)),
    st.floats(0, 1),
)
def test_power_lies_between_idle_and_rated_whatever_a_chip_does(name: str, parts: list[float], busy: float) -> None:
    whole = sum(parts) or 1.0
    shares = {a: busy * p / whole for a, p in zip(ACTIVITIES, parts, strict=True)}
    watts = float(chip_power_w(CHIPS[name], shares))
    rated = rated_power_w(CHIPS[name])
    idle = float(chip_power_w(CHIPS[name], {"lost": 1.0}))
    assert idle * (1 - 1e-9) <= watts <= rated * (1 + 1e-9)
    assert float(server_power_w(CHIPS[name], watts)) > watts


def test_power_is_the_mean_over_what_a_chip_does() -> None:
    level = {a: plan_number(f"power.{a}").p50 for a in ("matmul", "memory", "lost")}
    by_hand = 700 * (0.5 * level["matmul"] + 0.3 * level["memory"] + 0.2 * level["lost"])
    assert float(chip_power_w(H100, {"matmul": 0.5, "memory": 0.3})) == pytest.approx(by_hand, rel=1e-12)
    many = chip_power_w(H100, {"matmul": np.array([0.0, 0.5, 1.0]), "memory": 0.0})
    assert many.shape == (3,)
    assert np.all(np.diff(many) > 0)
    assert many[1] == pytest.approx((many[0] + many[2]) / 2, rel=1e-12)


def test_multiplying_takes_more_power_than_anything_else_and_idling_the_least() -> None:
    watts = {a: float(chip_power_w(H100, {a: 1.0})) for a in ACTIVITIES}
    assert max(watts, key=watts.__getitem__) == "matmul"
    assert min(watts, key=watts.__getitem__) == "lost"


def test_an_unknown_activity_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'matmul'"):
        chip_power_w(H100, {"matmull": 0.5})


def test_a_chip_that_states_no_power_gets_one_by_its_speed() -> None:
    assert rated_power_w(ASIC) == plan_number("power.watts_per_flop_per_s").p50 * 1e15
    assert 300 < rated_power_w(ASIC) < 3000
    processor = Chip(**{**ASIC.model_dump(), "vendor": "CPU"})
    assert rated_power_w(processor) == plan_number("power.processor_w").p50
    assert rated_power_w(Chip(**{**ASIC.model_dump(), "tdp_w": 123.0})) == 123.0


def test_a_server_at_full_load_draws_about_what_its_maker_states() -> None:
    """At most 10.2 kW in a DGX H100 and 14.3 kW in a DGX B200, which are limits rather than loads."""
    for name, stated in (("H100-SXM", 10_200 / 8), ("B200-SXM", 14_300 / 8)):
        c = CHIPS[name]
        assert 0.75 * stated < float(server_power_w(c, rated_power_w(c))) < 1.05 * stated
    watts = server_power_w(H100, np.array([100.0, 400.0, 700.0]))
    assert np.allclose(np.diff(watts), 300 * (1 + plan_number("power.network_share").p50))


# ---- footprint


@given(
    st.floats(0, 1e18), st.floats(0, 1e4), st.floats(1, 3), st.floats(0, 5), st.floats(0, 2000), st.floats(0, 50)
)  # fmt: skip
def test_a_footprint_is_in_proportion_to_energy(
    energy: float, times: float, pue: float, wue: float, carbon: float, water: float
) -> None:
    place = Site(pue=pue, wue_l_per_kwh=wue, carbon_g_per_kwh=carbon, water_l_per_kwh=water)
    one, more = footprint(energy, place), footprint(times * energy, place)
    assert one.site_energy_j >= one.energy_j == energy
    for field, value in one.to_dict().items():
        assert value >= 0
        assert more.to_dict()[field] == pytest.approx(times * value, rel=1e-9, abs=1e-300)


def test_a_megawatt_hour_by_hand() -> None:
    place = Site(pue=1.2, wue_l_per_kwh=0.5, carbon_g_per_kwh=300, water_l_per_kwh=2)
    f = footprint(3.6e9, place, embodied_gco2e=1234.0)
    assert f.site_energy_j == pytest.approx(1.2 * 3.6e9)
    assert f.operational_gco2e == pytest.approx(1000 * 1.2 * 300)
    assert f.gco2e == pytest.approx(360_000 + 1234)
    # water on site goes with the energy of the machines, water of generation with all of it
    assert f.water_site_l == pytest.approx(500)
    assert f.water_generation_l == pytest.approx(2400)
    assert f.water_l == pytest.approx(2900)


def test_llama_3_1_405b_emits_about_what_its_card_states() -> None:
    """30.84 million hours at 700 W are 8,930 t, location-based (model card); its grid was about 390 g/kWh."""
    f = footprint(30.84e6 * 3600 * 700, Site(pue=1.09, carbon_g_per_kwh=383.55))
    assert f.gco2e / 1e6 == pytest.approx(8930, rel=0.05)


def test_making_a_chip_emits_what_was_published_or_the_usual() -> None:
    assert embodied_kgco2e(ASIC) == plan_number("carbon.embodied_kg").p50
    assert all(50 < embodied_kgco2e(c) < 3000 for c in CHIPS.values())
    assert embodied_kgco2e(CHIPS["B200-SXM"]) > embodied_kgco2e(H100) > embodied_kgco2e(CHIPS["A100-SXM-80GB"])


# ---- dates


def test_a_month_or_year_of_a_price_is_its_middle() -> None:
    for text, when in (("2025", 2025.5), ("2025-06", 2025 + 166 / 365), ("2025-06-16", 2025 + 166 / 365)):
        assert rental_usd_per_chip_hour(H100, text) == rental_usd_per_chip_hour(H100, when)


@pytest.mark.parametrize("date", ["2025-13", "2025-02-30", "soon"])
def test_bad_dates_are_refused_with_a_message(date: str) -> None:
    with pytest.raises(InputError):
        rental_usd_per_chip_hour(H100, date)


# ---- renting


@given(
    st.sampled_from(list(CHIPS)),
    st.dates(datetime.date(2010, 1, 1), datetime.date(2044, 12, 31)),
    st.sampled_from(TERMS),
)
def test_prices_are_positive_and_in_order_at_any_date(name: str, day: datetime.date, terms: str) -> None:
    p = rental_usd_per_chip_hour(CHIPS[name], day.isoformat(), terms)
    assert 0 < p.p10 < p.p50 < p.p90 < math.inf
    assert p.basis >= 0
    assert (p.basis == 0) == (p.note == "no price of this chip; from the trend of prices by speed")
    assert p == rental_usd_per_chip_hour(CHIPS[name], decimal_year(day.isoformat()), terms)


@pytest.mark.parametrize("name", ["A100-SXM-80GB", "H100-SXM", "H200-SXM", "B200-SXM"])
@pytest.mark.parametrize("date", ["2025-06", "2026-01", "2026-09"])
def test_spot_is_cheaper_than_on_demand(name: str, date: str) -> None:
    spot, demand = (rental_usd_per_chip_hour(CHIPS[name], date, t) for t in ("spot", "on-demand"))
    assert spot.basis > 0
    assert demand.basis > 0
    assert spot.p50 < demand.p50


def test_large_users_pay_less_than_the_list_price() -> None:
    for name in ("A100-SXM-80GB", "H100-SXM", "H200-SXM", "B200-SXM"):
        large, listed = (rental_usd_per_chip_hour(CHIPS[name], "2026-06", t) for t in ("", "on-demand"))
        assert large.p50 < listed.p50


@pytest.mark.parametrize(
    ("name", "date", "low", "high"),
    [
        ("H100-SXM", "2023-10", 3.0, 6.0),
        ("H100-SXM", "2025-07", 2.0, 3.5),
        ("A100-SXM-80GB", "2024-01", 1.5, 2.8),
        ("B200-SXM", "2026-01", 4.5, 7.5),
    ],
)
def test_prices_at_a_date_are_those_that_were_asked_then(name: str, date: str, low: float, high: float) -> None:
    """Averages of many vendors, as in the table."""
    assert low < rental_usd_per_chip_hour(CHIPS[name], date, "market").p50 < high


def test_the_yearly_change_of_prices_is_that_of_the_table() -> None:
    """Log-linear in time within chip and terms; its ends hold the fits of one chip and of the last years."""
    rows = load_catalog().rows("rental_prices", RentalPriceRow)

    def fitted(since: float = 0.0, only: str = "") -> float:
        groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for r in rows:
            if decimal_year(r.date) >= since and r.chip.startswith(only):
                groups.setdefault((r.chip, r.terms), []).append((decimal_year(r.date), math.log(r.usd_per_chip_hour)))
        off = np.concatenate([np.array(g) - np.mean(g, axis=0) for g in groups.values()])
        return math.exp((off[:, 0] @ off[:, 1]) / (off[:, 0] @ off[:, 0]))

    number = plan_number("money.fall_per_year")
    assert number.p50 == pytest.approx(fitted(), abs=0.006)
    assert number.p10 == pytest.approx(fitted(only="H100-SXM"), abs=0.006)
    assert number.p90 == pytest.approx(fitted(since=2025.0), abs=0.006)


def test_prices_before_and_after_the_data_follow_the_usual_change() -> None:
    fall = plan_number("money.fall_per_year").p50
    p = [rental_usd_per_chip_hour(H100, float(y), "market").p50 for y in (2034, 2035, 2036)]
    assert p[1] / p[0] == pytest.approx(fall, rel=1e-3)
    assert p[2] / p[1] == pytest.approx(fall, rel=1e-3)
    assert p[0] < rental_usd_per_chip_hour(H100, 2026.0, "market").p50


def test_a_chip_of_ones_own_is_priced_by_its_speed() -> None:
    p = rental_usd_per_chip_hour(ASIC, "2026-06")
    assert p.basis == 0
    twice = rental_usd_per_chip_hour(Chip(**{**ASIC.model_dump(), "peak_bf16": 2e15}), "2026-06")
    assert twice.p50 == pytest.approx(2 * p.p50, rel=1e-12)
    assert 0.3 < p.p50 / rental_usd_per_chip_hour(H100, "2026-06").p50 < 3
    assert chip_cost(ASIC) is None


@pytest.mark.parametrize("date", ["2009", "1999-01-01", "2046", "9999-12-31", 2009.9, 2045.1, math.nan, math.inf])
def test_dates_out_of_range_are_refused(date: str | float) -> None:
    with pytest.raises(RangeError, match="expected between 2010 and 2045"):
        rental_usd_per_chip_hour(H100, date)


def test_the_last_year_of_the_range_is_in_it() -> None:
    assert rental_usd_per_chip_hour(H100, "2045").p50 > 0


def test_unknown_terms_are_refused() -> None:
    with pytest.raises(InputError):
        rental_usd_per_chip_hour(H100, "2026", "weekly")


def test_rented_chips_of_the_table_are_chips_of_the_catalogue() -> None:
    rows = load_catalog().rows("rental_prices", RentalPriceRow)
    assert {r.chip for r in rows} <= set(CHIPS)
    assert all(0.02 < r.usd_per_chip_hour < 40 for r in rows)
    row = rows[0].model_dump()
    for change in ({"terms": "weekly"}, {"date": "2025-13"}, {"usd_per_chip_hour": -1.0}):
        with pytest.raises(ValidationError, match=next(iter(change))):
            RentalPriceRow(**{**row, **change})


# ---- owning

TERMS_OF_OWNING = Owned(
    years=5, capital_cost=0.1, used=0.85, network_share=0.2, building_usd_per_w=10, building_years=15, upkeep=0.05
)


def _annuity(years: int, rate: float) -> float:
    """What must be paid each year, so that the present value of all payments is one."""
    return 1.0 / sum((1 + rate) ** -(i + 1) for i in range(years))


def test_an_owned_hour_by_hand() -> None:
    place = Site(pue=1.25, price_usd_per_kwh=0.1)
    server = server_usd(H100, 2025.0)
    assert 25_000 < server < 50_000
    yearly = 1.2 * server * (_annuity(5, 0.1) + 0.05) + 10 * 1000 * 1.25 * _annuity(15, 0.1)
    by_hand = yearly / (365.25 * 24 * 0.85) + 1.0 * 1.25 * 0.1
    assert owned_usd_per_chip_hour(H100, 2025.0, 1000.0, place, TERMS_OF_OWNING) == pytest.approx(by_hand, rel=1e-9)


def test_without_cost_of_capital_what_was_paid_is_spread_evenly() -> None:
    free = Owned(**{**TERMS_OF_OWNING.model_dump(), "capital_cost": 0.0, "upkeep": 0.0, "building_usd_per_w": 0.0})
    hour = owned_usd_per_chip_hour(H100, 2025.0, 0.0, Site(), free)
    assert hour == pytest.approx(1.2 * server_usd(H100, 2025.0) / 5 / (8766 * 0.85), rel=1e-12)
    nearly = Owned(**{**free.model_dump(), "capital_cost": 1e-9})
    assert owned_usd_per_chip_hour(H100, 2025.0, 0.0, Site(), nearly) == pytest.approx(hour, rel=1e-6)


@given(
    st.sampled_from(list(CHIPS)),
    st.floats(2015, 2040),
    st.floats(100, 3000),
    st.floats(0, 0.5),
    st.floats(1.01, 5),
)
def test_an_owned_hour_costs_more_where_electricity_does(
    name: str, year: float, watts: float, price: float, times: float
) -> None:
    def hour(**change: Any) -> float:
        place = Site(**{"pue": 1.2, "price_usd_per_kwh": price, **change})
        return owned_usd_per_chip_hour(CHIPS[name], year, watts, place)

    base = hour()
    assert 0 < base < math.inf
    assert hour(price_usd_per_kwh=times * price + 0.01) - base == pytest.approx(
        watts / 1e3 * 1.2 * (times * price + 0.01 - price), rel=1e-6
    )
    assert hour(pue=1.5) > base


@pytest.mark.parametrize(
    ("change", "cheaper"),
    [
        ({"years": 8.0}, True),
        ({"used": 1.0}, True),
        ({"building_years": 30.0}, True),
        ({"capital_cost": 0.2}, False),
        ({"network_share": 0.5}, False),
        ({"building_usd_per_w": 20.0}, False),
        ({"upkeep": 0.1}, False),
    ],
)
def test_each_term_of_owning_moves_the_price_the_right_way(change: dict[str, float], cheaper: bool) -> None:
    place = site("us-average")
    before = owned_usd_per_chip_hour(H100, 2025.0, 1000.0, place, TERMS_OF_OWNING)
    after = owned_usd_per_chip_hour(H100, 2025.0, 1000.0, place, Owned(**{**TERMS_OF_OWNING.model_dump(), **change}))
    assert (after < before) is cheaper
    assert 0.3 < after / before < 3


def test_a_known_price_of_a_server_takes_the_place_of_the_usual_one() -> None:
    def hour(c: Chip, **change: float) -> float:
        return owned_usd_per_chip_hour(c, 2025.0, 1000.0, Site(), Owned(**{**TERMS_OF_OWNING.model_dump(), **change}))

    assert hour(H100, server_usd_per_chip=server_usd(H100, 2025.0)) == hour(H100)
    assert hour(H100, server_usd_per_chip=20_000.0) == hour(ASIC, server_usd_per_chip=20_000.0) < hour(H100)
    none, one, two = (hour(H100, server_usd_per_chip=x) for x in (0.0, 1e4, 2e4))
    assert 0 < none < one
    assert two - one == pytest.approx(one - none, rel=1e-9)


def test_owning_at_good_use_costs_less_than_renting_on_demand() -> None:
    for name in ("A100-SXM-80GB", "H100-SXM", "H200-SXM", "B200-SXM"):
        c = CHIPS[name]
        owned = owned_usd_per_chip_hour(c, 2025.5, float(server_power_w(c, rated_power_w(c))), site("us-average"))
        assert owned < rental_usd_per_chip_hour(c, "2025-07", "on-demand").p50


@pytest.mark.parametrize(
    "change",
    [
        {"years": 0.0}, {"years": -1.0}, {"years": 21.0}, {"years": math.nan}, {"capital_cost": -0.1},
        {"capital_cost": 1.1}, {"capital_cost": math.nan}, {"used": 0.0}, {"used": 1.01}, {"used": math.nan},
        {"network_share": -0.1}, {"network_share": math.inf}, {"building_usd_per_w": -1.0},
        {"building_usd_per_w": 101.0}, {"building_years": 0.0}, {"building_years": 51.0}, {"upkeep": -0.01},
        {"upkeep": 2.0}, {"server_usd_per_chip": -1.0}, {"server_usd_per_chip": math.nan}, {"years": "long"},
        {"rent": 1.0},
    ],
)  # fmt: skip
def test_impossible_terms_of_owning_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        Owned(**change)


def test_the_usual_terms_of_owning_are_those_of_the_table() -> None:
    usual = Owned()
    for name in ("years", "capital_cost", "used", "network_share", "building_usd_per_w", "building_years", "upkeep"):
        assert getattr(usual, name) == plan_number(f"money.{name}").p50


def test_servers_cost_what_was_paid_for_them_or_what_their_speed_does() -> None:
    cost = chip_cost(H100)
    assert cost is not None
    assert server_usd(H100, 2025.0) == server_usd(H100, 2030.0) == cost.server_usd
    # only the chip's price is known: a server is that and a share
    h20 = chip_cost(CHIPS["H20"])
    assert h20 is not None
    assert h20.server_usd is None
    assert h20.chip_usd is not None
    assert h20.chip_usd < server_usd(CHIPS["H20"], 2025.0) < 2 * h20.chip_usd
    # nothing is known: dollars per FLOP/s, which fall each year
    assert server_usd(ASIC, 2026.0) / server_usd(ASIC, 2025.0) == pytest.approx(
        plan_number("money.change_per_year").p50
    )
    assert all(500 < server_usd(c, 2025.0) < 1e6 for c in CHIPS.values())
