"""Levers on a bench of three futures whose ceilings can be worked out by hand.

In 2030 water allows 1, 2 and 6e25 FLOP (as many sites of 1e25), data 3e25 (6·(1e13)²/20): the lowest are 1, 2 and
3e25, water binds in two futures of three. See ``parameters``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liebig.catalog import load_catalog
from liebig.catalog.rows import LeverEffectRow, LeverRow
from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.levers.package import best_package
from liebig.levers.rank import Bench, make_bench, minimum_of, rank_levers
from liebig.levers.rebound import rebound, rebound_use
from liebig.levers.vectors import Lever, check_compatible, get_lever, lever_changes, parse_lever, resolve_levers
from liebig.limits import Structure
from pins.parameters import change, state

CATALOG = load_catalog()
STRUCTURE = Structure(limits=("data", "water"), repetition_decay=False)
SITES = [1.0, 2.0, 6.0]


def _effect(parameter: str, *levels: float, op: str = "mul", **more: Any) -> LeverEffectRow:
    low, mid, high = levels if len(levels) == 3 else levels * 3
    row = next(iter(CATALOG.lever_effects().values()))[0]
    usual = {"from_year": None, "ramp_yr": 0.0, "removed": False}
    values = {"parameter": parameter, "op": op, "low": low, "mid": mid, "high": high}
    return row.model_copy(update=usual | values | more)


def _lever(name: str, *effects: LeverEffectRow, start: float = 2026.0, kind: str = "supply", **row: Any) -> Lever:
    usual: dict[str, Any] = {
        "id": name, "name": name, "kind": kind, "low": None, "mid": None, "high": None, "in_base": False, "members": "",
        "excludes": "",
    }  # fmt: skip
    facts: LeverRow = next(iter(CATALOG.levers().values())).model_copy(update=usual | row)
    return Lever(facts, effects, start)


def _bench(structure: Structure = STRUCTURE, levers: tuple[Lever, ...] = (), **values: Any) -> Bench:
    sites = values.pop("water__sites", SITES)
    draws = {lever.id: np.full(3, 0.5) for lever in levers}
    return make_bench(state(water__sites=sites, **values), 2030.0, structure, draws, 3)


MORE_SITES = _lever("more-sites", _effect("water.sites", 2.0))
TOKENS = _lever("tokens", _effect("data.synthetic_factor", 2.0))
GAIN = _lever("gain", _effect("effective.compute_gain", 3.0))
TRAP = _lever("trap", _effect("water.sites", 4.0), _effect("data.synthetic_factor", 0.5))
LATE = _lever("late", _effect("water.sites", 9.0), start=2031.0)
TODAY = _lever("today", _effect("water.sites", 9.0), start=2030.0)
ALL = (MORE_SITES, TOKENS, GAIN, TRAP, LATE)


# ---- a lever as changes of parameters


def test_the_effect_of_a_draw() -> None:
    """A range of 1, 2 and 8 on the logarithmic scale: √2 halfway to the median, 4 halfway beyond, flat at the ends;
    amounts to add, and ranges through 0, on the plain scale.
    """
    u = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    (found,) = lever_changes(_lever("a", _effect("run.share", 1.0, 2.0, 8.0)), u)
    assert found.effect == pytest.approx([1, 1, math.sqrt(2), 2, 4, 8, 8])
    assert (found.parameter, found.op, found.from_year, found.ramp_yr) == ("run.share", "mul", 2026.0, 0.0)
    (found,) = lever_changes(_lever("a", _effect("run.share", 1.0, 2.0, 8.0, op="add")), u)
    assert found.effect == pytest.approx([1, 1, 1.5, 2, 5, 8, 8])
    (found,) = lever_changes(_lever("a", _effect("run.share", 0.0, 2.0, 8.0, op="set")), u)
    assert found.effect == pytest.approx([0, 0, 1, 2, 5, 8, 8])
    (found,) = lever_changes(_lever("a", _effect("run.share", 3.0)), u)
    assert found.effect.tolist() == [3.0]
    # two of three alike are still a range
    (found,) = lever_changes(_lever("a", _effect("run.share", 2.0, 2.0, 8.0)), u)
    assert found.effect == pytest.approx([2, 2, 2, 2, 4, 8, 8])


def test_the_years_of_a_lever() -> None:
    """A component of its own year starts then, or with the lever where that is later; some describe its removal."""
    lever = _lever(
        "a", _effect("run.share", 2.0, from_year=2028.0, ramp_yr=3.0), _effect("water.sites", 2.0, from_year=2024.0),
        _effect("data.quality", 2.0, removed=True),
    )  # fmt: skip
    u = np.array([0.5])
    assert [(c.parameter, c.from_year, c.ramp_yr) for c in lever_changes(lever, u)] == [
        ("run.share", 2028.0, 3.0), ("water.sites", 2026.0, 0.0),
    ]  # fmt: skip
    assert [c.parameter for c in lever_changes(lever, u, removed=True)] == ["data.quality"]
    assert lever.parameters == ("run.share", "water.sites", "data.quality")
    assert lever.limits == ("power", "chips", "data", "water")
    assert _lever("a", _effect("water.sites", 2.0), _effect("water.sites", 2.0)).parameters == ("water.sites",)


def test_a_measured_factor_takes_the_place_of_the_stated_range(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"lever": "fp4-training", "p10": 1.1, "p50": 1.2, "p90": 1.3}))
    lever = parse_lever(f" fp4-training @ {path}", CATALOG)
    u = np.array([0.1, 0.5, 0.9])
    stated = get_lever(CATALOG, "fp4-training")
    headline = [
        i for i, e in enumerate(stated.effects)
        if (e.low, e.mid, e.high) == (stated.row.low, stated.row.mid, stated.row.high)
    ]  # fmt: skip
    assert headline
    for i, (before, after) in enumerate(zip(lever_changes(stated, u), lever_changes(lever, u), strict=True)):
        wanted = [1.1, 1.2, 1.3] if i in headline else before.effect
        assert after.effect == pytest.approx(wanted)
    assert lever.measured_source == "m.json"


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ('{"p10": 1, "p50": 2}', InputError, "with numbers p10, p50 and p90"),
        ('{"p10": true, "p50": 2, "p90": 3}', InputError, "must be numbers"),
        ('{"p10": "1", "p50": 2, "p90": 3}', InputError, "must be numbers"),
        ("[]", InputError, "must be numbers"),
        ('{"p10": 0, "p50": 2, "p90": 3}', RangeError, "0 < p10"),
        ('{"p10": 2, "p50": 1, "p90": 3}', RangeError, "got 2, 1, 3"),
        ('{"p10": 1, "p50": 4, "p90": 3}', RangeError, "got 1, 4, 3"),
        ('{"p10": 1, "p50": 2, "p90": Infinity}', RangeError, "got 1, 2, inf"),
        ('{"lever": "moe", "p10": 1, "p50": 1, "p90": 1}', ConflictError, "of 'moe', not of 'fp4-training'"),
    ],
)
def test_measurements_that_are_refused(content: str, error: type[Exception], told: str, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"p10": 1, "p50": 1, "p90": 1}')
    assert parse_lever(f"fp4-training@{path}", CATALOG).id == "fp4-training"
    path.write_text(content)
    with pytest.raises(error, match=told):
        parse_lever(f"fp4-training@{path}", CATALOG)
    with pytest.raises(InputError, match="no such file"):
        parse_lever("fp4-training@none.json", CATALOG)


def test_levers_by_name_and_year() -> None:
    row = CATALOG.levers()["moe"]
    assert get_lever(CATALOG, "moe").start == row.available_from
    assert get_lever(CATALOG, "moe", 2033.0).start == 2033.0
    assert [parse_lever(t, CATALOG).start for t in ("moe", "moe@2020", "moe@2100")] == [row.available_from, 2020, 2100]
    assert [v.id for v in resolve_levers(["moe, smr@2030,", "fp4-training"], CATALOG)] == ["moe", "smr", "fp4-training"]
    for text in ("moe@2019", "moe@2101"):
        with pytest.raises(RangeError, match="expected 2020 to 2100"):
            parse_lever(text, CATALOG)
    with pytest.raises(InputError, match="neither a year nor"):
        parse_lever("moe@soon", CATALOG)
    with pytest.raises(UnknownNameError, match="lever"):
        get_lever(CATALOG, "mow")


def test_levers_that_exclude_each_other() -> None:
    one, two, both = _lever("one", excludes="two three"), _lever("two"), _lever("both", members="one two")
    check_compatible([one, _lever("four"), both.__class__(_lever("five").row, (), 2026.0)])
    for pair in ([one, two], [two, one]):
        with pytest.raises(ConflictError, match="'one' cannot be combined with 'two'"):
            check_compatible(pair)
    with pytest.raises(ConflictError, match="'both' already contains 'two'"):
        check_compatible([two, both])
    with pytest.raises(ConflictError, match="'two' is given twice"):
        check_compatible([two, two])


# ---- the bench


def test_a_bench_by_hand() -> None:
    bench = _bench(effective__compute_gain=[1.0, 1.0, 2.0])
    assert bench.base["water"] == pytest.approx([1e25, 2e25, 6e25])
    assert bench.base["data"] == pytest.approx([3e25] * 3)
    assert bench.lowest() == pytest.approx([1e25, 2e25, 3e25])
    assert bench.binding() == pytest.approx({"data": 1 / 3, "water": 2 / 3})
    assert (bench.limits, bench.samples) == (("data", "water"), 3)
    # effective FLOP stretch what is in compute, not tokens
    assert bench.lowest_effective(None, bench.gain) == pytest.approx([1e25, 2e25, 3e25])
    assert bench.lowest_effective(None, np.array([3.0, 1.0, 0.25])) == pytest.approx([3e25, 2e25, 1.5e25])
    assert bench.lowest({"water": np.array([9e25, 1e25, 9e25])}) == pytest.approx([3e25, 1e25, 3e25])
    assert minimum_of([np.array([1.0, 5.0]), np.array([2.0, 3.0]), np.array([4.0, 4.0])]).tolist() == [1.0, 3.0]


def test_a_bench_with_changes() -> None:
    """Only the limits that read a changed parameter are computed again, or those asked for."""
    bench = _bench()
    found = bench.ceilings_with([change("water.sites", "mul", 2.0)])
    assert list(found) == ["water"]
    assert found["water"] == pytest.approx([2e25, 4e25, 12e25])
    assert list(bench.ceilings_with([change("chips.life_yr", "mul", 2.0)])) == []
    assert bench.ceilings_with([change("water.sites", "mul", 2.0)], ["data"])["data"] == pytest.approx([3e25] * 3)
    assert bench.gain_with([change("effective.compute_gain", "mul", 3.0)]) == pytest.approx([3, 3, 3])
    later = bench.ceilings_with([change("water.sites", "mul", 2.0, 2031.0)])
    assert later["water"] == pytest.approx([1e25, 2e25, 6e25])


# ---- ranking


def test_a_ranking_by_hand() -> None:
    """Twice the sites: 2, 3 and 3e25, the median from 2 to 3: ×1.5; in each future ×2, ×1.5 and ×1.

    Tokens: data four times as high: 1, 2 and 6e25, the median as before, and ×1, ×1 and ×2. The trap: water 4, 8 and
    24e25, but data 0.75e25 in all futures: ×0.375 of the median.
    """
    ranking = rank_levers(_bench(levers=ALL), ALL)
    assert (ranking.year, list(ranking.minimum)) == (2030, pytest.approx([1.2e25, 2e25, 2.8e25]))
    assert ranking.binding == pytest.approx({"data": 1 / 3, "water": 2 / 3})
    rows = {e.lever.id: e.to_dict() for e in ranking.effects}
    assert list(rows) == ["more-sites", "gain", "late", "tokens", "trap"]
    sites = rows["more-sites"]
    assert sites["ratio"] == sites["effective_ratio"] == pytest.approx(1.5)
    assert [sites[p] for p in ("p10", "p50", "p90")] == pytest.approx([1.1, 1.5, 1.9])
    assert sites["on_limits"] == pytest.approx({"water": 2.0})
    assert (sites["probability_negative"], sites["reason"], sites["without"]) == (0.0, "", None)
    tokens = rows["tokens"]
    assert (tokens["ratio"], tokens["on_limits"]) == (pytest.approx(1.0), pytest.approx({"data": 4.0}))
    assert [tokens[p] for p in ("p10", "p50", "p90")] == pytest.approx([1.0, 1.0, 1.8])
    assert tokens["reason"] == "its gains and losses cancel"
    trap = rows["trap"]
    assert (trap["ratio"], trap["probability_negative"]) == pytest.approx((0.375, 1.0))
    assert trap["reason"] == "lowers the minimum in 100 % of futures (tightens data)"
    assert trap["on_limits"] == pytest.approx({"data": 0.25, "water": 4.0})
    # water thrice as far in effective FLOP: 3, 3 and 3e25
    assert (rows["gain"]["ratio"], rows["gain"]["effective_ratio"]) == pytest.approx((1.0, 1.5))
    assert rows["gain"]["reason"] == "raises effective FLOP ×1.50; the physical ceiling stays"
    assert rows["late"]["reason"] == "acts from 2031 on"
    assert rows["late"]["starts"] == 2031.0


def test_the_table_of_a_ranking() -> None:
    told: list[float] = []
    rows = rank_levers(_bench(levers=ALL), ALL[:2], told.append).table().rows()
    assert told == [0.5, 1.0]
    assert [(r["rank"], r["year"], r["lever"]) for r in rows] == [(1, 2030, "more-sites"), (2, 2030, "tokens")]
    assert not {"on_limits", "range", "measured"} & set(rows[0])
    assert [(r["on_data"], r["on_water"]) for r in rows] == [(1.0, pytest.approx(2.0)), (pytest.approx(4.0), 1.0)]
    content = rank_levers(_bench(levers=ALL), ALL[:1]).to_dict()
    assert content["minimum_flop"] == pytest.approx({"p10": 1.2e25, "p50": 2e25, "p90": 2.8e25})
    assert content["levers"][0]["ratio"] == pytest.approx(1.5)


def test_a_lever_that_is_already_in_the_base() -> None:
    """Without it a quarter of the sites: 0.25, 0.5 and 1.5e25, ×0.25; one that acts on effective FLOP alone."""
    base = _lever("base", _effect("water.sites", 0.25, removed=True), in_base=True)
    slight = _lever("slight", _effect("water.sites", 0.996, removed=True), in_base=True)
    found = {e.lever.id: e for e in rank_levers(_bench(levers=(base, slight)), (base, slight)).effects}
    assert found["base"].without == pytest.approx(0.25)
    assert found["base"].ratio == 1.0
    assert found["base"].reason == "already in the base; taken out, the minimum falls to ×0.25"
    assert found["slight"].without == pytest.approx(0.996)
    assert found["slight"].reason == "already in the base; acts on effective FLOP only"


def test_reasons_of_levers_without_an_effect() -> None:
    """On limits that bind in none of the futures; by less than 5 %, or half a percent; with no evidence."""
    rare = {"water__sites": [4.0, 5.0, 6.0]}
    small = _lever("small", _effect("water.sites", 1.004))
    little = _lever("little", _effect("water.sites", 1.04))
    down = _lever("down", _effect("water.sites", 0.9))
    none = _lever("none")
    levers = (MORE_SITES, small, little, down, none)
    found = {e.lever.id: e for e in rank_levers(_bench(levers=levers, **rare), levers).effects}
    assert found["more-sites"].reason == "relaxes water (×2), which binds in 0 % of futures"
    assert found["small"].reason == "moves no ceiling of 2030 by more than half a percent"
    assert found["none"].reason == "no effect found in the evidence"
    # water binds in one future of three: moves that the median does not show
    tight = {"water__sites": [4.0, 4.0, 2.9]}
    found = {e.lever.id: e for e in rank_levers(_bench(levers=levers, **tight), levers).effects}
    assert found["little"].reason == "moves water (×1.04) only"
    assert found["down"].reason == "moves water (×0.9) only"
    five = _lever("five", _effect("water.sites", 1.05))  # no less than 5 %
    (effect,) = rank_levers(_bench(levers=(five,), **tight), (five,)).effects
    assert (effect.on_limits["water"], effect.reason) == (1.05, "its gains and losses cancel")
    assert found["down"].negative == pytest.approx(1 / 3)
    mixed = {"water__sites": [4.0, 3.2, 2.9]}
    hot = rank_levers(_bench(levers=levers, **mixed), (_lever("down", _effect("water.sites", 0.93)),)).effects[0]
    assert hot.negative == pytest.approx(2 / 3)
    assert hot.reason == "lowers the minimum in 67 % of futures (tightens water)"


def _of_some(low: int, lever: Lever, futures: int = 10) -> tuple[float, str]:
    """Share of negative futures and the reason, where water binds in some of them."""
    sites = [2.0] * low + [9.0] * (futures - low)
    bench = make_bench(state(water__sites=sites), 2030.0, STRUCTURE, {lever.id: np.full(futures, 0.5)}, futures)
    (effect,) = rank_levers(bench, (lever,)).effects
    return effect.negative, effect.reason


def test_reasons_by_shares_of_futures() -> None:
    """Water binds in one future of ten, or in two; a loss in one is none to speak of, in two it is. Three futures of
    twenty, 15 %, are not few any more.
    """
    assert _of_some(1, MORE_SITES) == (0.0, "relaxes water (×2), which binds in 10 % of futures")
    assert _of_some(2, MORE_SITES) == (0.0, "its gains and losses cancel")
    assert _of_some(18, MORE_SITES, 125)[1] == "relaxes water (×2), which binds in 14 % of futures"  # 14.4
    assert _of_some(3, MORE_SITES, 20) == (0.0, "its gains and losses cancel")
    down = _lever("down", _effect("water.sites", 0.5), _effect("data.synthetic_factor", 1.2))
    assert _of_some(1, down) == (0.1, "")
    assert _of_some(2, down) == (0.2, "lowers the minimum in 20 % of futures (tightens water)")


# ---- packages


def test_packages_by_hand() -> None:
    """One: more sites, ×1.5. Two: with tokens 2, 4 and 12e25, ×2, against the trap with tokens 3, 3 and 3, ×1.5.

    Water then binds in all futures. Three, with the trap: water 8, 16 and 48, data 3e25: ×1.5.
    """
    told: list[float] = []
    bench = _bench(levers=ALL)
    one = best_package(bench, ALL, 1)
    assert ([v.id for v in one.levers], one.exact, one.bound) == (["more-sites"], True, one.ratio)
    assert one.ratio == pytest.approx(1.5)
    two = best_package(bench, ALL, 2, told.append)
    content = two.to_dict()
    assert content["levers"] == ["more-sites", "tokens"]
    assert [content[p] for p in ("ratio", "p10", "p50", "p90")] == pytest.approx([2.0, 2.0, 2.0, 3.6])
    assert content["binding_probability_after"] == pytest.approx({"data": 1 / 3, "water": 1.0})
    assert content["packages_evaluated"] == 3  # gain and what is late cannot act
    assert content["steps"] == [
        {"lever": "more-sites", "ratio": pytest.approx(1.5)}, {"lever": "tokens", "ratio": pytest.approx(2.0)},
    ]  # fmt: skip
    assert content["probability_negative"] == 0.0
    assert told == [0.0, 1.0]
    three = best_package(bench, ALL, 3)
    assert three.ratio == pytest.approx(1.5)
    assert three.negative == 0.0
    for size in (0, 4):
        with pytest.raises(RangeError, match="3 levers can act in 2030"):
            best_package(bench, ALL, size)


def test_a_package_of_a_lever_that_starts_in_its_year() -> None:
    """What acts from 2030 on acts in 2030: nine times the sites leave 3e25 of data in all futures, ×1.5."""
    bench = _bench(levers=(TODAY, LATE))
    found = best_package(bench, (TODAY, LATE), 1)
    assert ([v.id for v in found.levers], found.ratio) == (["today"], pytest.approx(1.5))
    with pytest.raises(RangeError, match="1 levers can act in 2030"):
        best_package(bench, (TODAY, LATE), 2)


def test_packages_leave_out_levers_that_clash() -> None:
    """More sites and tokens exclude each other: the trap with tokens is left, and two of more sites, ×1.5."""
    apart = _lever("more-sites", _effect("water.sites", 2.0), excludes="tokens")
    pool = (apart, TOKENS, TRAP)
    found = best_package(_bench(levers=pool), pool, 2)
    assert {v.id for v in found.levers} == {"trap", "tokens"}
    assert found.evaluated == 2


def test_a_package_of_levers_that_all_clash() -> None:
    """Two that exclude each other make no package of two, whatever the size of the search."""
    pool = (_lever("one", _effect("water.sites", 1.2), excludes="two"), _lever("two", _effect("water.sites", 3.0)))
    bench = _bench(levers=pool)
    assert [v.id for v in best_package(bench, pool, 1).levers] == ["two"]
    with pytest.raises(RangeError, match="no package of 2 compatible levers exists among 2"):
        best_package(bench, pool, 2)


def test_a_larger_package_is_built_up_and_has_a_bound() -> None:
    """Four levers of water by 2, 1.5, 1.25 and 1.2: three of them ×2 of data's 3e25. With plenty of data the best four
    are ×4.5, which is also the bound, as factors multiply.
    """
    more = tuple(
        _lever(f"w{i}", _effect("water.sites", f)) for i, f in enumerate((1.2, 2.0, 1.25, 1.5, 1.1, 0.5))
    )  # fmt: skip
    rich = {"data__synthetic_factor": 100.0}
    bench = _bench(levers=more, **rich)
    found = best_package(bench, more, 4)
    assert ({v.id for v in found.levers}, found.exact) == ({"w0", "w1", "w2", "w3"}, False)
    assert found.ratio == pytest.approx(4.5)
    assert found.bound == pytest.approx(4.5)
    assert [name for name, _ in found.steps] == ["w1", "w3", "w2", "w0"]
    assert [ratio for _, ratio in found.steps] == pytest.approx([2, 3, 3.75, 4.5])
    assert found.evaluated == 20 + 3
    # one that only lowers data, by a little, is no part of a bound
    lower = (*more[:4], _lever("down", _effect("data.synthetic_factor", 0.9)))
    assert best_package(_bench(levers=lower, **rich), lower, 4).bound == pytest.approx(4.5)
    # six levers, four of which lift either limit by all they can: water to 4.5, 9 and 27e25, data to 3e25·1.32²; the
    # best four do less, 2.4·2e25
    two = tuple(_lever(f"d{i}", _effect("data.synthetic_factor", f)) for i, f in enumerate((1.1, 1.2)))
    both = best_package(_bench(levers=more[:4] + two), more[:4] + two, 4)
    assert (both.ratio, both.bound) == pytest.approx((2.4, 3 * 1.32**2 / 2))
    # limited by data: no package lifts the median beyond 3e25
    poor = best_package(_bench(levers=more), more, 4)
    assert (poor.ratio, poor.bound) == pytest.approx((1.5, 1.5))
    # together more than the product of each: all that ever raise the limit bound it
    adding = tuple(
        _lever(f"c{i}", _effect("cooling.sea_share", s, op="add"), start=2020.0)
        for i, s in enumerate((0.2, 0.25, 0.3, 0.1, 0.05))
    )  # fmt: skip
    found = best_package(_bench(levers=adding, **rich), adding, 4)
    assert {v.id for v in found.levers} == {"c0", "c1", "c2", "c3"}
    assert found.bound > found.ratio * 1.05
    clash = tuple(_lever(v.id, *v.effects, excludes="w0 w1" if i == 3 else "") for i, v in enumerate(more[:4]))
    bench = _bench(levers=clash, **rich)
    with pytest.raises(RangeError, match="no package of 4 compatible levers exists; the largest has 3"):
        best_package(bench, clash, 4)


# ---- rebound


def test_the_arithmetic_of_rebound() -> None:
    """A gain of 4: a quarter of the use, or with elasticities of 0.5, 1 and 1.5 a half, all and twice of it."""
    without, with_rebound = rebound_use(np.array(100.0), np.array(4.0), np.array([0.5, 1.0, 1.5]))
    assert without == 25.0
    assert with_rebound == pytest.approx([50, 100, 200])


def test_rebound_by_hand() -> None:
    """1 GW is 8.766 TWh a year; the elasticity is 1.5. Chips four times as good use a quarter of it, or twice of it
    after rebound, and four times as much compute fits. A share of training twice as large is 2^(1 - 1.5) of it after
    rebound. Chips of 0.8 of the power that are used 1.6 times as well are a gain of two.
    """
    better = _lever("better", _effect("run.precision_gain", 4.0), kind="efficiency")
    routing = _lever("routing", _effect("run.share", 2.0), kind="efficiency")
    leaner = _lever("leaner", _effect("power.facility_w", 0.8), _effect("run.utilisation", 1.6), kind="efficiency")
    other = _lever("other", _effect("power.ai_w", 2.0))
    none = _lever("none", kind="efficiency")
    levers = (routing, leaner, better, other, none)
    structure = Structure(limits=("power",), inter_site_bandwidth=False)
    found = rebound(_bench(structure, levers, power__campus_now_w=1e3, power__campus_w=1e3), levers)
    rows = {r.lever.id: r for r in found.rows}
    assert list(rows) == ["better", "routing", "leaner"]
    assert (found.year, list(found.elasticity)) == (2030, [1.5] * 3)
    for name, gain, ratio, after in (("better", 4, 4, 4), ("routing", 2, 2, 2**-0.5), ("leaner", 2, 2, 2)):
        r = rows[name]
        assert list(r.gain) == pytest.approx([gain] * 3)
        assert list(r.before_twh) == pytest.approx([8.766] * 3)
        assert list(r.without_twh) == pytest.approx([8.766 / gain] * 3)
        assert list(r.with_twh) == pytest.approx([8.766 * gain**0.5] * 3)
        assert (r.more, r.ratio_without, r.ratio_with) == pytest.approx((1.0, ratio, after))
    assert rebound(_bench(structure, levers), levers, np.array([1.0])).rows[0].more == 0.0
    half = rebound(_bench(structure, levers), levers, np.array([0.5, 1.0, 1.5])).rows[0]
    assert half.more == pytest.approx(1 / 3)
    table = found.table().rows()
    assert table[1]["use_with_rebound_twh_per_yr"] == pytest.approx(8.766 * math.sqrt(2))
    # 1, 2 and 4 GW: p10 and p90 lie 0.2 and 1.8 of the way, 1.2 and 3.6 GW
    spread = rebound(_bench(structure, levers, power__ai_w=[1e9, 2e9, 4e9]), (better,))
    (row,) = spread.table().rows()
    assert [row[f"use_{n}"] for n in ("before_twh_per_yr", "without_rebound_twh_per_yr")] == pytest.approx(
        [2 * 8.766, 0.5 * 8.766]
    )
    assert [row[f"use_with_rebound_{n}"] for n in ("p10", "twh_per_yr", "p90")] == pytest.approx(
        [2 * 1.2 * 8.766, 4 * 8.766, 2 * 3.6 * 8.766]
    )
    assert found.to_dict()["levers"][0]["gain"] == pytest.approx({"p10": 4, "p50": 4, "p90": 4})
