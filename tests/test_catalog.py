"""The facts: every built-in row, the loader, and the user's own tables."""

from __future__ import annotations

import csv
import io
import tomllib
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liebig
from liebig.catalog import GRADES, TABLES, Catalog, dangling_references, load_catalog, read_table, resolve
from liebig.catalog.loader import builtin_table
from liebig.errors import InputError, LiebigError, TableError, UnknownNameError
from liebig.forecast.stated import parameter_marginal
from liebig.quantities import parse_quantity


@pytest.mark.parametrize("table", TABLES)
def test_every_built_in_row_is_valid_and_sourced(table: str) -> None:
    rows = builtin_table(table)
    assert rows
    for row in rows:
        where = f"{table}: {row.row_key}"
        assert row.unit, where
        assert row.source, where
        assert row.as_of, where
        assert row.licence, where
        if row.grade in ("measured", "reported", "vendor claim"):
            assert row.url.startswith("http") or "liebig" in row.source, where
        if not row.url:
            assert "liebig" in row.source or row.grade == "judgement", where


def test_nothing_in_the_tables_points_at_a_machine() -> None:
    for table in TABLES:
        text = resources.files("liebig.catalog").joinpath("data", f"{table}.csv").read_text(encoding="utf-8")
        for word in ("/work", "/tmp", "/home", "file://", "shared/"):
            assert word not in text, (table, word)


@pytest.mark.parametrize("table", TABLES)
def test_every_table_names_its_headline_columns(table: str, catalog: Catalog) -> None:
    columns = TABLES[table].model_fields
    for head in TABLES[table].headline:
        assert {head.column, head.low, head.high, head.against} - {""} <= set(columns)
    units = {row.unit for row in catalog.table(table)}
    assert "per column" not in units or all(h.unit for h in TABLES[table].headline if _is_number(table, h.column))


def _is_number(table: str, column: str) -> bool:
    return "float" in str(TABLES[table].model_fields[column].annotation)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_figure_or_says_why_not(table: str, catalog: Catalog) -> None:
    for row in catalog.table(table):
        figure = row.figure
        if figure.value is None and figure.low is None:
            assert table in ("models", "power_sources"), f"{row.row_key}: no headline column is filled"
            assert figure.reason
            numbers = [n for n, v in row.model_dump().items() if isinstance(v, float)]
            assert numbers == [], f"{row.row_key}: {numbers} could stand for it"
        else:
            assert figure.unit or isinstance(figure.value, str), row.row_key
        assert (figure.value is None) == bool(figure.reason), f"{row.row_key}: a value, or why there is none"


def test_both_sets_have_every_parameter(catalog: Catalog) -> None:
    one, two = (catalog.parameters(f) for f in ("epoch-2024", "2026"))
    assert set(one) == set(two)
    for rows in (one, two):
        for row in rows.values():
            if row.role == "model":
                parameter_marginal(row)
                # what a user would write back is read back
                if row.p50 is not None:
                    assert parse_quantity(row.p50, row.unit) == row.p50


def test_units_of_the_tables_can_be_read(catalog: Catalog) -> None:
    for row in catalog.parameters("2026").values():
        if row.role == "model":
            assert parse_quantity(f"1 {row.unit}", row.unit) == pytest.approx(1.0), row.id


def test_references_hold(catalog: Catalog) -> None:
    assert dangling_references(catalog) == []


def test_built_in_correlations_hold_together(catalog: Catalog) -> None:
    import warnings

    from liebig.forecast.inputs import make_input
    from liebig.forecast.world import build_world

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for facts in catalog.sets:
            build_world(make_input(facts=facts), catalog)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("run.duration_s", "run.duration_s"),
        ("duration", "run.duration_s"),
        ("run.duration", "run.duration_s"),
        ("power.campus", "power.campus_w"),
        ("power.smr", "power.smr_w"),
        ("campus_w", "power.campus_w"),
        ("Duration-S", "run.duration_s"),
    ],
)
def test_short_names(name: str, full: str, catalog: Catalog) -> None:
    assert resolve(name, catalog.parameters("2026")) == full


def test_ambiguous_and_unknown_names(catalog: Catalog) -> None:
    with pytest.raises(InputError, match=r"short for several parameters: data\.growth, trend\.growth"):
        resolve("growth", catalog.parameters("2026"))
    with pytest.raises(UnknownNameError, match=r"run\.duration_s"):
        resolve("run.durations", catalog.parameters("2026"))


HEADER = "id,p10,p50,p90,unit,source,as_of,licence,grade\n"


def _write(tmp_path, text: str, name: str = "mine.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_user_s_row_overrides_and_keeps_what_it_leaves_out(tmp_path) -> None:
    path = _write(tmp_path, HEADER + "power.campus_w,3,8,12,GW,our site survey,2026-10,own,measured\n")
    catalog = load_catalog([path])
    row = catalog.parameter("power.campus_w", "2026")
    assert (row.p10, row.p50, row.p90) == (3e9, 8e9, 12e9)
    assert row.unit == "W"
    assert row.at_year == 2030
    assert row.lower == 0
    assert not catalog.is_builtin("parameters", row)
    assert catalog.parameter("power.campus_w", "epoch-2024") == row
    free = liebig.forecast(samples=128, switches=["single-campus"])
    mine = liebig.forecast(samples=128, switches=["single-campus"], facts_files=[str(path)])
    i = free.at(2030)
    assert mine.ceilings["power"][i, 2] == pytest.approx(1.6 * free.ceilings["power"][i, 2], rel=0.15)
    record = next(r for r in mine.to_dict()["parameters"] if r["id"] == "power.campus_w")
    assert record["stated_by"] == "the user's facts"
    assert record["source"] == "our site survey"


def test_a_row_for_one_set_leaves_the_other_alone(tmp_path) -> None:
    text = "id,set,p50,unit,source,as_of,licence,grade\nrun.share,2026,0.5,fraction,x,2026,own,judgement\n"
    catalog = load_catalog([_write(tmp_path, text)])
    assert catalog.parameter("run.share", "2026").p50 == 0.5
    assert catalog.parameter("run.share", "epoch-2024").p50 == 0.26


def test_toml_holds_several_tables_and_new_levers(tmp_path) -> None:
    text = """
[[levers]]
id = "moon-base"
name = "Data centre on the moon"
kind = "supply"
available_from = 2030
unit = "GW"
source = "a dream"
as_of = "2026"
licence = "own"
grade = "judgement"

[[lever_effects]]
lever = "moon-base"
parameter = "power.ai_factor"
op = "mul"
low = 1.0
mid = 2.0
high = 3.0
unit = "x"
source = "a dream"
as_of = "2026"
licence = "own"
grade = "judgement"
"""
    path = _write(tmp_path, text, "mine.toml")
    found = read_table(path)
    assert set(found) == {"levers", "lever_effects"}
    free = liebig.forecast(samples=1024)
    moon = liebig.forecast(samples=1024, facts_files=[str(path)], levers=["moon-base"])
    i = free.at(2035)
    # twice the national power, but one campus or the bandwidth between sites limits some futures
    assert 1.2 < moon.ceilings["power"][i, 2] / free.ceilings["power"][i, 2] < 2.0
    before = free.at(2029)
    assert np.array_equal(moon.ceilings["power"][before], free.ceilings["power"][before])


def test_all_problems_of_a_file_at_once(tmp_path) -> None:
    path = _write(
        tmp_path,
        HEADER
        + "power.campus_w,3,8,12,GW,x,2026,own,measured\n"
        + "run.share,0.1,nan,0.4,fraction,x,2026,own,measured\n"
        + "run.share,0.1,,0.4,fraction,,2026,own,certain\n"
        + "data.quality,0.1,0.11,0.9,fraction,x,2026-13-45x,own,measured\n"
        + "run.duration_s,60,180,270,km,x,2026,own,measured\n",
    )
    with pytest.raises(TableError) as caught:
        read_table(path)
    # units are checked first, since nothing else makes sense before
    assert "line 6: run.duration_s" in str(caught.value)
    path.write_text(path.read_text().replace("270,km", "270,d"))
    with pytest.raises(TableError) as caught:
        read_table(path)
    text = str(caught.value)
    assert len(caught.value.problems) >= 4
    assert "line 3: column 'p50': 'nan' is not a finite number" in text
    assert "line 4: column 'source' is empty" in text
    assert "line 4: column 'grade'" in text
    assert "line 5: column 'as_of'" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo,bar\n1,2\n", "unknown columns bar, foo"),
        ("id;p50;unit\nrun.share;1;x\n", "separated by semicolons"),
        ("id,p50,unit\nrun.share,1\n", "2 cells, expected 3"),
        ('id,p50\n"run,1\n', "not valid CSV"),
        ("id,id,p50\na,b,1\n", "named twice"),
        (HEADER + "run.share,0.1,0.11,0.9,fraction,x,2026,own,measured\n", "middle must lie between"),
        (
            HEADER + "run.share,,0.5,,fraction,x,2026,own,measured\nrun.share,,0.4,,fraction,x,2026,own,measured\n",
            "stands already",
        ),
        (HEADER + "run.share,0.1,0.2,0.4,fraction,x,2026,own,reported\n", "url is empty"),
    ],
)
def test_bad_tables(tmp_path, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_table(_write(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "[[levers]\n", "line 1"),
        ("a.toml", "[[rockets]]\nid = 1\n", r"expected one of \[\[parameters\]\]"),
        ("a.xlsx", "x", "expected a .csv or .toml"),
    ],
)
def test_bad_files(tmp_path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(_write(tmp_path, text, name))


def test_files_that_cannot_be_read(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path / "f.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_table(tmp_path / "b.csv")
    for name in ("e.csv", "e.toml"):
        with pytest.raises(InputError, match=f"{name}: is empty"):
            read_table(_write(tmp_path, "\n", name))
    with pytest.raises(UnknownNameError, match="table"):
        read_table(_write(tmp_path, HEADER), table="rockets")


def test_an_effect_on_an_unknown_parameter(tmp_path) -> None:
    text = (
        "lever,parameter,op,low,mid,high,unit,source,as_of,licence,grade\n"
        "smr,power.warp_core_w,add,1,2,3,W,x,2026,own,judgement\n"
    )
    with pytest.raises(TableError, match=r"power\.warp_core_w"):
        load_catalog([_write(tmp_path, text)])


@settings(max_examples=150)
@given(st.text(max_size=300))
def test_no_text_makes_the_loader_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("a.csv", "a.toml"):
        path = folder / name
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            read_table(path)
        except LiebigError as error:
            assert str(error)


@settings(max_examples=100)
@given(
    st.lists(
        st.fixed_dictionaries({n: st.text(max_size=8) for n in ("id", "p10", "p50", "p90", "unit", "grade", "as_of")}),
        max_size=4,
    )
)
def test_no_row_makes_the_loader_crash(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "p10", "p50", "p90", "unit", "source", "as_of", "licence", "grade"])
    writer.writeheader()
    writer.writerows(r | {"source": "x", "licence": "own"} for r in rows)
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_text(out.getvalue(), encoding="utf-8", errors="replace")
    try:
        read_table(path)
    except LiebigError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('[[correlations]]\na="run.share"\nb="run.share"\nspearman=0.5\n', "not correlated with itself"),
        ('[[lever_effects]]\nlever="routing"\nparameter="run.share"\nop="mul"\nlow=-2\nmid=-1\nhigh=1\n', "above 0"),
        ('[[yardsticks]]\nid="a"\nname="a"\nvalue=true\n', "value: expected a number"),
        ('[[yardsticks]]\nid="a"\nname="a"\nvalue=1\nas_of="2026-13"\n', "is no date"),
        ("levers = [1, 2]\n", "expected tables"),
        ("# nothing yet\n", "holds no table"),
    ],
)
def test_rows_that_cannot_be(tmp_path, table: str, message: str) -> None:
    common = 'unit="x"\nsource="own"\nlicence="own"\ngrade="measured"\n' if table.startswith("[[") else ""
    common += 'as_of="2026"\n' if common and "as_of" not in table else ""
    path = tmp_path / "own.toml"
    path.write_text(table + common, encoding="utf-8")
    with pytest.raises(TableError, match=message):
        read_table(path)


def test_every_measured_table_says_where_it_is_from() -> None:
    folder = resources.files("liebig.catalog").joinpath("measured")
    described = tomllib.loads(folder.joinpath("datasets.toml").read_text(encoding="utf-8"))
    tables = {item.name.removesuffix(".csv") for item in folder.iterdir() if item.name.endswith(".csv")}
    assert set(described) == tables - {"corrections"}  # whose rows each name their source
    for name, entry in described.items():
        assert {"title", "unit", "source", "as_of", "licence"} <= {k for k, v in entry.items() if v}, name
        assert entry["grade"] in GRADES, name
