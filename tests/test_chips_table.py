"""The one table of chips: whose cells are whose, what differs from Epoch AI's table, and how that part is renewed."""

from __future__ import annotations

import csv
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from liebig.catalog import load_catalog
from liebig.catalog.training_rows import ChipRow
from liebig.cluster import chip, chip_names
from liebig.evidence.forecast import fit_trends

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import epoch_chips

ROWS = load_catalog().chips()
OURS = [r for r in ROWS if r.kept_by == "liebig"]
THEIRS = [r for r in ROWS if r.kept_by == "epoch"]
HEADINGS = (
    "Hardware name", "Manufacturer", "Type", "Release date", "Release price (USD)", "Foundry", "Link to datasheet",
    "FP32 (single precision) performance (FLOP/s)", "FP16 (half precision) performance (FLOP/s)",
    "TF32 (TensorFloat-32) performance (FLOP/s)", "Tensor-FP16/BF16 performance (FLOP/s)", "INT8 performance (OP/s)",
    "Memory size per board (Byte)", "Memory bandwidth (byte/s)", "Intranode bandwidth (byte/s)",
    "Internode bandwidth (bit/s)", "Die Size (mm^2)", "TDP (W)", "Process size (nm)", "Last modified",
    "FP8 performance (FLOP/s)", "FP4 performance (FLOP/s)",
)  # fmt: skip


def test_rows_of_ours_can_be_planned_with_and_the_others_are_epoch_s() -> None:
    assert [r.name for r in OURS] == list(chip_names())
    for row in THEIRS:
        assert (row.source, row.licence) == ("Epoch AI, Machine Learning Hardware", "CC BY 4.0")
        assert row.epoch_names == row.name
        assert not row.epoch_cells


def test_cells_of_epoch_s_carry_its_licence() -> None:
    for row in OURS:
        cells = row.epoch_cells.split()
        assert set(cells) <= set(epoch_chips.FILLED)
        assert all(getattr(row, c) for c in cells), row.name
        assert bool(row.epoch_names) or not cells
        if cells:
            assert "CC BY 4.0 (Epoch AI)" in row.licence, row.name


def test_a_cell_that_disagrees_is_another_value_and_says_why() -> None:
    for row in ROWS:
        for column, there, why in row.disagreements:
            here = str(getattr(row, column) or "")
            assert here != there, (row.name, column)
            assert len(why) > 5, (row.name, column)
            if column != "release" and here:
                assert abs(float(there) / float(here) - 1) > 0.003, (row.name, column)


def test_every_name_and_spelling_of_the_table_finds_its_chip() -> None:
    for row in OURS:
        for name in (row.name, *row.aliases.split(";"), *row.epoch_names.split(";")):
            found = chip(name).name if name else row.name
            assert found == row.name or name in row.epoch_names, (name, found)
    for row in THEIRS:
        if (row.peak_bf16 or row.peak_fp32) and row.memory_bytes and row.memory_bandwidth:
            # P100 alone is the SXM module; there it is the card
            assert chip(row.name).name == row.name or row.name == "NVIDIA P100"


@pytest.mark.parametrize(
    ("name", "precision", "peak"),
    [
        # single precision runs on the vector units of NVIDIA's chips, and on the matrix units of AMD's
        ("H100-SXM", "fp32", 66.9e12), ("H100-SXM", "tf32", 494.7e12), ("V100-SXM-16GB", "fp32", 15.7e12),
        ("MI250X", "fp32", 95.7e12), ("MI300X", "fp32", 163.4e12), ("Trainium2", "fp32", 181e12),
    ],
)  # fmt: skip
def test_single_precision_is_not_tf32(name: str, precision: str, peak: float) -> None:
    assert chip(name).peak(precision) == pytest.approx(peak, rel=0.002)


@pytest.mark.parametrize(
    ("name", "gib"), [("H100-SXM", 80), ("H200-SXM", 141), ("MI300X", 192), ("GB300-NVL72", 279), ("Maia-100", 64)]
)
def test_memory_sold_by_the_gb_holds_as_many_gib(name: str, gib: int) -> None:
    assert chip(name).memory_bytes == gib * 2**30


def test_links_of_chips_that_epoch_lists_count_one_way() -> None:
    listed = chip("NVIDIA Tesla V100 DGXS 16 GB")  # 300 GB/s both ways
    assert listed.scale_up_bandwidth == chip("V100-SXM-16GB").scale_up_bandwidth == 150e9
    assert listed.memory_bytes == 16 * 2**30
    assert chip("NVIDIA Tesla K80").scale_up_bandwidth == 16e9  # nothing is listed


def test_trends_leave_out_what_epoch_s_table_leaves_out() -> None:
    (performance,) = fit_trends(("performance",))
    names = {name for _, _, name in performance.points}
    assert "A100-SXM-40GB" in names
    assert not names & {"Cerebras-WSE-2", "MI250X-GCD", "Graphcore-Bow"}


def listed(**cells: Any) -> dict[str, str]:
    """A row as Epoch AI's table has it."""
    return {**dict.fromkeys(HEADINGS, ""), **{k: str(v) for k, v in cells.items()}}


def mine(**cells: str) -> dict[str, str]:
    """A row of the table of chips."""
    return {**dict.fromkeys(ChipRow.model_fields, ""), "kept_by": "liebig", **cells}


LISTED = listed(
    **{
        "Hardware name": "Maker  M1", "Manufacturer": "Maker", "Type": "GPU", "Release date": "2024-05-06",
        "Release price (USD)": "$1,000", "Tensor-FP16/BF16 performance (FLOP/s)": 2e14, "TDP (W)": 450,
        "Memory size per board (Byte)": 8e10, "Memory bandwidth (byte/s)": 2e12, "Intranode bandwidth (byte/s)": 6e11,
        "Internode bandwidth (bit/s)": 4e11, "Last modified": "2025-01-02 03:04", "Foundry": "TSMC",
    }
)  # fmt: skip


def test_a_row_of_epoch_s_in_our_columns() -> None:
    (row,) = epoch_chips.merge_chips([LISTED], [])
    expected = {
        "name": "Maker M1", "vendor": "Maker", "kind": "GPU", "release": "2024-05-06", "price_usd": "1000",
        "peak_bf16": "2e14", "tdp_w": "450", "memory_bytes": str(80 * 2**30), "memory_bandwidth": "2e12",
        "scale_up_bandwidth": "3e11", "scale_out_bandwidth": "5e10", "as_of": "2025-01-02", "family": "other",
        "kept_by": "epoch", "epoch_names": "Maker M1", "licence": "CC BY 4.0", "foundry": "TSMC",
    }  # fmt: skip
    assert {k: row[k] for k in expected} == expected
    full = {k: v for k, v in row.items() if v}
    assert ChipRow.model_validate(full).peak_bf16 == 2e14


def test_half_precision_of_plain_units_counts_only_where_it_is_not_crippled() -> None:
    half, single = "FP16 (half precision) performance (FLOP/s)", "FP32 (single precision) performance (FLOP/s)"
    names = {"Hardware name": "x", "Manufacturer": "y"}
    assert epoch_chips.epoch_cells_of(listed(**names, **{half: 2e13, single: 1e13}))["peak_bf16"] == "2e13"
    assert epoch_chips.epoch_cells_of(listed(**names, **{half: 1e11, single: 1e13}))["peak_bf16"] == ""


def test_renewing_fills_what_we_leave_empty_and_keeps_what_is_ours() -> None:
    ours = mine(
        name="M1", epoch_names="Maker M1", peak_bf16="1e14", tdp_w="400", price_usd="1", epoch_cells="price_usd",
        disagrees="tdp_w=450 peak; 400 is the default",
    )  # fmt: skip
    (row,) = epoch_chips.merge_chips([LISTED], [ours])
    assert (row["peak_bf16"], row["tdp_w"]) == ("1e14", "400")
    assert (row["price_usd"], row["release"], row["foundry"]) == ("1000", "2024-05-06", "TSMC")
    assert row["epoch_cells"] == "kind release price_usd foundry"
    assert epoch_chips.merge_chips([LISTED], [row]) == [row]


def test_renewing_keeps_families_and_corrections_of_rows_of_epoch_s() -> None:
    (row,) = epoch_chips.merge_chips([LISTED], [])
    mended = {**mine(), **row, "family": "H100", "tdp_w": "45", "disagrees": "tdp_w=450 a zero too many"}
    (again,) = epoch_chips.merge_chips([LISTED], [mended])
    assert (again["family"], again["tdp_w"], again["disagrees"]) == ("H100", "45", "tdp_w=450 a zero too many")
    assert again["price_usd"] == "1000"


def test_what_differs_without_a_word_is_named() -> None:
    same = {"name": "M1", "epoch_names": "Maker M1", "memory_bytes": str(80 * 2**30), "scale_up_bandwidth": "3e11"}
    assert epoch_chips.unexplained([LISTED], [mine(**same, peak_bf16="2.005e14", release="2024-05")]) == []
    (line,) = epoch_chips.unexplained([LISTED], [mine(**same, peak_bf16="1e14")])
    assert line == "M1: peak_bf16 is 1e14 here and 2e14 in Epoch AI's table"
    told = mine(**same, peak_bf16="1e14", disagrees="peak_bf16=2e14 sparse")
    assert epoch_chips.unexplained([LISTED], [told]) == []


def test_the_table_is_as_it_is_written_when_renewed() -> None:
    """Columns in the order of the model, so that renewing it makes small changes."""
    text = resources.files("liebig.catalog").joinpath("data", "chips.csv").read_text(encoding="utf-8")
    header = next(csv.reader(text.splitlines()))
    assert set(header) == set(ChipRow.model_fields)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({}, "needs peak_bf16, memory_bytes and memory_bandwidth"),
        ({"kept_by": "epoch", "disagrees": "peak=1 x"}, "expected 'column=value why'"),
        ({"kept_by": "epoch", "disagrees": "tdp_w=1"}, "expected 'column=value why'"),
    ],
)
def test_a_row_that_is_not_whole_is_refused(cells: dict[str, str], problem: str) -> None:
    sourced = {"unit": "x", "source": "liebig", "as_of": "2026", "licence": "fact", "grade": "judgement"}
    with pytest.raises(ValueError, match=problem):
        ChipRow(name="X", **cells, **sourced)  # type: ignore[arg-type]
