"""Tornado, Sobol indices and switches."""

from __future__ import annotations

import pytest

from liebig.errors import RangeError
from liebig.forecast import compare_switches, find_sensitivity
from liebig.forecast.switches import switches


@pytest.fixture(scope="module")
def found():
    return find_sensitivity(2030, samples=1024)


def test_the_widest_inputs_of_2030(found) -> None:
    """limits.md section 5 names the six widest inputs; ours are among the ten widest."""
    widest = {b.parameter for b in found.tornado[:10]}
    assert widest >= {"run.duration_s", "data.tokens_per_image", "data.text_tokens", "run.utilisation"}
    assert found.tornado[0].parameter == "run.duration_s"
    assert found.tornado[0].swing == pytest.approx(3.6, rel=0.15)


def test_the_order_is_by_size(found) -> None:
    swings = [b.swing for b in found.tornado]
    assert swings == sorted(swings, reverse=True)
    values = [s.value for s in found.indices]
    assert values == sorted(values, reverse=True)
    for s in found.indices:
        assert s.p10 <= s.value <= s.p90
    assert all(b.at_p10 <= b.at_p90 for b in found.tornado)


def test_total_indices_sum_to_one_or_more(found) -> None:
    """Total-order indices count interactions more than once, so their sum is at least the variance."""
    assert sum(s.value for s in found.indices) > 0.95


def test_independent_gives_each_parameter_an_index() -> None:
    groups = find_sensitivity(2030, samples=128).indices
    single = find_sensitivity(2030, samples=128, independent=True).indices
    assert any(len(s.parameters) > 1 for s in groups)
    assert all(len(s.parameters) == 1 for s in single)


@pytest.mark.parametrize(
    ("switch", "year", "reference"),
    [
        ("text-only", 2030, 0.46),
        ("unlimited-data", 2030, 1.6),
        ("unlimited-data", 2035, 2.5),
        ("min-of-medians", 2030, 2.1),
        ("observed-allocation", 2030, 0.46),
        ("no-correlations", 2030, 1.1),
    ],
)
def test_switches_against_the_reference(switch: str, year: int, reference: float, effects) -> None:
    assert effects[switch].ratio[year] == pytest.approx(reference, rel=0.25)


@pytest.fixture(scope="module")
def effects():
    return {e.switch: e for e in compare_switches(samples=2048).effects}


def test_every_switch_is_compared(effects) -> None:
    assert set(effects) == set(switches())
    for e in effects.values():
        assert all(r > 0 for r in e.ratio.values())
    for e in effects.values():
        if e.switch.startswith(("without-", "unlimited-")):
            assert min(e.ratio.values()) >= 1 - 1e-9


def test_a_year_out_of_range() -> None:
    with pytest.raises(RangeError, match="2100"):
        find_sensitivity(2100, samples=64)
