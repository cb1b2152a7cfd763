"""The parameters of the forecast contain what bundled tables say of the same thing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from liebig.catalog import load_catalog
from liebig.evidence.forecast import find_agreement
from liebig.evidence.forecast.agreement import Check

if TYPE_CHECKING:
    from .conftest import Cli


def test_every_figure_lies_within_its_parameter_or_says_why_not() -> None:
    """A fact graded measured was once wrong by half: it left out servers, network and conversion."""
    unexplained = [c for c in find_agreement().outside if not c.reason]
    assert not unexplained


def test_no_reason_is_left_behind_by_a_figure_that_lies_within() -> None:
    assert not [c for c in find_agreement().checks if c.inside and c.reason]


def test_a_parameter_that_leaves_out_the_server_is_seen(tmp_path: Path) -> None:
    """830 W per H100e is chip power times PUE; the sites that were built have 1,562 W."""
    row = load_catalog().parameters("2026")["power.facility_w"]
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        '[[parameters]]\nid = "power.facility_w"\nset = "2026"\nname = "as it was"\nlimit = "power water chips"\n'
        f'p10 = 700\np50 = 830\np90 = 980\nlower = 0\nat_year = 2026\nunit = "{row.unit}"\nsource = "x"\n'
        'url = "https://example.org"\nas_of = "2026-01"\nlicence = "own"\ngrade = "measured"\n',
        encoding="utf-8",
    )
    (outside,) = find_agreement(load_catalog([wrong])).outside
    assert outside.parameter == "power.facility_w"
    assert outside.figure == pytest.approx(1562, rel=1e-3)


def test_a_point_contains_what_is_near() -> None:
    point = Check("a", "x", 2.0, 2.0, 2.0, 2.05, "")
    assert point.inside
    assert not replace(point, figure=2.2).inside


def test_the_command_shows_all_of_them(cli: Cli) -> None:
    answer = json.loads(cli("facts", "agree", "--json").stdout)
    assert len(answer["checks"]) >= 18
    assert all(c["inside"] for c in answer["checks"])
    text = cli("facts", "agree").stdout
    assert "power.facility_w" in text
    assert "figures of bundled tables" in " ".join(text.split())
