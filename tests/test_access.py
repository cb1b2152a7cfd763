"""Access: countries and clubs, need and supply, export control, inequality, budgets."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from liebig.access import (
    AccessInput,
    best_use,
    country_table,
    coverage,
    dependency,
    efficiency_access,
    embargo_cost,
    export_scenarios,
    find_access,
    find_place,
    find_scenario,
    inequality,
    join,
    measures,
    owner_access,
)
from liebig.access.draws import draw, uniform
from liebig.access.export import share_draws
from liebig.access.need import find_need, parse_need, sample_world
from liebig.access.places import CLUBS, all_countries
from liebig.access.unequal import gini, lorenz
from liebig.catalog import plan_number
from liebig.errors import ConflictError, InputError, LiebigError, RangeError, ScenarioError, UnknownNameError
from liebig.uncertainty import Interval

from .conftest import Cli

FAST = {"samples": 512}

#: Years of growth of electricity, and cost over product in %, of a campus of 1 GW built in 2026.
SAMPLE = [
    ("United States", 0.17, 0.1),
    ("China", 0.01, 0.2),
    ("Brazil", 0.34, 1.5),
    ("India", 0.08, 0.8),
    ("Nigeria", 28, 17),
    ("Kenya", 18, 26),
    ("Bangladesh", 1.11, 7),
]


@pytest.mark.parametrize(("country", "years", "product"), SAMPLE)
def test_the_sample_of_countries_comes_out(country: str, years: float, product: float) -> None:
    place = find_access(countries=(country,), need="1 GW", year=2026).places[0]
    decimals = 0 if years >= 10 else 2
    assert round(place.growth_years[1], decimals) == years
    assert round(100 * place.gdp_share[1], 0 if product >= 7 else 1) == product


def test_the_sample_is_mean_growth_and_load() -> None:
    usa = find_place("US").members[0]
    twh = plan_number("access.load").p50 * 8.766
    assert twh / usa.growth_twh_per_yr == pytest.approx(0.1722, abs=1e-4)
    assert twh / usa.best_year_twh == pytest.approx(0.0510, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Kenya", "KEN"), ("ke", "KEN"), ("KEN", "KEN"), ("uk", "GBR"), ("Türkiye", "TUR"), ("turkey", "TUR"),
        ("Cote d'Ivoire", "CIV"), ("the Gambia", "GMB"), ("South Korea", "KOR"), ("UAE", "ARE"), ("NO", "NOR"),
        ("AU", "AU"), ("AUS", "AUS"), ("african union", "AU"), ("European Union", "EU"), ("asean", "ASEAN"),
        ("Brazil + Argentina", "BRA+ARG"), ("World", "WORLD"), ("Africa", "AFRICA"), ("south america", "SOUTH-AMERICA"),
    ],
)  # fmt: skip
def test_places_by_any_name(text: str, code: str) -> None:
    assert find_place(text).code == code


def test_every_country_is_found_by_all_its_names() -> None:
    for row in all_countries():
        for text in (row.name, row.iso3, *(a for a in row.aliases.split(";") if a)):
            assert find_place(text).code == row.iso3, text
        if row.iso2 not in CLUBS:
            assert find_place(row.iso2).code == row.iso3


def test_clubs_have_their_members() -> None:
    sizes = {name: len(find_place(name).members) for name in CLUBS}
    assert sizes["EU"] == 27
    assert (sizes["G7"], sizes["G20"], sizes["OECD"], sizes["ASEAN"], sizes["AU"]) == (7, 19, 38, 11, 54)
    assert sizes["WORLD"] == len(all_countries())


def test_a_club_adds_up() -> None:
    club, brazil, argentina = (find_place(t) for t in ("Brazil+Argentina", "Brazil", "Argentina"))
    assert club.gdp_usd == pytest.approx(brazil.gdp_usd + argentina.gdp_usd)
    assert club.population == pytest.approx(brazil.population + argentina.population)
    assert brazil.carbon_g_per_kwh < club.carbon_g_per_kwh < argentina.carbon_g_per_kwh
    assert len(find_place("EU+Germany").members) == 27


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"countries": ("Keny",)}, UnknownNameError, "did you mean 'Kenya'"),
        ({"countries": ("Brazil+",)}, InputError, "joined by"),
        ({"countries": ("Kenya", "KE")}, InputError, "are the same"),
        ({"need": "-1 GW"}, RangeError, "10 kW to 10 TW"),
        ({"need": "0 GW"}, RangeError, "out of range"),
        ({"need": "500 TW"}, RangeError, "out of range"),
        ({"need": "1e50 FLOP"}, RangeError, "1e18 to 1e35"),
        ({"need": "5"}, InputError, "no unit"),
        ({"need": "5 bananas"}, InputError, "not understood"),
        ({"need": ""}, InputError, "not understood"),
        ({"year": 2041}, RangeError, "2025 to 2040"),
        ({"year": True}, InputError, "whole number"),
        ({"need": "frontier 2031", "year": 2030}, ConflictError, "two years"),
        ({"need": "frontier 2050"}, RangeError, "2025 to 2040"),
        ({"scenario": "2023-rul"}, UnknownNameError, "2023-rule"),
        ({"scenario": "absent.toml"}, ScenarioError, "no such file; expected export rules"),
        ({"samples": 3}, InputError, "samples"),
        ({"nation": "Kenya"}, InputError, "unknown option 'nation'"),
    ],
)
def test_bad_input_is_told(options: dict[str, object], error: type[LiebigError], words: str) -> None:
    with pytest.raises(error, match=words.replace("[", r"\[")):
        find_access(**options)


def test_quantiles_are_ordered_and_the_ratio_is_the_lowest() -> None:
    found = find_access(countries="US,Brazil,Kenya,EU,China", **FAST)
    for place in found.places:
        for values in (*place.ratios.values(), place.ratio, place.gdp_share, place.growth_years, place.slack):
            assert values[0] <= values[1] <= values[2]
        assert all(place.ratio[1] <= v[1] for v in place.ratios.values())
        assert sum(place.binding.values()) == pytest.approx(1.0)
        assert 0 <= place.can_host <= 1
        assert place.slack[0] >= 1
        assert place.limit != place.second
    assert find_access(countries="Kenya", **FAST).places[0].lacks.keys() == {"power", "capital"}


def test_twice_the_need_halves_the_ratios() -> None:
    one, two = (find_access(countries="Brazil", need=n, **FAST).places[0] for n in ("1 GW", "2 GW"))
    for limit in ("power", "capital", "chips"):
        assert two.ratios[limit][1] == pytest.approx(one.ratios[limit][1] / 2)
    assert two.carbon_mt_per_yr[1] == pytest.approx(2 * one.carbon_mt_per_yr[1])


def test_needs_of_all_kinds_agree() -> None:
    futures = sample_world(512, 0)
    watts = find_need("1 GW", 2030, futures)
    chips = find_need(f"{np.median(watts.h100e):.6g} H100e", 2030, futures)
    assert np.median(chips.power_w) == pytest.approx(1e9, rel=0.05)
    frontier = find_need("frontier", 2030, futures)
    assert np.median(frontier.power_w) > 1e9
    assert parse_need("The frontier run in 2031").year == 2031
    assert np.median(find_need("1e27 FLOP", 2030, futures).h100e) < np.median(frontier.h100e)
    assert np.median(watts.energy_twh_per_yr) == pytest.approx(0.8 * 8.766, rel=1e-3)


def test_unknown_figures_are_said_not_guessed() -> None:
    place = find_access(countries="North Korea", **FAST).places[0]
    assert math.isnan(place.gdp_share[1])
    assert not place.binding
    assert place.limit == ""
    assert place.to_dict()["ratio"]["p50"] is None
    assert "gross domestic product not known" in place.sentence("1 GW", 2030)
    for question in (dependency, embargo_cost):
        with pytest.raises(InputError, match="product is not known"):
            question("North Korea")


def test_same_seed_same_answer_and_json_is_plain() -> None:
    one, two = (find_access(countries="Brazil,EU", seed=7, **FAST).to_dict() for _ in range(2))
    assert one == two
    assert json.loads(json.dumps(one, allow_nan=False)) == one
    other = find_access(countries="Brazil,EU", seed=8, **FAST).to_dict()
    assert other["places"][0]["ratio"] != one["places"][0]["ratio"]


def test_the_frontier_is_for_few() -> None:
    found = find_access(need="frontier", year=2030, **FAST)
    assert {p.name for p in found.hosts} <= {"United States"}
    assert found.table().rows()[0]["name"] == "United States"
    assert "of 198 places" in found.summary()
    small = find_access(need="10 MW", year=2030, **FAST)
    assert len(small.hosts) > 80


# --- export control --------------------------------------------------------------------------------------------------


def test_scenarios_differ_where_they_should() -> None:
    china, uae, india, france = (find_place(n).members[0] for n in ("China", "UAE", "India", "France"))
    rules = {name: find_scenario(name) for name in export_scenarios()}
    assert set(rules) == {"2023-rule", "2025-diffusion", "2026-case-by-case", "none"}
    assert all(rules["none"].share(c, 2030) == (1, 1, 1) for c in (china, uae, india, france))
    assert rules["2026-case-by-case"].share(china, 2030)[1] > rules["2023-rule"].share(china, 2030)[1]
    assert rules["2025-diffusion"].share(india, 2030)[2] == 0.07
    assert rules["2026-case-by-case"].share(india, 2030) == (1, 1, 1)
    assert rules["2023-rule"].share(uae, 2030)[1] < 1
    assert all(r.share(france, 2030) == (1, 1, 1) for r in rules.values())
    assert rules["2026-case-by-case"].share(china, 2024) == (1, 1, 1)


def test_a_user_s_scenario(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\nbase = "2023-rule"\n[[rule]]\ncountries = ["China", "ASEAN", "licence"]\n'
        'share = [0.1, 0.2, 0.3]\nfrom = 2028\nuntil = 2031\n[[rule]]\ncountries = "Kenya"\nshare = 0\n'
    )
    rules = find_scenario(str(path))
    china, kenya, uae, iran = (find_place(n).members[0] for n in ("China", "Kenya", "UAE", "Iran"))
    assert rules.title == "Mine"
    assert rules.share(china, 2030) == (0.1, 0.2, 0.3)
    assert rules.share(china, 2032) == find_scenario("2023-rule").share(china, 2032)
    assert rules.share(uae, 2029) == (0.1, 0.2, 0.3)
    assert rules.share(kenya, 2027) == (0, 0, 0)
    assert rules.share(iran, 2029) == find_scenario("2023-rule").share(iran, 2029)
    place = find_access(countries="Kenya", scenario=str(path), **FAST).places[0]
    assert place.limit == "chips"
    assert place.slack == (math.inf,) * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]\n", "not valid TOML"),
        ("", "is empty"),
        ("title = 'x'\n", "no [[rule]]"),
        ('base = "2032"\n[[rule]]\ncountries = "Kenya"\nshare = 1\n', "unknown export scenario"),
        ('[[rule]]\ncountries = "Keny"\nshare = 1\n', "did you mean 'Kenya'"),
        ("[[rule]]\nshare = 1\n", "countries is missing"),
        ('[[rule]]\ncountries = "Kenya"\nshare = 1.5\n', "expected 0 to 1"),
        ('[[rule]]\ncountries = "Kenya"\nshare = [0.3, 0.2, 0.1]\n', "expected 0 to 1"),
        ('[[rule]]\ncountries = "Kenya"\nshare = 1\nfrom = 30\n', "between 2000 and 2060"),
        ('[[rule]]\ncountries = "Kenya"\nshare = 1\nfrom = 2030\nuntil = 2028\n', "is after until"),
        ('[[rule]]\ncountries = "Kenya"\nshares = 1\n', "unknown key 'shares'"),
        ('colour = 1\n[[rule]]\ncountries = "Kenya"\nshare = 1\n', "unknown key 'colour'"),
    ],
)
def test_a_bad_scenario_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        find_scenario(str(path))
    assert words in str(caught.value)
    assert str(caught.value).partition(":")[0].endswith("bad.toml")


def test_all_problems_of_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[[rule]]\ncountries = "Keny"\nshare = 2\n[[rule]]\ncountries = []\nshare = 1\n')
    with pytest.raises(ScenarioError, match=r"rule 1: .*Kenya.*rule 1: share = 2.*rule 2: countries"):
        find_scenario(str(path))


def test_shares_of_a_club_never_exceed_the_world() -> None:
    u = uniform("export", 64, 0)
    shares = share_draws(find_scenario("2025-diffusion"), [find_place(n) for n in ("EU", "AU", "Kenya")], 2030, u)
    assert shares.max() <= 1.0
    assert (shares[1] >= shares[2]).all()


# --- inequality and dependency ---------------------------------------------------------------------------------------


def test_gini_of_known_cases() -> None:
    assert gini(lorenz([1, 2, 3], [1, 2, 3])) == pytest.approx(0.0)
    assert gini(lorenz([0, 0, 0, 1], [1, 1, 1, 1])) == pytest.approx(0.75)
    assert gini(lorenz([1, 0], [1, 3])) == pytest.approx(0.75)


def test_inequality_and_its_coverage() -> None:
    found = inequality()
    assert coverage().located_share == pytest.approx(1_724_190 / 19_521_441, rel=1e-3)
    for level in found.levels:
        x, y = np.array(level.lorenz).T
        assert (np.diff(x) >= 0).all()
        assert (np.diff(y) >= -1e-15).all()
        assert (x[-1], y[-1]) == (pytest.approx(1.0), pytest.approx(1.0))
        assert (y <= x + 1e-12).all()
        assert "none" in level.coverage or "not counted" in level.coverage
    hosted = found.level("hosted")
    assert hosted.gini == pytest.approx(0.90, abs=0.005)
    assert hosted.top2 == ("United States", "China")
    assert hosted.top2_share == pytest.approx((1331525 + 207011) / 1724190, rel=1e-4)
    assert "none located, not none" in found.summary()
    assert found.table()["iso3"][0] == "USA"


def test_dependency_on_three_levels() -> None:
    germany, usa, eu = (dependency(n) for n in ("Germany", "USA", "EU"))
    assert set(germany.dependence) == {"territory", "owner", "vendor"}
    assert germany.dependence["vendor"] == 1.0
    assert usa.dependence == {"territory": 0.0, "owner": 0.0, "vendor": 0.0}
    assert 0 < eu.dependence["territory"] < 1
    assert "none located, not none" in germany.summary()


# --- map -------------------------------------------------------------------------------------------------------------


def test_the_map_has_every_measure_for_every_country() -> None:
    table = country_table(2030, "2026-case-by-case", "1GW", samples=256)
    ids = [m["id"] for m in measures()]
    assert set(table) == {"iso3", "iso2", "name", *ids}
    assert len(table["iso3"]) == len(set(table["iso3"])) == len(all_countries())
    assert all(m["coverage"] and m["title"] for m in measures())
    rows = {r["iso3"]: r for r in table.rows()}
    assert rows["DEU"]["growth_years"] is None
    assert rows["DEU"]["headroom_twh"] == pytest.approx(609.26 - 502.32)
    assert rows["KEN"]["limit"] == "capital"
    assert rows["PRK"]["ratio"] is None
    assert rows["USA"]["hosted_per_million"] == pytest.approx(1331525 / 340.110988, rel=1e-6)
    assert json.dumps(table, allow_nan=False)


# --- clubs, embargo, budgets, efficiency -----------------------------------------------------------------------------


def test_joining_helps_and_is_measured_in_the_same_futures() -> None:
    club = join(["Brazil", "Argentina"], **FAST)
    assert club.gain > 1
    assert [m.name for m in club.members] == ["Brazil", "Argentina"]
    assert club.together.ratios["capital"][1] == pytest.approx(
        sum(m.ratios["capital"][1] for m in club.members), rel=1e-6
    )
    alone = find_access(countries="Brazil", **FAST).places[0]
    assert club.members[0].ratio == pytest.approx(alone.ratio)
    assert len(join("AU", "frontier", 2030, **FAST).members) == 54
    with pytest.raises(InputError, match="at least two"):
        join("Brazil")


def test_the_embargo_costs_china_years() -> None:
    found = {name: embargo_cost(scenario=name, **FAST) for name in export_scenarios()}
    assert found["none"].delay_yr == (0, 0, 0)
    delays = [found[n].delay_yr[1] for n in ("2026-case-by-case", "2023-rule", "2025-diffusion")]
    assert 0 < delays[0] < delays[1] < delays[2]
    one = found["2026-case-by-case"]
    assert all(one.with_h100e[y][1] <= one.without_h100e[y][1] * (1 + 1e-9) for y in one.with_h100e)
    assert embargo_cost("France", **FAST).delay_yr == (0, 0, 0)
    for year in (2026, 2040):
        with pytest.raises(RangeError, match="2027 to 2039"):
            embargo_cost(year=year)


def test_the_best_use_of_a_budget() -> None:
    assert best_use("USD 5M", **FAST).best == "route"
    assert best_use(5e6, own=True, **FAST).best == "distil"
    assert best_use(2e10, own=True, **FAST).best == "train"
    poor = best_use(1e4, tokens=1e15, **FAST)
    assert poor.best == ""
    assert "does not buy" in poor.summary()
    small, large = (best_use(b, **FAST).uses[0] for b in (1e6, 1e9))
    assert small.lag_yr[1] > large.lag_yr[1]
    for options in ({"budget_usd": 0}, {"budget_usd": 1e6, "tokens": 0}, {"budget_usd": 1e6, "max_lag_yr": -1}):
        with pytest.raises(RangeError, match="out of range"):
            best_use(**options)
    with pytest.raises(InputError, match="USD"):
        best_use("5 GW")


def test_better_algorithms_widen_access_and_rebound_takes_back() -> None:
    found = efficiency_access("1e27 FLOP", 2026, 2030, samples=256)
    hosts = [y.hosts for y in found.years]
    assert hosts == sorted(hosts)
    assert hosts[-1] > hosts[0]
    last = found.years[-1]
    assert last.hosts > last.hosts_without
    assert last.use_with[1] > last.use_without[1]
    # the densing law is not continued beyond 2028
    assert last.serving_gain == found.years[2].serving_gain
    with pytest.raises(InputError, match="is a site"):
        efficiency_access("1 GW")
    with pytest.raises(RangeError, match="not before"):
        efficiency_access("frontier", 2030, 2030)


def test_owners_against_a_need() -> None:
    found = owner_access("1 GW", 2026, **FAST)
    assert found.owners[0].name == "Google"
    assert found.owners[0].h100e[1] == pytest.approx(3812878 + 1236936, rel=0.02)
    assert all(o.hq for o in found.owners)
    assert found.owners[-1].ratio[1] < 1 < found.owners[0].ratio[1]
    assert "none attributed, not none" in found.summary()


def test_draws_hold_their_quantiles() -> None:
    row = plan_number("access.campus_usd_per_w")
    assert Interval.of(draw("campus_usd_per_w", 4001, 3)) == pytest.approx(row.interval, rel=0.01)
    assert sorted(uniform("a", 4, 0)) == [0.125, 0.375, 0.625, 0.875]
    assert not np.array_equal(uniform("a", 64, 0), uniform("b", 64, 0))


def test_the_input_is_frozen_and_has_a_schema() -> None:
    given = AccessInput(countries="Brazil, EU")
    assert given.countries == ("Brazil", "EU")
    assert set(AccessInput.model_json_schema()["properties"]) >= {"countries", "need", "year", "scenario"}
    assert find_access(given, **FAST).given.countries == ("Brazil", "EU")


# --- command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Brazil"], "Brazil can host 1GW"),
        ([], "of 198 places can host"),
        (["Kenya", "--need", "frontier"], "It would need"),
        (["Brazil", "Argentina", "--together"], "Together the 2 members"),
        (["--inequality"], "none located, not none"),
        (["Kenya", "--inequality"], "Kenya depends on others"),
        (["--embargo"], "China has"),
        (["--efficiency"], "countries can train the frontier run"),
        (["--owners"], "owners had at the end of 2025"),
        (["--budget", "5M"], "routing between rented models"),
    ],
)
def test_every_question_on_the_command_line(cli: Cli, words: list[str], told: str) -> None:
    extra = [] if "--inequality" in words else ["--samples", "256"]
    assert told in cli("access", *words, *extra).stdout
    answer = json.loads(cli("access", *words, *extra, "--json").stdout)
    assert told in answer["summary"]
    file = cli.folder / "out.csv"
    cli("access", *words, *extra, "--csv", str(file))
    assert len(list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))) >= 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["Keny"], "did you mean 'Kenya'"),
        (["--need", "-1GW"], "out of range"),
        (["--need", "1GW with 1e27 FLOP"], "expected a power with chips, as '102 kW with 64 H100e'"),
        (["DEU+Germany"], "'DEU+Germany': Germany is named 2 times; name it once"),
        (["--inequality", "--embargo"], "different questions"),
        (["--tokens", "1B"], "need --budget"),
        (["--need", "1GW", "--plan", "x.toml"], "give one of them"),
        (["--plan", "x.toml"], "no such file"),
        (["--together"], "name the countries"),
        (["US", "China", "--embargo"], "name one country"),
        (["Kenya", "--efficiency"], "name none"),
        (["Kenya", "--owners"], "leave out countries"),
        (["Kenya", "--budget", "5M"], "the same everywhere"),
        (["--inequality", "--year", "2030"], "leave out --year"),
        (["--csv", "out.txt"], "ends in .csv"),
        (["--year", "2050"], "2025 to 2040"),
    ],
)
def test_errors_on_the_command_line(cli: Cli, words: list[str], told: str) -> None:
    assert told in cli.fails("access", *words)


def test_the_site_of_a_plan(cli: Cli) -> None:
    (cli.folder / "run.toml").write_text('model = "7B"\ntokens = 1e12\nchips = 4096\n')
    answer = json.loads(cli("access", "Kenya", "--plan", "run.toml", "--samples", "256", "--json").stdout)
    assert 2e6 < answer["need"]["power_w"]["p50"] < 9e6
    # the chips of the plan, not those that the year's average site would have for its power
    assert answer["need"]["h100e"] == {"p10": 4096.0, "p50": 4096.0, "p90": 4096.0}
    shown = cli("access", "Kenya", "--plan", "run.toml", "--samples", "64").stdout
    assert re.search(r"can host \d\.\d+ MW with 4096 H100e \(", " ".join(shown.split()))
    assert answer["year"] == 2026  # the plan's date by default


def test_a_plan_is_held_against_the_supply_of_its_date(cli: Cli) -> None:
    run = 'model = "7B"\ntokens = 1e12\nchips = 4096\ndate = "{}"\n'
    words = ("access", "Kenya", "--plan", "run.toml", "--samples", "64", "--json")
    (cli.folder / "run.toml").write_text(run.format("2033-05"))
    assert json.loads(cli(*words).stdout)["year"] == 2033
    assert json.loads(cli(*words, "--year", "2028").stdout)["year"] == 2028
    for date in ("2024-12", "2041"):
        (cli.folder / "run.toml").write_text(run.format(date))
        assert f"run.toml: date {date} lies outside 2025 to 2040" in cli.fails(*words)
        assert json.loads(cli(*words, "--year", "2028").stdout)["year"] == 2028
