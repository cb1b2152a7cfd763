"""Layouts, their search, software profiles, calibration and intervals: counts and numbers worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from liebig.cluster.chip import chip
from liebig.errors import InputError, UnknownNameError
from liebig.step.arrays import broadcast, joined, mapped, taken
from liebig.step.calibration import BLOCKS, Calibration, builtin_calibration, labels_of, load_calibration
from liebig.step.constants import Constants
from liebig.step.layout import Layouts
from liebig.step.memory import memory
from liebig.step.parts import Update, parts
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.search import Found, Space, constants_of, enumerate_layouts, search
from liebig.step.software import Software, software, software_names, software_of
from liebig.step.spread import FEATURES, Spread
from liebig.step.time import assemble
from liebig.transformer.architecture import Architecture
from pins.plain import CHIP, EAGER, FABRIC, FRAMEWORK

MODEL = Architecture(
    name="small", n_layers=4, hidden=256, n_heads=4, n_kv_heads=2, head_dim=64, ffn=512, vocab=1024
)  # fmt: skip
EXPERTS = Architecture(
    name="sparse", n_layers=4, hidden=256, n_heads=4, head_dim=64, vocab=1024, n_experts=8, top_k=2, moe_ffn=128
)


# ---- layouts


def test_a_layout_from_the_sizes_that_matter() -> None:
    """2·3·4·5 chips; 4 data ranks take 6 sequences 7 times; shards over 4·5 ranks; experts cut as the rest is."""
    lay = Layouts.of(tp=2, pp=3, dp=4, cp=5, micro_batch=6, n_micro=7)
    assert (lay.chips, lay.batch, lay.shard, lay.etp, lay.sequence_parallel) == (120, 168, 20, 2, 1)
    assert (lay.zero, lay.vpp, lay.ep, lay.recompute, lay.schedule, lay.offload, lay.place) == (1, 1, 1, 0, 0, 0, 0)
    assert (lay.regather, lay.overlap_tp, lay.overlap_dp, lay.split_sends) == (1, -1, -1, -1)
    assert Layouts.of(tp=1).sequence_parallel == 0
    assert Layouts.of(tp=4, ep=2).etp == 1
    assert (lay.shape, lay.size) == ((), 1)


def test_weights_cut_in_a_square_beyond_16_ranks() -> None:
    assert Layouts.of(tp=np.array([1, 16, 25, 64])).side.tolist() == [1, 1, 5, 8]


def test_weights_gathered_by_layer() -> None:
    """Fully sharded and no pipeline."""
    lay = Layouts.of(zero=np.array([1, 2, 3, 3]), pp=np.array([1, 1, 1, 2]))
    assert lay.gathers_by_layer.tolist() == [False, False, True, False]


def test_layouts_taken_changed_and_joined() -> None:
    lay = Layouts.of(tp=np.array([[1.0], [2.0]]), dp=np.array([4.0, 8.0, 16.0]))
    assert (lay.shape, lay.size) == ((2, 3), 6)
    one = lay.take((1, 2))
    assert (one.tp, one.dp) == (2, 16)
    both = Layouts.join([lay.take(([0, 1], [0, 1])), Layouts.of(tp=3, dp=5)])
    assert (both.tp.tolist(), both.dp.tolist()) == ([1, 2, 3], [4, 8, 5])
    assert Layouts.of(tp=3).take([0]).tp.tolist() == [3]
    assert both.but(pp=7).pp == 7
    assert both.but(pp=7).tp is both.tp


def test_records_of_arrays() -> None:
    one, two = (Update(np.array([x, 2 * x]), np.array([3 * x])) for x in (1.0, 10.0))
    both = joined([one, two])
    assert (both.optimizer.tolist(), both.gradient_share.tolist()) == ([1, 2, 10, 20], [3, 30])
    assert mapped(one, lambda x: -x).optimizer.tolist() == [-1, -2]
    assert broadcast(one, (2, 2)).gradient_share.tolist() == [[3, 3], [3, 3]]
    assert taken(both, slice(0, 1)).optimizer.tolist() == [1]


# ---- search


def _layouts(model: Architecture = MODEL, chips: int = 4, batch: int = 8, **space: Any) -> Layouts:
    return enumerate_layouts(model, chips, batch, 1024, FABRIC, FRAMEWORK, Space(**space))


def _rows(lay: Layouts, *names: str) -> list[tuple[float, ...]]:
    return sorted(zip(*(np.broadcast_to(getattr(lay, n), lay.shape).tolist() for n in names), strict=True))


def test_all_layouts_of_a_small_model_on_four_chips() -> None:
    """Batch 8, heads 4, layers 4. Micro-batches divide what a data rank takes; two chunks of a layer on two stages ask
    for an even number of micro-batches.

    tp 1: pp 1 takes 2 sequences a rank (1, 2); pp 2 takes 4 (1, 2, 4; in chunks 1, 2); pp 4 takes 8 (1, 2, 4, 8).
    tp 2: pp 1 takes 4 (1, 2, 4); pp 2 takes 8 (1, 2, 4, 8; in chunks 1, 2, 4). tp 4: (1, 2, 4, 8).
    """
    lay = _layouts(zero=[1], recompute=[0])
    chunked = [(1, 2, 2, 1), (1, 2, 2, 2), (2, 2, 2, 1), (2, 2, 2, 2), (2, 2, 2, 4)]
    plain = [
        (1, 1, 1, 1), (1, 1, 1, 2), (1, 2, 1, 1), (1, 2, 1, 2), (1, 2, 1, 4), (1, 4, 1, 1), (1, 4, 1, 2), (1, 4, 1, 4),
        (1, 4, 1, 8), (2, 1, 1, 1), (2, 1, 1, 2), (2, 1, 1, 4), (2, 2, 1, 1), (2, 2, 1, 2), (2, 2, 1, 4), (2, 2, 1, 8),
        (4, 1, 1, 1), (4, 1, 1, 2), (4, 1, 1, 4), (4, 1, 1, 8),
    ]  # fmt: skip
    assert _rows(lay, "tp", "pp", "vpp", "micro_batch") == sorted(plain + chunked)
    assert np.unique(lay.chips).tolist() == [4]
    assert np.unique(lay.batch).tolist() == [8]
    assert lay.sequence_parallel.tolist() == (lay.tp > 1).tolist()


def test_what_a_search_tries_unless_it_is_held() -> None:
    """25 layouts as above; fully sharded only without a pipeline and with data ranks: 2 of tp 1 and 3 of tp 2 more.

    Nothing, or a quarter, half, three quarters or all of the layers computed again; where scores are kept or light
    parts can be, that too.
    """
    lay = _layouts()
    assert lay.size == 5 * 30
    assert np.unique(lay.recompute).tolist() == [0, 1.25, 1.5, 1.75, 2]
    assert int(np.sum(lay.zero == 3)) == 5 * 5
    for framework in (EAGER, FRAMEWORK.model_copy(update={"recompute_light": True})):
        assert enumerate_layouts(MODEL, 4, 8, 1024, FABRIC, framework).size == 6 * 30


def test_a_held_sharding_is_tried_with_a_pipeline() -> None:
    """Sharding needs two data or context ranks: pp 2 of tp 1; not pp 4, nor pp 2 of tp 2."""
    lay = _layouts(zero=[3], recompute=[0], micro_batch=[1], vpp=[1])
    assert _rows(lay, "tp", "pp") == [(1, 1), (1, 2), (2, 1)]
    assert _rows(_layouts(zero=[2], recompute=[0], micro_batch=[1], pp=[1], cp=[2]), "tp", "dp") == [(1, 2), (2, 1)]


def test_stages_leave_none_without_a_layer() -> None:
    """Five layers on six chips: three stages of two leave the last one; five stages do not divide the chips, and six
    would leave one empty. Seven layers on four: 2·3 < 7; six layers on four: 2·3 is all of them.
    """
    wide = {"zero": [1], "recompute": [0], "micro_batch": [1], "vpp": [1], "tp": [1]}

    def stages(layers: int, chips: int) -> list[float]:
        return np.unique(_layouts(MODEL.model_copy(update={"n_layers": layers}), chips, 12, **wide).pp).tolist()

    assert stages(5, 6) == [1, 2, 3]
    assert stages(7, 4) == [1, 2, 4]
    assert stages(6, 4) == [1, 2]


def test_chunks_need_a_pipeline_and_divide_a_stage() -> None:
    held = {"zero": [1], "recompute": [0], "micro_batch": [1], "tp": [1]}
    assert _rows(_layouts(vpp=[2], **held), "pp", "vpp") == [(2, 2)]
    assert _rows(_layouts(vpp=[1, 2], **held), "pp", "vpp") == [(1, 1), (2, 1), (2, 2), (4, 1)]
    deep = MODEL.model_copy(update={"n_layers": 64})
    assert np.unique(_layouts(deep, pp=[2], **held).vpp).tolist() == [1, 2, 4, 8, 16]  # not 32


def test_tensor_ranks_stay_in_a_domain_and_divide_the_heads() -> None:
    """Six heads on 24 chips: 1, 2, 3, 6; in a domain of eight at most; 12 heads: 12 would leave it."""
    six = MODEL.model_copy(update={"n_heads": 6, "n_kv_heads": 6})
    held = {"zero": [1], "recompute": [0], "micro_batch": [1], "vpp": [1], "pp": [1]}
    assert np.unique(_layouts(six, 24, 24, **held).tp).tolist() == [1, 2, 3, 6]
    twelve = MODEL.model_copy(update={"n_heads": 12, "n_kv_heads": 12})
    assert np.unique(_layouts(twelve, 24, 24, **held).tp).tolist() == [1, 2, 3, 4, 6]
    assert np.unique(_layouts(twelve, 8, 24, **held).tp).tolist() == [1, 2, 4]


def test_experts_are_spread_over_ranks_that_they_divide() -> None:
    """Eight experts, four chips: 1, 2 or 4 expert ranks among data, context and tensor ranks, so not beyond a stage."""
    held = {"zero": [1], "recompute": [0], "micro_batch": [1], "vpp": [1], "tp": [1]}
    lay = _layouts(EXPERTS, **held)
    assert _rows(lay, "pp", "ep") == [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1)]
    held["tp"] = [2]
    assert _rows(_layouts(EXPERTS, **held), "pp", "ep") == [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2)]


def test_groups_of_one_are_placed_nowhere() -> None:
    """Two tensor and two data ranks: 9 and 12 place one group each, 13 both; 10 would place the only stage."""
    held = {"zero": [1], "recompute": [0], "micro_batch": [1], "tp": [2], "pp": [1]}
    assert _rows(_layouts(place=[0, 8, 9, 10, 12, 13], **held), "place") == [(0,), (8,), (9,), (12,), (13,)]


def test_overlaps_and_schedules_are_crossed() -> None:
    """Two overlaps of data by three of tensor ranks, which a single one has no use for; schedules by offloading."""
    held = {"zero": [1], "recompute": [0], "micro_batch": [1], "pp": [2], "vpp": [1]}
    lay = _layouts(tp=[1, 2], overlap_dp=[0, 1], overlap_tp=[0, 0.5, 1], **held)
    assert _rows(lay, "tp", "overlap_dp", "overlap_tp") == [
        (1, 0, 0), (1, 1, 0), (2, 0, 0), (2, 0, 0.5), (2, 0, 1), (2, 1, 0), (2, 1, 0.5), (2, 1, 1),
    ]  # fmt: skip
    schedules = [SCHEDULE_NAMES.index(n) for n in ("1f1b", "gpipe", "zb-1p")]
    lay = _layouts(tp=[1], schedule=schedules, offload=[0, 1], **held)
    assert len(set(_rows(lay, "schedule", "offload"))) == lay.size == 6


def test_modes_are_taken_as_they_are_given() -> None:
    lay = _layouts(zero=[1], micro_batch=[1], tp=[2], pp=[1], modes=[(1.5, 0.0, 0.0, 1.0)])
    assert (lay.recompute, lay.sequence_parallel, lay.regather, lay.split_sends) == (1.5, 0, 0, 1)


def test_no_layout_says_why() -> None:
    with pytest.raises(InputError, match=r"small \(4 layers, 4 heads\) with 8 sequences of 1024 tokens on 4 chips"):
        _layouts(tp=[3])
    with pytest.raises(
        InputError, match=r"with tp \[2\], pp \[1\], micro-batch \[3\]: .*; a batch of 6 sequences would do$"
    ):
        _layouts(batch=7, tp=[2], pp=[1], micro_batch=[3])
    with pytest.raises(InputError, match=r"a batch of 4 sequences would do$"):
        _layouts(batch=1, tp=[1], pp=[1])
    # 3·1·2 chips of a copy do not divide 9: no batch would help
    with pytest.raises(InputError, match=r"the batch; schedule 1f1b runs with vpp 1, or a number of micro-batches"):
        _layouts(chips=9, batch=7, tp=[3], pp=[1], cp=[2], micro_batch=[2])
    with pytest.raises(InputError, match="zero 3 needs at least two data or context ranks to share among"):
        _layouts(tp=[4], zero=[3])
    with pytest.raises(InputError, match="schedule zb-2p runs with vpp 1"):
        _layouts(tp=[1], pp=[2], vpp=[2], schedule=[SCHEDULE_NAMES.index("zb-2p")])


def test_a_search_is_all_layouts_timed_and_those_that_fit() -> None:
    """On four chips that hold as much as the median layout needs; the fastest ten and the border of memory."""
    calibration = Calibration(effects={"software": {"plain": math.log(2.0)}})
    lay = enumerate_layouts(MODEL, 4, 8, 1024, FABRIC, FRAMEWORK)
    need = np.broadcast_to(memory(MODEL.shape, lay, 1024.0, FRAMEWORK).total, lay.shape)
    pieces = parts(CHIP, FABRIC, FRAMEWORK, "bf16", MODEL.shape, lay, 1024.0)
    time = 2.0 * assemble(pieces, constants_of(calibration, CHIP, FRAMEWORK, "bf16")[0]).total
    limit = float(np.median(need))
    small = CHIP.model_copy(update={"memory_bytes": 2 * limit})
    told: list[float] = []
    found = search(
        MODEL, small, FABRIC, FRAMEWORK, "bf16", 4, 8, 1024, calibration, keep=10, fill=0.5, progress=told.append
    )
    fits = need <= limit
    assert (found.considered, found.feasible) == (150, int(fits.sum()))
    assert found.least_memory_bytes == pytest.approx(float(need.min()))
    assert found.step_s[:10] == pytest.approx(np.sort(time[fits])[:10])
    assert found.step_s.tolist() == sorted(found.step_s.tolist())
    assert np.all(found.memory_bytes <= limit)
    assert found.memory_bytes.min() == pytest.approx(float(need.min()))  # the leanest is on the border
    again = (
        2.0
        * assemble(
            parts(CHIP, FABRIC, FRAMEWORK, "bf16", MODEL.shape, found.layouts, 1024.0),
            constants_of(calibration, CHIP, FRAMEWORK, "bf16")[0],
        ).total
    )
    assert again == pytest.approx(found.step_s)
    assert told == pytest.approx([1 / 3, 2 / 3, 1])  # tensor sizes 1, 2 and 4


def test_placed_groups_must_fit_into_a_domain() -> None:
    """Four chips placed inside a domain of eight fit, inside a domain of two they do not."""
    space = Space(tp=[2], pp=[1], micro_batch=[1], zero=[1], recompute=[0], place=[8, 9, 13])
    for domain, places in ((8, {8, 9, 13}), (4, {8, 9, 13}), (2, {8, 9})):
        fabric = FABRIC.model_copy(update={"domain": domain})
        found = search(MODEL, CHIP, fabric, FRAMEWORK, "bf16", 4, 8, 1024, Calibration(), space)
        assert set(found.layouts.place.tolist()) == places


def test_what_does_not_fit_says_by_how_much() -> None:
    """The leanest needs 1.x GB, as its context alone is 1 GB; on chips of 0.1 GB more than ten times as many."""
    tiny = CHIP.model_copy(update={"memory_bytes": 1e8})
    with pytest.raises(InputError, match=r"small fits on 4 plain in none of 150 layouts: the leanest needs 1 GB, a "
                       r"chip holds 0 GB; take about 4[0-9] chips"):  # fmt: skip
        search(MODEL, tiny, FABRIC, FRAMEWORK, "bf16", 4, 8, 1024, Calibration())
    with pytest.raises(InputError, match="on 4 chips with tp"):
        search(MODEL, CHIP, FABRIC, FRAMEWORK, "bf16", 4, 8, 1024, Calibration(), Space(tp=[3]))


def test_the_border_of_time_and_memory() -> None:
    """Fastest first, 9 bytes; the next that needs less is the third, then the fifth."""
    found = Found(Layouts.of(), np.arange(5.0), np.array([9.0, 9.0, 4.0, 6.0, 3.0]), 5, 5, 3.0)
    assert found.pareto().tolist() == [0, 2, 4]


# ---- calibration


def test_effects_multiply_constants_or_the_whole_step() -> None:
    """exp(0.1) of launches, exp(0.2 + 0.3) of products, 0.4 + 0.5 + 0.05 in the logarithm of the step; a source
    does not count, nor what was not seen.
    """
    effects = {
        "software launch": {"a": 0.1}, "family": {"f": 0.2}, "chip": {"c": 0.3}, "software": {"a": 0.4},
        "chip step": {"c": 0.5}, "source": {"s": 9.0},
    }  # fmt: skip
    c = Calibration(Constants(launch=2.0, launch_moe=3.0, matmul=5.0, sustained=0.1), effects, cluster=0.05)
    constants, whole = c.apply({"software": "a", "family": "f", "chip": "c", "source": "s"})
    assert constants.launch == pytest.approx(2 * math.exp(0.1))
    assert constants.launch_moe == pytest.approx(3 * math.exp(0.1))
    assert constants.matmul == pytest.approx(5 * math.exp(0.5))
    assert constants.sustained == pytest.approx(0.1 * math.exp(0.5))
    assert constants.stream == Constants().stream
    assert float(whole) == pytest.approx(0.95)
    constants, whole = c.apply({"software": np.array(["a", "b"])})
    assert constants.launch == pytest.approx([2 * math.exp(0.1), 2.0])
    assert whole == pytest.approx([0.45, 0.05])


def test_labels_that_were_seen() -> None:
    c = Calibration(effects={"software launch": {"a": 0.1}, "chip": {"h": 0.2}})
    assert c.known("software", "a")
    assert not c.known("software", "h")
    assert c.known("chip", "h")
    assert not c.known("family", "h")


def test_labels_of_a_machine() -> None:
    """Sixteen bits are one precision; a chip without a family is its own."""
    assert labels_of(chip("H100-SXM"), FRAMEWORK, "fp8") == {
        "software": "plain", "chip": "H100-SXM", "family": "H100", "precision": "H100 fp8", "attention": "H100 flash3",
    }  # fmt: skip
    assert labels_of(CHIP, FRAMEWORK, "fp16")["precision"] == labels_of(CHIP, FRAMEWORK, "bf16")["precision"]
    assert labels_of(CHIP, FRAMEWORK, "bf16")["family"] == "plain"


def test_a_chip_that_was_timed_itself_needs_no_correction() -> None:
    c = Calibration(Constants(matmul=2.0, attention=3.0, stream=4.0, launch=5.0), {"software": {"plain": 0.25}})
    constants, whole = constants_of(c, CHIP, FRAMEWORK, "bf16")
    assert (constants.matmul, constants.attention, constants.stream, constants.launch) == (1, 1, 1, 5)
    assert whole == 0.25
    constants, _ = constants_of(c, chip("H100-SXM"), FRAMEWORK, "bf16")
    assert (constants.matmul, constants.attention, constants.stream) == (2, 3, 4)


def test_a_calibration_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    c = Calibration(Constants(matmul=1.25), {"chip": {"h": 0.125}}, {"low": -1.0}, "a note", 0.5)
    c.save(path)
    assert load_calibration(path) == c
    content = json.loads(path.read_text())
    assert content["format"] == 1
    del content["cluster"], content["note"], content["spread"], content["constants"]["matmul"]
    path.write_text(json.dumps(content))
    assert load_calibration(path) == Calibration(effects={"chip": {"h": 0.125}})


@pytest.mark.parametrize("text", ["[]", "{}", '{"constants": {"matmul": "x"}, "effects": {}}',
                                  '{"constants": {"matmul": NaN}, "effects": {}}',
                                  '{"constants": {}, "effects": {}, "cluster": Infinity}',
                                  '{"constants": {}, "effects": {"chip": 1}}'])  # fmt: skip
def test_what_is_no_calibration_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a calibration"):
        load_calibration(path)


def test_a_calibration_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_calibration(tmp_path / "none.json")
    with pytest.raises(InputError, match="is a folder"):
        load_calibration(tmp_path)


def test_the_built_in_calibration_has_effects_of_known_kinds_only() -> None:
    c = builtin_calibration()
    assert set(c.effects) <= set(BLOCKS)
    assert c.known("chip", "H100-SXM")
    assert 0.5 < c.constants.matmul < 2.0


# ---- software


def _at(attention: str) -> Software:
    return FRAMEWORK.model_copy(update={"attention": attention})


@pytest.mark.parametrize(
    ("attention", "fused", "old", "new", "score_bytes"),
    [
        ("eager", False, 1.0, 1.0, 27.0),
        ("fused-softmax", False, 1.0, 1.0, 9.0),
        ("flash1", True, 0.62, 0.4, 0.0),
        ("flash2", True, 0.95, 0.62, 0.0),
        ("cudnn8", True, 0.95, 0.75, 0.0),
        ("flash3", True, 1.0, 1.0, 0.0),
    ],
)
def test_generations_of_attention(attention: str, fused: bool, old: float, new: float, score_bytes: float) -> None:
    """FlashAttention 2 reaches 0.62 of the third on chips beyond 500 TFLOP/s (arXiv:2407.08608, figure 5)."""
    soft = _at(attention)
    assert soft.fused_attention is fused
    assert (soft.attention_share(chip("A100-SXM-80GB")), soft.attention_share(chip("H100-SXM"))) == (old, new)
    assert soft.attention_share(CHIP.model_copy(update={"peak_bf16": 500e12})) == old
    assert soft.score_bytes == score_bytes


@pytest.mark.parametrize(
    ("words", "year", "machine", "name"),
    [
        ("Megatron-LM", 2021, "", "megatron-2021"),
        ("Megatron-LM", 2022, "", "megatron-2022"),
        ("Megatron-LM", 2023, "", "megatron-core"),
        ("NeMo 26.06", 2026, "", "nemo-26b"),
        ("NeMo 26.05", 2026, "", "nemo-26"),
        ("NeMo 23.12", 2024, "", "nemo-2023"),
        ("NeMo 24.05", 2024, "", "nemo-early"),
        ("NeMo 24.06", 2024, "", "nemo"),
        ("NeMo", 2022, "", "nemo-launcher"),
        ("MaxText", 2024, "TPU-v5p", "maxtext-tpu"),
        ("MaxText", 2024, "H100-SXM", "maxtext-gpu"),
        ("something", 2024, "Trainium2", "neuron-chip"),
        ("something", 2021, "TPU-v4", "xla-tpu-early"),
        ("something", 2022, "", "before-2023"),
        ("something", 2023, "", "modern"),
        ("PyTorch FSDP", 2024, "", "fsdp"),
        ("PyTorch FSDP", 2023, "", "fsdp-2023"),
    ],
)
def test_a_description_is_matched_to_a_profile(words: str, year: int, machine: str, name: str) -> None:
    assert software_of(words, year, machine).name == name


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("without TE", {"attention": "fused-softmax"}),
        ("kernel=torch", {"attention": "eager", "kept_score_bytes": 6.9}),
        ("kernel=fused", {"attention": "fused-softmax"}),
        ("kernel=flash_attentionv1", {"attention": "flash1"}),
        ("kernel=flash_attention", {"attention": "flash1"}),
        ("kernel=flash_attention2", {"attention": "flash2"}),
        ("DeepEP", {"sends_once": True}),
        ("dispatcher a2a, not DeepEP", {"sends_once": False}),
        ("tp-comm-overlap", {"overlap_tp": 0.7}),
        ("1F1B overlap", {"overlap_ep": 0.7}),
        ("RMS kernel", {"stream_passes": 1.0, "norm_bytes": 0.0}),
    ],
)
def test_notes_change_a_profile(notes: str, expected: dict[str, Any]) -> None:
    plain = software_of("Aleph Alpha", 2023)
    assert (plain.name, plain.attention, plain.overlap_tp, plain.overlap_ep) == ("inhouse-3d", "flash2", 0.0, 0.0)
    found = software_of("Aleph Alpha", 2023, notes=notes)
    assert found == plain.model_copy(update=expected)
    assert software_of("NeMo", 2024, notes="tp-comm-overlap").overlap_tp == 0.7


def test_profiles_by_name() -> None:
    assert [software(n).name for n in software_names()] == list(software_names())
    with pytest.raises(UnknownNameError, match="megatron-core"):
        software("megatron-cor")


# ---- intervals


def test_an_interval_around_a_prediction() -> None:
    """Size exp(0.1 + 0.2·0.5) = 1.2214; errors from -1 to 2 sizes: log t - 2·1.2214 to log t + 1.2214."""
    spread = Spread((0.1, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0), -1.0, 2.0)
    features = np.array([[1.0, 0.5, 0, 0, 0, 0, 0], [1.0, 0.0, 1, 1, 1, 1, 1]])
    assert spread.size(features) == pytest.approx([math.exp(0.2), math.exp(0.1)])
    low, middle, high = spread.interval(np.array([0.0, 1.0]), features)
    assert low == pytest.approx([math.exp(-2 * math.exp(0.2)), math.exp(1 - 2 * math.exp(0.1))])
    assert middle == pytest.approx([1.0, math.e])
    assert high == pytest.approx([math.exp(math.exp(0.2)), math.exp(1 + math.exp(0.1))])


def test_an_interval_without_errors_is_wide() -> None:
    """A size of 0.2, from -1.2 to 1.2 of it: a factor of exp(0.24) = 1.27 up or down; read back as it was."""
    wide = Spread.from_dict({})
    assert len(wide.coefficients) == len(FEATURES) == 7
    low, middle, high = wide.interval(np.zeros(1), np.ones((1, 7)))
    assert (low, middle, high) == pytest.approx((math.exp(-0.24), 1.0, math.exp(0.24)))
    spread = Spread((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), -1.0, 2.0)
    assert Spread.from_dict(spread.to_dict()) == spread
    assert Spread((1 / 3,) * 7, -1 / 3, 2 / 3).to_dict()["low"] == -0.33333


def test_the_constants_before_any_fit() -> None:
    """Where the fit to published steps starts and what its priors draw to: 1 leaves a mechanism as it is."""
    assert asdict(Constants()) == {
        "matmul": 1, "sustained": 0.15, "attention": 1.1, "attention_backward": 1.1, "stream": 1.2, "launch": 1,
        "launch_moe": 1, "launch_group": 0.08, "launch_backward": 2, "loss": 0.7, "scores": 1.2, "tensor": 1.1,
        "inner": 1.1, "overlap_tp": 0.8, "expert": 1.3, "outer": 1.1, "slowdown": 0.1, "overlap_dp": 0.8,
        "send_exposed": 0.5, "optimizer": 1.2, "fixed": 1, "straggle": 0.005,
    }  # fmt: skip
    assert {n: (b.label, b.acts_on, b.spread) for n, b in BLOCKS.items()} == {
        "software": ("software", (), 0.06), "software launch": ("software", ("launch", "launch_moe"), 0.3),
        "software memory": ("software", ("stream",), 0.25), "software network": ("software", ("outer",), 0.35),
        "family": ("family", ("matmul", "sustained"), 0.08), "chip": ("chip", ("matmul", "sustained"), 0.06),
        "precision": ("precision", ("matmul", "sustained"), 0.06), "chip step": ("chip", (), 0.04),
        "attention": ("attention", ("attention",), 0.15), "source": ("source", (), 0.08),
    }  # fmt: skip


def test_a_framework_of_which_nothing_is_said() -> None:
    """Mixed precision with gradients of four bytes, flash attention, and overlap of what data ranks send."""
    assert Software(name="x").model_dump() == {
        "name": "x", "kind": "megatron", "attention": "flash2", "launch_s": 0.4e-3, "launch_moe_s": 2e-3,
        "step_s": 0.01, "stream_passes": 1, "overlap_tp": 0, "overlap_dp": 0.9, "overlap_gather": 0.9, "overlap_ep": 0,
        "gradient_bytes": 4, "gradient_memory": 4, "recompute_share": 1, "recompute_light": False,
        "accumulate_bytes": 8, "loss_bytes": 40, "network_share": 1, "dropout_bytes": 0, "norm_bytes": 0,
        "kept_score_bytes": 5, "logit_bytes": 12, "vocab_parallel": True, "sends_once": False, "split_sends": True,
        "context_bytes": 4e9, "fragmentation": 1.08, "interleaved": False,
    }  # fmt: skip
    for change in ({"overlap_tp": 1.01}, {"overlap_dp": -0.01}, {"network_share": 0}, {"fragmentation": 0.99},
                   {"launch_s": -1}, {"launch_s": math.inf}):  # fmt: skip
        with pytest.raises(ValidationError, match=next(iter(change))):
            Software(name="x", **change)
