"""A training plan: the step and its parts, memory, layouts, the whole run; right and wrong input."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.cluster import chip
from liebig.cluster.fabric import fabric_of
from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.plan import plan_training, search_training
from liebig.plan.goodput import goodput
from liebig.plan.inputs import TrainingInput, make_training_input, read_plan
from liebig.plan.run import draw
from liebig.plan.train import plan_of, setup_of
from liebig.step.calibration import builtin_calibration
from liebig.step.constants import Constants
from liebig.step.layout import Layouts
from liebig.step.memory import by_stage, memory
from liebig.step.parts import parts
from liebig.step.search import Space, constants_of, enumerate_layouts, search
from liebig.step.software import software
from liebig.step.time import Breakdown, assemble
from liebig.transformer import architecture
from liebig.uncertainty import Interval

H100 = chip("H100-SXM")
SMALL = {"model": "Llama2-7B", "chips": 64, "batch": 256, "seq_len": 4096}


def _step(model: str = "Llama2-70B", length: float = 4096.0, precision: str = "bf16", **sizes: object) -> Breakdown:
    shape = architecture(model).shape
    lay = Layouts.of(**sizes)
    pieces = parts(H100, fabric_of(H100), software("modern"), precision, shape, lay, length)
    return assemble(pieces, Constants())


# ── the step ────────────────────────────────────────────────────────────────


@given(
    tp=st.sampled_from([1, 2, 4, 8]),
    pp=st.sampled_from([1, 2, 4, 8]),
    dp=st.sampled_from([1, 2, 16, 64]),
    micro=st.sampled_from([1, 2, 4]),
    n_micro=st.integers(1, 64),
    recompute=st.sampled_from([0.0, 1.0, 1.5, 2.0]),
    zero=st.sampled_from([0, 1, 2]),
    schedule=st.sampled_from([0, 1, 2, 3]),
)
def test_the_parts_sum_to_the_step_and_none_is_negative(
    tp: int, pp: int, dp: int, micro: int, n_micro: int, recompute: float, zero: int, schedule: int
) -> None:
    found = _step(
        tp=tp, pp=pp, dp=dp, micro_batch=micro, n_micro=n_micro, recompute=recompute, zero=zero, schedule=schedule
    )
    values = {f.name: float(getattr(found, f.name)) for f in dataclasses.fields(found)}
    assert all(v >= 0.0 for v in values.values()), values
    assert float(found.total) == pytest.approx(sum(values.values()))
    ideal = 6.0 * architecture("Llama2-70B").parameters * 4096 * micro * n_micro / (tp * pp * H100.peak("bf16"))
    assert float(found.total) > 0.9 * ideal  # nothing is faster than the chip (the embedding does no FLOP)


def test_more_work_takes_longer() -> None:
    base = float(_step(tp=8, pp=4, dp=4, n_micro=16).total)
    assert float(_step(tp=8, pp=4, dp=4, n_micro=32).total) > base
    assert float(_step(tp=8, pp=4, dp=4, n_micro=16, recompute=2.0).total) > 1.15 * base
    alone = float(_step(tp=8, pp=4, dp=1, n_micro=16).total)  # sums of gradients hide behind longer work
    assert float(_step(tp=8, pp=4, dp=1, n_micro=16, length=8192.0).total) > 2.0 * alone
    assert float(_step(tp=8, pp=4, dp=4, n_micro=16, precision="fp8").total) < 0.85 * base


def test_a_bubble_shrinks_with_micro_batches_chunks_and_zero_bubble() -> None:
    def bubble(**sizes: object) -> float:
        found = _step(tp=8, pp=8, dp=1, **sizes)
        return float(found.bubble) / float(found.total)

    few = bubble(n_micro=8)
    assert few == pytest.approx(7 / 15, abs=0.12)  # (p - 1) / (m + p - 1) of equal stages
    assert bubble(n_micro=64) < 0.4 * few
    assert bubble(n_micro=8, vpp=5) < 0.5 * few
    assert bubble(n_micro=8, schedule=1) < 0.75 * few
    assert bubble(n_micro=8, schedule=2) < few


def test_arrays_of_layouts_give_what_each_gives_alone() -> None:
    tps, pps = np.array([1.0, 2.0, 8.0]), np.array([8.0, 4.0, 1.0])
    many = _step(tp=tps, pp=pps, dp=4.0, n_micro=16.0)
    for i in range(3):
        one = _step(tp=tps[i], pp=pps[i], dp=4.0, n_micro=16.0)
        for f in dataclasses.fields(Breakdown):
            left = np.broadcast_to(getattr(many, f.name), (3,))[i]
            assert float(left) == pytest.approx(float(getattr(one, f.name)), rel=1e-12), f.name


def test_a_slower_network_shows_where_groups_leave_the_domain() -> None:
    lay = Layouts.of(tp=8, pp=1, dp=64, n_micro=1)
    shape = architecture("Llama2-70B").shape

    def data(gbit: float) -> float:
        fabric = fabric_of(H100, gbit * 1e9 / 8)
        return float(assemble(parts(H100, fabric, software("modern"), "bf16", shape, lay, 4096.0), Constants()).data)

    assert data(50) > 4 * data(400)


def test_experts_reached_once_per_domain_cost_less() -> None:
    lay = Layouts.of(tp=1, pp=8, dp=32, ep=32, n_micro=64)
    shape = architecture("Qwen3-235B-A22B").shape
    plain = software("modern").model_copy(update={"sends_once": False})
    once = software("modern").model_copy(update={"sends_once": True})
    times = [
        float(assemble(parts(H100, fabric_of(H100), s, "bf16", shape, lay, 4096.0), Constants()).expert)
        for s in (plain, once)
    ]
    assert times[1] < 0.7 * times[0]


# ── memory ──────────────────────────────────────────────────────────────────


def test_states_by_hand() -> None:
    """Sixteen or eighteen bytes per parameter without sharding; sharded, only the weights stay."""
    shape = architecture("Llama2-7B").shape
    n = architecture("Llama2-7B").parameters
    soft = software("modern")
    whole = memory(shape, Layouts.of(dp=64, zero=0), 4096.0, soft)
    assert float(whole.weights) == pytest.approx(2 * n, rel=0.01)
    assert float(whole.optimizer) == pytest.approx(12 * n, rel=0.01)
    assert float(whole.gradients) == pytest.approx(soft.gradient_memory * n, rel=0.01)
    one = memory(shape, Layouts.of(dp=64, zero=1), 4096.0, soft)
    assert float(one.optimizer) == pytest.approx(12 * n / 64, rel=0.01)
    two = memory(shape, Layouts.of(dp=64, zero=2), 4096.0, soft)
    assert float(two.gradients) == pytest.approx(float(whole.gradients) / 64, rel=0.01)
    three = memory(shape, Layouts.of(dp=64, zero=3), 4096.0, soft)
    assert float(three.weights) < 0.15 * float(whole.weights)  # its share, and two layers gathered
    host = memory(shape, Layouts.of(dp=64, zero=1, offload=1), 4096.0, soft)
    assert float(host.optimizer) == 0.0


def test_activations_as_published_for_gpt() -> None:
    """Korthikanti 2022: s·b·h·(34 + 5·a·s/h) bytes a layer, over tp; without scores 34 with sequence parallelism."""
    a = architecture("GPT3-175B")
    s, b, h, heads, layers = 2048, 1, a.hidden, a.n_heads, a.n_layers
    soft = software("megatron-2022").model_copy(update={"fragmentation": 1.0})
    every = memory(a.shape, Layouts.of(tp=8, pp=1, n_micro=1, recompute=0), float(s), soft).activations
    assert float(every) / layers == pytest.approx(s * b * h * (34 + 5 * heads * s / h) / 8, rel=0.06)
    selective = memory(a.shape, Layouts.of(tp=8, pp=1, n_micro=1, recompute=1), float(s), soft).activations
    assert float(selective) / layers == pytest.approx(s * b * h * 34 / 8, rel=0.06)
    full = memory(a.shape, Layouts.of(tp=8, pp=1, n_micro=1, recompute=2), float(s), soft).activations
    assert float(full) < 0.2 * float(selective)


def test_the_fullest_stage_is_what_the_total_tells() -> None:
    lay = Layouts.of(tp=8, pp=8, n_micro=32, vpp=2)
    shape = architecture("Llama3.1-70B").shape
    rows = by_stage(shape, lay, 8192.0, software("modern"))
    totals = [r["states"] + r["activations"] + r["logits"] + r["buffers"] for r in rows]
    assert max(totals) == pytest.approx(float(memory(shape, lay, 8192.0, software("modern")).total), rel=0.02)
    assert [r["activations"] for r in rows] == sorted((r["activations"] for r in rows), reverse=True)


@given(st.sampled_from(["tp", "pp", "dp"]), st.sampled_from(["Llama2-13B", "Mixtral-8x7B", "DeepSeek-V3"]))
def test_splitting_never_needs_more_memory(axis: str, model: str) -> None:
    shape = architecture(model).shape
    sizes = {"tp": 2, "pp": 2, "dp": 2, "n_micro": 32}
    before = memory(shape, Layouts.of(**sizes), 4096.0, software("modern")).total
    after = memory(shape, Layouts.of(**{**sizes, axis: 4}), 4096.0, software("modern")).total
    assert float(after) <= float(before) * 1.001


# ── search ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "machine", "chips", "batch"),
    [
        ("Llama2-13B", "A100-SXM-80GB", 32, 128),
        ("Mixtral-8x7B", "H100-SXM", 64, 256),
        ("GPT3-175B", "H100-SXM", 128, 256),
    ],
)
def test_the_search_finds_what_trying_all_finds(model: str, machine: str, chips: int, batch: int) -> None:
    a, c = architecture(model), chip(machine)
    fabric, soft, calibration = fabric_of(c), software("modern"), builtin_calibration()
    found = search(a, c, fabric, soft, "bf16", chips, batch, 2048, calibration, keep=5)
    everything = enumerate_layouts(a, chips, batch, 2048, fabric, soft)
    need = memory(a.shape, everything, 2048.0, soft, "bf16").total
    constants, whole = constants_of(calibration, c, soft, "bf16")
    time = assemble(parts(c, fabric, soft, "bf16", a.shape, everything, 2048.0), constants).total * np.exp(whole)
    fits = np.broadcast_to(need, everything.shape) <= c.memory_bytes
    time = np.where(fits, np.broadcast_to(time, everything.shape), np.inf)
    assert found.considered == everything.size
    assert found.feasible == int(fits.sum())
    assert np.sort(found.step_s)[:5] == pytest.approx(np.sort(time.ravel())[:5], rel=1e-9)


def test_the_border_holds_no_layout_that_another_beats() -> None:
    result = search_training(keep=200, **SMALL)
    rows = result.rows()
    border = [r for r in rows if r["border"]]
    assert len(border) > 1
    for b in border:
        assert not any(
            r["step_s"] <= b["step_s"] and r["memory_bytes"] < b["memory_bytes"] * (1 - 1e-9)
            for r in rows
            if r is not b
        )
    assert rows[0]["step_s"] == min(r["step_s"] for r in rows)


def test_all_sizes_multiply_to_the_chips_and_the_batch() -> None:
    for r in search_training(keep=50, **SMALL).rows():
        assert r["tp"] * r["pp"] * r["cp"] * r["dp"] == 64
        assert r["dp"] * r["micro_batch"] * r["n_micro"] == 256
        assert r["memory_bytes"] <= H100.memory_bytes


def test_sizes_that_are_held_stay() -> None:
    held = {"tp": 2, "pp": 4, "micro_batch": 2, "vpp": 2, "recompute": "full", "zero": 1}
    layout = plan_training(**SMALL, **held).layout_dict()
    assert {k: layout[k] for k in held} == held
    part = plan_training(**SMALL, recompute_share=0.25).layout_dict()
    assert (part["recompute"], part["recompute_share"]) == ("full", 0.25)


def test_a_search_may_hold_several_sizes() -> None:
    a = architecture("Llama2-7B")
    space = Space(tp=[1, 2], pp=[1, 2])
    lay = enumerate_layouts(a, 64, 256, 4096, fabric_of(H100), software("modern"), space)
    assert set(np.unique(lay.tp)) == {1.0, 2.0}
    assert set(np.unique(lay.pp)) == {1.0, 2.0}


# ── the whole run ───────────────────────────────────────────────────────────


def test_a_plan_adds_up() -> None:
    plan = plan_training(**SMALL, tokens=1e12)
    assert plan.steps == pytest.approx(1e12 / (256 * 4096))
    table = plan.breakdown_table().rows()
    assert sum(r["seconds"] for r in table) == pytest.approx(plan.step_s[1])
    assert sum(r["share"] for r in table) == pytest.approx(1.0)
    run = plan.run
    for interval in (plan.step_s, run.days, run.chip_hours, run.usd, run.energy_mwh, run.tco2e):
        assert 0 < interval.p10 <= interval.p50 <= interval.p90
    days = plan.steps * plan.step_s[1] / plan.goodput.p50 / 86_400
    assert plan.run.days[1] == pytest.approx(days, rel=0.1)
    assert plan.run.chip_hours[1] == pytest.approx(plan.run.days[1] * 24 * 64, rel=1e-6)
    assert plan.utilisation("hardware-full") >= plan.utilisation("model")
    assert float(plan.memory.total) <= plan.chip.memory_bytes
    assert json.loads(json.dumps(plan.to_dict()))["layout"] == plan.layout_dict()


def test_the_same_input_gives_the_same_plan() -> None:
    assert plan_training(**SMALL).to_dict() == plan_training(**SMALL).to_dict()


def test_selective_recomputation_frees_memory_for_little_time_where_the_software_can() -> None:
    shape = architecture("Llama3.1-405B").shape
    for name, less in (("modern", (0.55, 0.8)), ("megatron-2022", (1.0, 1.0))):
        kept, taken = [], []
        for recompute in (0.0, 1.0, 2.0):
            lay = Layouts.of(tp=8, pp=16, dp=2, n_micro=16, recompute=recompute)
            profile = software(name).model_copy(update={"attention": "flash2"})
            kept.append(float(memory(shape, lay, 8192, profile).activations))
            pieces = parts(H100, fabric_of(H100), profile, "bf16", shape, lay, 8192)
            taken.append(float(assemble(pieces, Constants()).total))
        assert less[0] <= kept[1] / kept[0] <= less[1]
        assert kept[2] < 0.4 * kept[0]
        assert taken[0] <= taken[1] < 1.05 * taken[0]
        assert taken[2] > 1.15 * taken[0]


def test_the_405b_of_llama_3_takes_what_it_took() -> None:
    """Published: 8,192 to 16,384 H100, tensor 8, pipeline 16, 38 to 43 % of the peak (arXiv:2407.21783, table 4)."""
    plan = plan_training(model="Llama3.1-405B", chips=16_384, batch=2048, tokens=15.6e12)
    assert 0.36 < plan.utilisation("model-noncausal") < 0.46
    without = plan_training(model="Llama3.1-405B", chips=16_384, batch=2048, tokens=15.6e12, cp=1)
    layout = without.layout_dict()
    assert layout["tp"] == 8
    assert (layout["pp"], layout["dp"], layout["recompute"]) == (16, 128, "selective")  # as published
    assert 0.93 * without.step_s.p50 < plan.step_s.p50 <= without.step_s.p50  # context ranks gain little here
    assert 60 < plan.run.days[1] < 140
    assert plan.run.chip_hours[0] < 30.84e6 < plan.run.chip_hours[2] * 1.15  # the model card's chip-hours


def test_chips_beyond_the_sequences_of_a_batch_share_sequences() -> None:
    """Context ranks keep pipelines filled where a batch has few sequences for every chip; all layouts are looked at."""
    of = {"model": "Llama3.1-405B", "chips": 16_384, "batch": 1024, "tokens": 15.6e12}
    found = plan_training(**of)
    assert found.layout_dict()["cp"] > 1
    for cp in (1, 2, 4):
        assert found.step_s.p50 <= plan_training(**of, cp=cp).step_s.p50
    assert found.step_s.p50 < 0.5 * plan_training(**of, cp=1).step_s.p50


def test_what_can_be_planned_and_not_be_meant_is_said() -> None:
    def notes(**options: object) -> str:
        return " ".join(plan_training(**{**SMALL, "tokens": 1e12, **options}).notes)

    assert notes() == ""
    assert "H100-SXM was released in 2022, after the run (2020)" in notes(date="2020")
    assert "1,000 tokens are less than one step, which takes" in notes(tokens=1000)
    assert "schedule dualpipe changes nothing without a pipeline" in notes(schedule="dualpipe", pp=1)


def test_owning_renting_and_a_given_price() -> None:
    rented = plan_training(**SMALL, tokens=1e12)
    given_price = plan_training(**SMALL, tokens=1e12, usd_per_chip_hour=2.0)
    owned = plan_training(**SMALL, tokens=1e12, terms="owned")
    assert given_price.run.usd[1] == pytest.approx(2.0 * given_price.run.chip_hours[1], rel=0.01)
    assert given_price.run.price_note == "as given"
    assert "rented" in rented.run.price_note
    assert "owned" in owned.run.price_note
    assert 0.2 < owned.run.usd[1] / rented.run.usd[1] < 2.0


def test_a_cleaner_place_emits_less_and_takes_as_long() -> None:
    clean, dirty = (plan_training(**SMALL, tokens=1e12, site=s) for s in ("france", "us-average"))
    assert clean.run.days == dirty.run.days
    assert clean.run.tco2e[1] < 0.5 * dirty.run.tco2e[1]
    own = plan_training(**SMALL, tokens=1e12, site={"like": "france", "name": "mine", "pue": 2.0})
    assert own.run.energy_mwh[1] > 1.3 * clean.run.energy_mwh[1]


def test_goodput_falls_with_chips_and_failures() -> None:
    assert goodput(1024, 70e9).p50 > goodput(100_000, 70e9).p50
    assert goodput(16_384, 405e9, 0.0).p50 > goodput(16_384, 405e9).p50 > goodput(16_384, 405e9, 0.01).p50
    g = goodput(16_384, 405e9)
    assert 0 < g.p10 <= g.p50 <= g.p90 <= 1
    # Llama 3: 419 unexpected interruptions in 54 days on 16,384 chips are one every 3.1 hours
    assert g.mtti_s == pytest.approx(54 * 86_400 / 466, rel=0.1)


@given(st.floats(0.01, 0.99), st.floats(0.1, 10), st.floats(1.0, 3.0), st.floats(1.0, 3.0))
def test_draws_meet_their_quantiles(u: float, middle: float, down: float, up: float) -> None:
    interval = Interval(middle / down, middle, middle * up)
    at = draw(interval, np.array([0.1, 0.5, 0.9, u]))
    assert at[:3] == pytest.approx(interval, rel=1e-6)
    assert at[3] > 0


def test_plans_of_many_kinds() -> None:
    for options in (
        {"model": "DeepSeek-V3", "chips": 2048, "chip": "H800-SXM", "precision": "fp8", "seq_len": 4096},
        {"model": "Mixtral-8x7B", "chips": 64, "chip": "MI300X"},
        {"model": "Llama3.1-8B", "chips": 256, "chip": "TPU-v5p", "software": "maxtext-tpu"},
        {"model": "70B", "chips": 72, "chip": "GB200-NVL72", "precision": "nvfp4"},
        {"model": "Llama2-7B", "chips": 32, "chip": "Trainium2", "software": "neuron"},
        {"model": "Llama3.1-8B", "chips": 128, "seq_len": 131_072, "batch": 32},
        {"model": "Gemma3-12B", "chips": 64, "chip": "Gaudi3", "software": "gaudi"},
        {"model": "Llama2-70B", "chips": 64, "offload": True, "schedule": "zb-1p", "topology": "dragonfly"},
    ):
        plan = plan_training(**options)
        assert 0.05 < plan.utilisation() < 0.85, options
        assert plan.summary()


@pytest.mark.parametrize(
    ("options", "noted"),
    [
        ({"chips": 2048, "taper": 0.1}, []),
        ({"chips": 2048, "topology": "dragonfly"}, []),
        ({"chips": 2048, "topology": "fat-tree"}, ["topology fat-tree"]),
        ({"chips": 64, "taper": 0.1}, ["taper 0.1"]),
        ({"chips": 64, "taper": 0.1, "topology": "dragonfly", "network_gbit": 100},
         ["topology dragonfly", "taper 0.1"]),
        ({"chips": 64, "taper": 1.0, "topology": "rail", "network_gbit": 400, "domain": 8}, []),  # as is usual
    ],
)  # fmt: skip
def test_options_of_the_network_change_the_step_or_are_noted(options: dict[str, object], noted: list[str]) -> None:
    held = {"model": "70B", "tp": 4, "pp": 4, "micro_batch": 1, "batch": 512}
    plan = plan_training(**held, **options)
    assert [n.partition(" changes nothing for this layout")[0] for n in plan.notes] == noted
    if not noted and options["chips"] == 2048:
        usual = plan_training(**held, chips=2048)
        assert plan.breakdown.total > usual.breakdown.total


def test_a_chip_of_the_user_s_own_in_a_few_lines(tmp_path) -> None:
    wafer = tmp_path / "wafer.toml"
    wafer.write_text(
        'name = "wafer"\npeak_bf16 = 7.5e15\nmemory_bytes = 1.2e12\nmemory_bandwidth = 2e13\ntdp_w = 23000\n'
        "scale_out_bandwidth = 1.5e11\nchips_per_node = 1\n"
    )
    plan = plan_training(model="Llama2-7B", chips=8, batch=256, seq_len=4096, chip=str(wafer), usd_per_chip_hour=100)
    assert plan.chip.name == "wafer"
    assert 0.05 < plan.utilisation() < 0.9
    known = plan_training(model="Llama2-7B", chips=8, batch=256, seq_len=4096)
    wide, narrow = (np.log(p.step_s[2] / p.step_s[0]) for p in (plan, known))
    assert wide > narrow  # an unknown chip is predicted with less certainty


# ── wrong input ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"model": "Lama2-7B"}, UnknownNameError, "Llama2-7B"),
        ({"model": "Llama2-7B", "chip": "H101"}, UnknownNameError, "H100"),
        ({"model": "Llama2-7B", "software": "megatronn"}, UnknownNameError, "megatron"),
        ({"model": "Llama2-7B", "site": "atlantis"}, UnknownNameError, "site"),
        ({"model": "Llama2-7B", "tp": 5}, ConflictError, "tp 5 does not divide the 32 heads"),
        ({"model": "Llama2-7B", "pp": 64}, ConflictError, "at most 32"),
        ({"model": "Llama2-7B", "ep": 8}, ConflictError, "mixture of experts"),
        ({"model": "Llama2-7B", "chips": 64, "tp": 8, "pp": 16}, ConflictError, "does not divide 64 chips; use 128"),
        ({"model": "Llama2-7B", "chips": 64, "batch": 100, "tp": 1, "pp": 1}, InputError, "64"),
        ({"model": "Llama2-7B", "vpp": 2}, ConflictError, "needs a pipeline"),
        ({"model": "Llama2-7B", "usd_per_chip_hour": -1}, InputError, "usd_per_chip_hour"),
        ({"model": "Llama2-7B", "tokens": 0}, InputError, "tokens"),
        ({"model": "Llama2-7B", "date": "soon"}, InputError, "date"),
        ({"model": "Llama2-7B", "precision": "fp3"}, UnknownNameError, "precision"),
        (
            {"model": "Llama2-7B", "precision": "fp4"},
            InputError,
            "choose one of fp32, tf32, fp16, bf16, fp8, fp8-block, mxfp8, int8",
        ),
        ({"model": "Llama2-7B", "zero": 5}, InputError, "zero"),
        ({"model": "Llama2-7B", "recompute": "none", "recompute_share": 0.5}, ConflictError, "recompute_share"),
        ({"model": "Llama2-7B", "schedul": "1f1b"}, InputError, "schedul"),
        ({"model": "Llama3.1-405B", "chips": 8}, InputError, "a chip holds 86 GB"),
        ({"model": {"n_layers": 2, "hidden": -128}}, InputError, "hidden"),
        (
            {"model": "Llama2-7B", "chip": {"peak_bf16": -1, "memory_bytes": 1, "memory_bandwidth": 1}},
            InputError,
            "chip",
        ),
        ({"model": "Llama2-7B", "site": {"like": "france", "pue": 0.5}}, InputError, "pue"),
        ({"model": "Llama2-7B", "seq_len": 10**9}, RangeError, "seq_len"),
    ],
)
def test_one_clear_error(options: dict[str, object], error: type[Exception], told: str) -> None:
    with pytest.raises(error) as caught:
        plan_training(**options)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_says_by_how_much_and_what_would_help() -> None:
    with pytest.raises(InputError, match=r"leanest needs \d+ GB, a chip holds \d+ GB; take about [\d,]+ chips"):
        plan_training(model="Llama3.1-405B", chips=16, batch=16)
    # what it names does fit
    assert plan_training(model="Llama3.1-405B", chips=128, batch=128).layout_dict()


NUMBERS = st.one_of(st.integers(-(10**12), 10**12), st.floats(allow_nan=True, allow_infinity=True), st.text(max_size=5))
NUMERIC = (
    "tokens", "seq_len", "batch", "chips", "tp", "pp", "cp", "vpp", "micro_batch", "zero", "taper", "network_gbit",
    "domain", "failures_per_chip_day", "usd_per_chip_hour", "recompute_share",
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NUMERIC, NUMBERS)))
def test_no_number_makes_it_stumble(options: dict[str, object]) -> None:
    """Whatever is given, there is a plan or an InputError."""
    try:
        inputs = make_training_input(**{"model": "Llama2-7B", "chips": 8, "batch": 8, **options})
        if inputs.chips > 10**5 or (inputs.batch or 0) > 10**5:
            return  # possible, but long
        setup_of(inputs)
        plan = plan_training(inputs)
    except InputError as error:
        assert str(error)
    else:
        assert plan.step_s[1] > 0


def test_plan_files(tmp_path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'model = "Llama2-7B"\nchips = 64\nbatch = 256\nseq_len = 4096\n[site]\nlike = "france"\npue = 1.1\n'
    )
    assert plan_training(**read_plan(path)).site.pue == 1.1
    path.write_text('modell = "Llama2-7B"\nchips = 8\nzzz = 1\n')
    with pytest.raises(InputError) as caught:
        read_plan(path)
    first, _, second = str(caught.value).partition("; unknown option 'zzz'; ")
    assert first == f"{path}: unknown option 'modell'; did you mean 'model'?"
    assert second == f"expected one of {', '.join(TrainingInput.model_fields)}"
    path.write_text("model = ")
    with pytest.raises(InputError, match="not valid TOML"):
        read_plan(path)
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "nothing.toml")


def test_a_plan_of_another_of_the_layouts_found() -> None:
    result = search_training(keep=10, **SMALL)
    second = result.plan(1)
    assert second.step_s[1] >= result.plan(0).step_s[1]
    assert plan_of(result.given, result.setup, result.found, 1).layout_dict() == second.layout_dict()
