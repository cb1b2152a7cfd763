"""A limit is written down once; everything that depends on the list of limits follows from its row."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import liebig
from liebig.catalog import load_catalog
from liebig.cli.app import app
from liebig.forecast.switches import switches
from liebig.limits import LIMITS, Limit, State, Structure, touched

ROOT = Path(liebig.__file__).parent
#: The list itself; the limits of which a place has a supply, with what it supplies; the quantities of an article.
PLACES = {"limits/registry.py", "access/supply.py", "evidence/forecast/reproduction.py"}
#: Left out of the rows' columns: a switch applies it to shares that the limits read.
OF_A_SWITCH = "run.observed_allocation_factor"


def _lists(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """(line, texts) of everything that lists texts: tuples, lists, sets, keys, arguments, choices of a Literal."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            parts: list[ast.expr | None] = list(node.elts)
        elif isinstance(node, ast.Dict):
            parts = list(node.keys)
        elif isinstance(node, ast.Call):
            parts = [*node.args, *(ast.Constant(k.arg) for k in node.keywords)]
        elif isinstance(node, (ast.Assign, ast.Attribute)):
            parts = [node.value]
        else:
            continue
        texts = {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
        yield getattr(node, "lineno", 0), texts | {w for t in texts for w in t.split()}


def _second_places(source: str) -> list[int]:
    return [line for line, texts in _lists(ast.parse(source)) if len(texts & set(LIMITS)) >= 3]


def test_no_other_module_lists_the_limits() -> None:
    found: list[str] = []
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in PLACES:
            found += [f"{name}:{line}" for line in _second_places(path.read_text(encoding="utf-8"))]
    assert not found, f"read liebig.limits.LIMITS instead of a second list in {', '.join(found)}"


@pytest.mark.parametrize(
    "source",
    [
        'LIMITS = ("power", "chips", "data", "latency")',
        'COLOURS = {"power": 1, "water": 2, "capital": 3}',
        'kind: Literal["power", "chips", "data"]',
        'names = "power chips data".split()',
        "names = ['power chips data latency']",
        "row = dict(power=1, chips=2, water=3)",
    ],
)
def test_the_search_finds_second_places(source: str) -> None:
    assert _second_places(source)


def test_exceptions_are_needed() -> None:
    for name in PLACES:
        assert name == "limits/registry.py" or _second_places((ROOT / name).read_text(encoding="utf-8")), name


PAGE = Path(__file__).parents[1] / "web" / "src"


def test_the_page_s_styles_are_made_from_the_rows() -> None:
    """``npm run gen`` writes them; no other source of the page names the limits."""
    script = PAGE.parents[1] / "tools" / "write_limit_styles.py"
    spec = importlib.util.spec_from_file_location("write_limit_styles", script)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert (PAGE / "limits.gen.css").read_text(encoding="utf-8") == tool.styles()
    marks = re.compile(rf"[\"'`.-]({'|'.join(LIMITS)})\b")
    for path in PAGE.rglob("*"):
        if path.suffix in (".ts", ".tsx", ".css") and ".gen." not in path.name:
            assert len(set(marks.findall(path.read_text(encoding="utf-8")))) < 3, path.name


def test_every_limit_has_a_file_and_distinct_marks() -> None:
    for name, limit in LIMITS.items():
        assert limit.name == name
        module = importlib.import_module(f"liebig.limits.{name}")
        assert limit.ceiling is module.ceiling
        assert limit.reads == set(module.PARAMETERS)
        assert re.fullmatch("#[0-9A-F]{6}", limit.colour)
    for field in ("title", "colour", "switch", "without"):
        assert len({getattr(limit, field) for limit in LIMITS.values()}) == len(LIMITS), field


@pytest.mark.parametrize("facts", load_catalog().sets)
def test_rows_of_parameters_name_the_limits_that_read_them(facts: str) -> None:
    for name, row in load_catalog().parameters(facts).items():
        if row.role == "model" and name != OF_A_SWITCH:
            assert set(row.limit.split()) == set(touched([name])), name
        assert set(row.limit.split()) <= set(LIMITS), name


def _hands(p: State, years: np.ndarray, structure: Structure) -> np.ndarray:
    """A ceiling below all others, in proportion to the share of a run."""
    return 1e24 * np.exp(0.0 * years[:, None]) * p.at("run.share", years) / p["run.share"]


@pytest.fixture
def seventh(monkeypatch: pytest.MonkeyPatch) -> Limit:
    row = Limit(
        "labour", "Labour", _hands, frozenset({"run.share"}), "#F0E442",
        compute=False, switch="no-labour", without="hands are no object",
    )  # fmt: skip
    monkeypatch.setitem(LIMITS, row.name, row)
    return row


def test_a_seventh_limit_is_one_row(seventh: Limit, tmp_path: Path) -> None:
    result = liebig.forecast(samples=64)
    assert result.limits == (*(n for n in LIMITS if n != "labour"), "labour")
    assert result.binding_limit(2035) == "labour"
    assert "Labour binds in" in result.summary(2035)
    assert touched(["run.share"])[-1] == "labour"
    assert "labour" not in liebig.forecast(samples=64, switches=["no-labour"]).limits
    epoch = liebig.forecast(samples=64, facts="epoch-2024", switches=["all-limits"])
    assert epoch.limits == tuple(LIMITS)
    assert switches()["no-labour"].description == "hands are no object"
    # it is no limit of compute: a gain in effective FLOP does not stretch it
    gain = 2.0 ** (12 * 11 / 8.0)
    moe = liebig.forecast(samples=64, levers=["moe"], pin={"effective.algorithmic_halving_months": 8.0})
    i = moe.at(2035)
    assert moe.effective_minimum[i][2] / moe.minimum[i][2] == pytest.approx(gain, rel=1e-6)


def test_a_seventh_limit_is_shown(seventh: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    from liebig.cli.render import barrel, limit_colour

    assert limit_colour("labour") == seventh.colour
    styles = [str(span.style).upper() for span in barrel({"power": 1.0, "labour": 0.5}, "labour").spans]
    assert any(seventh.colour in style for style in styles)
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["forecast", "--samples", "64", "--year", "2035"]).output
    head = next(line for line in shown.splitlines() if line.split()[:1] == ["year"])
    assert "labour" in head.split()
    listed = CliRunner().invoke(app, ["sensitivity", "--list-switches"]).output
    assert "no-labour" in listed
    ranked = CliRunner().invoke(app, ["levers", "rank", "--samples", "64", "--year", "2035", "--json"]).output
    effects = {e["lever"]: e for e in json.loads(ranked)["levers"]}
    assert effects["routing"]["on_limits"]["labour"] > 1
    assert "labour ×" in CliRunner().invoke(app, ["levers", "rank", "--samples", "64", "--year", "2035"]).output


def test_a_seventh_limit_is_on_the_page(seventh: Limit) -> None:
    pytest.importorskip("fastapi")
    from liebig.web.answers.remedies import parameters

    last = parameters.__wrapped__("2026").limits[-1]
    assert (last.name, last.colour, last.switch) == (seventh.name, seventh.colour, seventh.switch)
    assert [x.name for x in parameters.__wrapped__("2026").limits] == list(LIMITS)


def test_a_seventh_limit_is_drawn(seventh: Limit) -> None:
    pytest.importorskip("altair")
    from liebig.forecast.plot import forecast_chart

    chart = json.dumps(forecast_chart(liebig.forecast(samples=64)).to_dict())
    assert seventh.colour in chart
    assert "Labour binds most often in 2030" in chart


def test_a_wrong_name_of_a_limit_in_a_user_s_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "id,limit,p50,unit,source,as_of,licence,grade\nrun.share,power chpis,0.5,fraction,x,2026,own,judgement\n"
    )
    notes = liebig.forecast(samples=64, facts_files=[str(path)]).notes
    assert any("run.share" in n and "'chpis'" in n for n in notes)


def test_a_structure_names_its_limits() -> None:
    assert replace(Structure(("data",)), multimodal=False).limits == ("data",)
    with pytest.raises(TypeError):
        Structure()  # type: ignore[call-arg]
