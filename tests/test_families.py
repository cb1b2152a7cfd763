"""Families of chips: one table says what was timed and what is borrowed, and every answer tells it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import liebig
from liebig.catalog import load_catalog
from liebig.catalog.training_rows import ChipFamilyRow
from liebig.cluster import Chip, chip, chip_names
from liebig.cluster.attention import attention_efficiency, attention_family
from liebig.cluster.borrowed import borrowed_words, borrowings, notes_on
from liebig.cluster.collectives import OPERATIONS, collective_time, curves_family
from liebig.cluster.fabric import fabric_of
from liebig.cluster.families import families, family_of, is_systolic
from liebig.cluster.kernels import BYTES, gemm_time, level_of, read_table, table_of
from liebig.cluster.throttling import throttling
from liebig.errors import InputError, UnknownNameError
from liebig.plan import find_budget, find_scale, find_sweep, plan_training, search_training, tasks_of
from liebig.plan.inputs import make_training_input, setup_of

CHIPS = {name: chip(name) for name in chip_names()}
#: Families that no chip of the catalogue belongs to: for chips of users.
FOR_USERS = {"Hopper", "Blackwell", "CPU"}
TIMED = {name: {row[0] for row in read_table(f"{name}.csv")[1:]} for name in ("gemm", "attention", "collectives")}
SMALL = {"model": "Llama2-7B", "chips": 64, "batch": 256, "seq_len": 4096}
BORROWS, OWNS = "MI300X", "H100-SXM"


def test_every_chip_has_a_family_of_the_table_and_every_family_a_chip() -> None:
    used = {row.family for row in load_catalog().chips()}
    assert used <= set(families())
    assert set(families()) - used == FOR_USERS


@pytest.mark.parametrize("name", families())
def test_a_family_owns_what_was_timed_on_it_and_borrows_the_rest(name: str) -> None:
    row = families()[name]
    assert bool(row.host) == (name in TIMED["gemm"])
    assert (not row.attention_from) == (name in TIMED["attention"])
    assert row.attention_from in TIMED["attention"] | {""}
    assert row.collectives_from in TIMED["collectives"] | {""}
    assert not (row.host and row.collectives_from)
    assert set(row.kernels_from.split()) <= TIMED["gemm"]
    if row.host:
        assert chip(row.host).family == name
        assert name in TIMED["collectives"]


@pytest.mark.parametrize("name", CHIPS)
def test_every_precision_and_collective_of_a_chip_has_timings_to_follow(name: str) -> None:
    c = CHIPS[name]
    if not is_systolic(c):
        for precision in BYTES:
            family, _ = table_of(c, precision)
            assert family == c.family or family in family_of(c).kernels_from.split()
            assert gemm_time(c, precision, 4096, 4096, 4096) > 0
    assert 0 < attention_efficiency(c, 128, 4096) < 1
    for operation in OPERATIONS:
        assert collective_time(c, fabric_of(c), operation, 1e8, 2, 2) > 0


@pytest.mark.parametrize("name", CHIPS)
def test_what_was_not_timed_on_a_chip_s_family_is_told_in_its_plans(name: str) -> None:
    """Held against the measured tables themselves, not against the table of families."""
    c = CHIPS[name]
    expected = {
        "matrix product": c.family not in TIMED["gemm"],
        "attention": c.family not in TIMED["attention"],
        "collective": c.family not in TIMED["collectives"] and c.scale_up_domain > 1,
        "clock": not family_of(c).generation and not is_systolic(c),
    }
    notes = setup_of(make_training_input(model="Llama2-7B", chip=name, chips=8)).notes
    for what, borrowed in expected.items():
        found = [n for n in notes if what in n]
        assert len(found) == borrowed, (what, notes)
        assert all(n.startswith(f"{name}: ") for n in found)
    assert len(notes) == sum(expected.values())


def test_notes_name_the_lender_and_at_what_level() -> None:
    products, attention, collectives, clock = notes_on(CHIPS[BORROWS])
    assert "borrowed from H100, at 0.64 times" in products
    assert level_of(CHIPS[BORROWS]) == pytest.approx(0.514 / 0.803)  # best published products of both
    assert "H100" in attention
    assert "H100" in collectives
    assert "H100" in clock
    assert throttling(CHIPS[BORROWS]) == throttling(CHIPS[OWNS])
    assert notes_on(CHIPS[OWNS]) == ()


def test_a_precision_that_was_not_timed_is_borrowed_too() -> None:
    note, units = notes_on(CHIPS["A100-SXM-80GB"], precision="fp8")
    assert units == "A100-SXM-80GB: it has no fp8 units; products run at the rate of bf16"
    assert "fp8 matrix products are borrowed from H100" in note
    assert notes_on(CHIPS["A100-SXM-80GB"], precision="bf16") == ()
    plan = plan_training(**SMALL, chip="A100-SXM-80GB", precision="fp8", tp=1, pp=1)
    assert plan.notes == (note, units)


def test_a_chip_measured_on_the_spot_borrows_only_what_was_not_measured() -> None:
    timed = {"m": (64, 4096), "n": (64, 4096), "k": (64, 4096), "flop_per_s": [[[1e12, 2e12]] * 2] * 2}
    c = Chip(
        name="mine", peak_bf16=2e12, memory_bytes=8e9, memory_bandwidth=1e11, matmul_measured={"bf16": timed},  # type: ignore[arg-type]
        attention_measured={"bf16": {"lengths": (512,), "flop_per_s": (1e12,)}},  # type: ignore[arg-type]
    )  # fmt: skip
    assert borrowings(c) == ()
    assert [b.what for b in borrowings(c.model_copy(update={"attention_measured": {}}))] == ["attention"]


def test_a_chip_of_no_family_is_its_maker_s_or_another() -> None:
    numbers = {"name": "asic", "peak_bf16": 1e15, "memory_bytes": 96e9, "memory_bandwidth": 4e12}
    assert family_of(Chip(**numbers)).family == "other"
    assert family_of(Chip(**numbers, vendor="Google")).family == "TPU"
    assert family_of(Chip(**numbers, vendor="CPU")).kind == "cpu"
    assert (attention_family(Chip(**numbers)), curves_family(Chip(**numbers), fabric_of(Chip(**numbers)))) == (
        "H100",
        "",
    )


def test_every_answer_about_a_chip_carries_its_notes() -> None:
    notes = notes_on(CHIPS[BORROWS])
    assert plan_training(**SMALL, chip=BORROWS, tp=1, pp=1).to_dict()["notes"] == list(notes)
    assert search_training(1, **SMALL, chip=BORROWS, tp=1, pp=1).setup.notes == notes
    scale = {"smallest": 1e24, "largest": 1e25, "per_decade": 1}
    assert find_scale(**scale, chip=BORROWS).to_dict()["notes"] == list(notes)
    budget = {"chips": 64, "days": 10, "usd_per_chip_hour": 2.0, "seq_len": 2048}
    assert find_budget(**budget, chip=BORROWS).to_dict()["notes"] == list(notes)
    sweep = find_sweep(tasks_of(["Llama2-7B"], [BORROWS, OWNS], [8], ["france"], batch=8, seq_len=2048), workers=1)
    assert sweep.notes == notes


@pytest.mark.slow
def test_scores_of_published_rows_say_which_rest_on_borrowed_timings() -> None:
    from liebig.evidence.training import score_rows, score_runs

    row = {"row_id": "a", "source_id": "a", "model": "Llama2-7B", "n_chips": "64", "seq_len": "4096",
           "global_batch_seqs": "256", "iter_time_s": "3", "tokens_b": "2000", "chip_hours": "184320"}  # fmt: skip
    rows = [{**row, "chip": BORROWS}, {**row, "row_id": "b", "chip": OWNS}]
    words = borrowed_words(CHIPS[BORROWS])
    assert words == f"{BORROWS}: matrix products of H100, attention of H100, collectives of H100, throttling of H100"
    assert [s.to_dict()["borrowed"] for s in score_rows(rows)] == [words, None]
    assert [s.to_dict()["borrowed"] for s in score_runs(rows, workers=1)] == [words, None]


def test_no_code_names_a_family() -> None:
    """A family that is added in its table is known everywhere."""
    names = set(families()) - {"CPU", "other"}
    root = Path(liebig.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{path.relative_to(root)}, line {node.lineno}: {node.value!r}"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"kind": "systolic"}, "peak_share and array_edge"),
        ({"kind": "gpu"}, "kernels_from"),
    ],
)
def test_a_family_says_how_its_products_are_timed(fields: dict[str, str], problem: str) -> None:
    sourced = {"unit": "x", "source": "liebig", "as_of": "2026", "licence": "fact", "grade": "judgement"}
    with pytest.raises(ValueError, match=problem):
        ChipFamilyRow(family="X", **fields, **sourced)  # type: ignore[arg-type]


def test_a_family_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"chip family 'H10O'.*H100"):
        family_of(Chip(name="mine", family="H10O", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12))


def test_a_family_that_nobody_knows_stands_in_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*families().values(), families()["MI300"].model_copy(update={"collectives_from": "H10O"})]
    monkeypatch.setattr("liebig.cluster.families.builtin_table", lambda _: rows)
    with pytest.raises(UnknownNameError, match="stands in for MI300"):
        families.__wrapped__()


@pytest.mark.parametrize(
    ("column", "lender", "told"),
    [
        ("kernels_from", "H100", "no nvfp4 matrix product was timed .*kernels_from .*B200"),
        ("attention_from", "MI300", "no attention was timed .*attention_from .*A100"),
        ("collectives_from", "Ada", "no collective was timed .*collectives_from .*A100"),
    ],
)
def test_a_family_whose_lender_was_not_timed_is_refused(
    column: str, lender: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a family of one's own in the table may be written."""
    row = families()["MI325"].model_copy(update={"family": "Mine", column: lender})
    monkeypatch.setattr("liebig.cluster.families._family", lambda *_: row)
    c = CHIPS["MI325X"].model_copy(update={"family": "Mine"})
    calls: dict[str, Callable[[], object]] = {
        "kernels_from": lambda: gemm_time(c, "nvfp4", 64, 64, 64),
        "attention_from": lambda: attention_efficiency(c, 128, 512),
        "collectives_from": lambda: collective_time(c, fabric_of(c), "all-reduce", 1e6, 8, 8),
    }
    for name, call in calls.items():
        if name == column:
            with pytest.raises(InputError, match=f"chip family 'Mine': {told}"):
                call()
        else:
            call()
