"""An interval is one thing: p10, p50 and p90, computed, reversed and written in one place."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import liebig
from liebig.errors import RangeError
from liebig.quantities import format_interval
from liebig.uncertainty import INTERVAL_LEVELS, Interval

ROOT = Path(liebig.__file__).parent
ordered = st.lists(st.floats(1e-6, 1e6), min_size=3, max_size=3).map(lambda v: Interval(*sorted(v)))


def test_quantiles_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).lognormal(size=1001)
    assert Interval.of(values) == pytest.approx(np.quantile(values, INTERVAL_LEVELS), rel=1e-12)
    assert Interval.of([5.0]) == Interval.exactly(5.0)


@pytest.mark.parametrize("samples", [[], [1.0, math.nan, 2.0]])
def test_nothing_is_known_of_no_samples_or_unknown_ones(samples: list[float]) -> None:
    assert all(math.isnan(v) for v in Interval.of(samples))


def test_infinite_samples_stay_infinite() -> None:
    assert Interval.of([1.0, 2.0, math.inf, math.inf]).to_dict() == {"p10": 1.3, "p50": None, "p90": None}
    assert Interval.of([2.0] * 9 + [math.inf]) == Interval(2.0, 2.0, math.inf)


def test_samples_of_two_rows_are_refused() -> None:
    with pytest.raises(RangeError, match=r"shape \(2, 3\)"):
        Interval.of(np.ones((2, 3)))


@given(ordered, st.floats(-1e3, 1e3).filter(lambda f: abs(f) > 1e-6))
def test_scaling_acts_on_the_samples(interval: Interval, factor: float) -> None:
    """A negative factor turns the order round, as it does for the samples themselves."""
    scaled = interval.scaled(factor)
    assert scaled == tuple(sorted(v * factor for v in interval))
    assert scaled.width == pytest.approx(abs(factor) * interval.width, rel=1e-9, abs=1e-9)


@given(ordered)
def test_one_over_turns_the_order_round(interval: Interval) -> None:
    assert interval.inverse() == (1 / interval.p90, 1 / interval.p50, 1 / interval.p10)
    assert interval.scaled(-1.0).inverse() == interval.inverse().scaled(-1.0)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_one_over_what_may_be_zero_is_refused(low: float) -> None:
    with pytest.raises(RangeError, match="zero lies between"):
        Interval(low, 1.0, 2.0).inverse()


def test_at_is_straight_between_and_flat_beyond() -> None:
    u = np.array([0.0, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    assert Interval(1.0, 3.0, 11.0).at(u).tolist() == pytest.approx([1, 1, 1, 2, 3, 7, 11, 11])


def test_both_ends_are_inside() -> None:
    interval = Interval(1.0, 2.0, 4.0)
    assert [interval.holds(v) for v in (0.99, 1.0, 4.0, 4.01)] == [False, True, True, False]
    assert interval.holds(4.01, tolerance=0.02)


def test_json_and_columns_have_plain_names() -> None:
    interval = Interval(1 / 3, 2.0, math.inf)
    assert json.dumps(interval.to_dict()) == '{"p10": 0.333333333333, "p50": 2.0, "p90": null}'
    assert interval.columns("days") == {"days_p10": 0.333333333333, "days_p50": 2.0, "days_p90": None}
    assert list(interval.columns("a_p50", plain_median=True)) == ["a_p50_p10", "a_p50", "a_p50_p90"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"unit": "W"}, "2.0 (1.0–4.0) W"),
        ({"unit": "FLOP"}, "2.0×10⁰ (1.0×10⁰–4.0×10⁰)"),
        ({"write": ".1f"}, "2.0 (1.0–4.0)"),
        ({"write": "×{:.0f}".format}, "×2 (×1–×4)"),
    ],
)
def test_intervals_are_written_by_one_function(given: dict[str, str], text: str) -> None:
    assert format_interval(Interval(1.0, 2.0, 4.0), **given) == text


@pytest.mark.parametrize("module", ["liebig.uncertainty", "liebig.route.savings.report", "liebig.route.savings.lever"])
def test_intervals_do_not_load_scipy(module: str) -> None:
    code = f"import {module}, sys; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


#: Three numbers that are no p10, p50 and p90: file and function -> what they are.
OTHER_THREES = {
    ("route/learn/assess.py", "_at_quality"): "shares of calls, tokens and money",
    ("plan/goodput.py", "at"): "a share and two times",
    ("plan/result.py", ""): "three passes of a rank, in seconds",
    ("cluster/kernels.py", "_interpolate"): "coordinates of a grid",
}


def _three_floats(node: ast.AST) -> bool:
    """``tuple[float, float, float]``."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "tuple"):
        return False
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
    return len(parts) == 3 and all(isinstance(p, ast.Name) and p.id == "float" for p in parts)


def _literal(node: ast.AST) -> tuple[object, ...]:
    if not isinstance(node, (ast.Tuple, ast.List)):
        return ()
    return tuple(e.value for e in node.elts if isinstance(e, ast.Constant))


def _own_intervals(source: str) -> Iterator[tuple[str, int, str]]:
    """(function, line, what) of every place that makes up an interval of its own."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, int, str]]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            if _three_floats(child):
                yield inside, child.lineno, "tuple[float, float, float]"
            elif _literal(child) in (Interval._fields, INTERVAL_LEVELS):
                yield inside, child.lineno, str(_literal(child))
            yield from walk(child, inside)

    return walk(ast.parse(source), "")


def test_no_other_module_makes_up_intervals_of_its_own() -> None:
    found, allowed = [], set()
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("uncertainty/"):
            continue
        for function, line, what in _own_intervals(path.read_text(encoding="utf-8")):
            if (name, function) in OTHER_THREES:
                allowed.add((name, function))
            else:
                found.append(f"{name}:{line}: {what}; use liebig.uncertainty.Interval")
    assert not found, "\n".join(found)
    assert allowed == set(OTHER_THREES), "these no longer stand there; take them off the list"


@pytest.mark.parametrize(
    "source",
    [
        "Triple = tuple[float, float, float]",
        "def f(x: tuple[float, float, float] | None): ...",
        "_NAMES = ('p10', 'p50', 'p90')",
        "for k in ['p10', 'p50', 'p90']: pass",
        "np.quantile(x, (0.1, 0.5, 0.9))",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert len(list(_own_intervals(source))) == 1
