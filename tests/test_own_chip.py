"""Chips of a user: a better chip is never slower, impossible numbers are refused, and `like` alone changes nothing."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from liebig.cluster import Chip, chip, chip_names
from liebig.cluster.attention import attention_efficiency
from liebig.cluster.borrowed import notes_on
from liebig.cluster.chip import PRECISIONS, chip_from_fields
from liebig.cluster.collectives import OPERATIONS, collective_time
from liebig.cluster.fabric import fabric_of
from liebig.cluster.kernels import batched_time, gemm_time, stream_time
from liebig.cluster.stated import notes_on_stated
from liebig.cluster.throttling import throttling
from liebig.errors import InputError
from liebig.plan import plan_training
from liebig.site.money import chip_cost, embodied_kgco2e, rental_usd_per_chip_hour
from liebig.step.calibration import builtin_calibration
from liebig.step.layout import Layouts
from liebig.step.parts import parts
from liebig.step.search import constants_of
from liebig.step.software import software, software_names
from liebig.step.time import assemble
from liebig.transformer import architecture

#: Rounding of sums of logarithms.
SAME = 1.0 + 1e-9
RATES = ("peaks", "peak_bf16", "memory_bandwidth", "scale_up_bandwidth", "scale_out_bandwidth")
#: Families of a user's own chip: none, generations, those with a level of their own, systolic arrays.
FAMILIES = ("", "Hopper", "Blackwell", "Ampere", "MI300", "Gaudi2", "Rubin", "TPU", "Trainium", "WSE")


def log_between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(math.log10(low), math.log10(high)).map(lambda x: 10.0**x)


def own(families: tuple[str, ...] = FAMILIES) -> st.SearchStrategy[Chip]:
    """Chips from numbers, far beyond any that was built."""
    return st.builds(
        Chip,
        name=st.just("own"),
        family=st.sampled_from(families),
        peak_bf16=log_between(1e12, 1e18),
        peak_fp8=st.none() | log_between(1e12, 1e18),
        peak_fp32=st.none() | log_between(1e12, 1e17),
        memory_bytes=st.just(96e9),
        memory_bandwidth=log_between(5e10, 1e15),
        on_chip_bytes=st.none() | log_between(1e6, 1e8),
        tdp_w=st.none() | st.floats(50.0, 2000.0),
        scale_up_kind=st.sampled_from(["switch", "mesh", "torus3d", "pcie"]),
        scale_up_domain=st.sampled_from([1, 4, 8, 72]),
        scale_up_bandwidth=log_between(1e9, 1e13),
        scale_out_bandwidth=log_between(1e8, 1e12),
    )


ANY_CHIP = st.one_of(own(), st.sampled_from(chip_names()).map(chip))


def better(c: Chip, rate: str, times: float) -> Chip:
    """The same chip with more of one rate; ``peaks`` is all that are stated."""
    names = [rate]
    if rate == "peaks":
        names = [n for n in Chip.model_fields if n.startswith("peak_") and getattr(c, n)]
    return c.model_copy(update={n: getattr(c, n) * times for n in names})


more = st.floats(-3.0, 3.0).map(lambda x: 1.0 + 10.0**x)
edge = st.integers(0, 17).flatmap(lambda e: st.integers(2**e, 2 ** (e + 1)))


@settings(max_examples=100)
@given(ANY_CHIP, st.sampled_from(RATES[:3]), more, st.sampled_from(PRECISIONS), edge, edge, edge)
def test_a_product_is_never_slower_on_a_better_chip(
    c: Chip, rate: str, times: float, precision: str, m: int, n: int, k: int
) -> None:
    after = better(c, rate, times)
    assert gemm_time(after, precision, m, n, k) <= gemm_time(c, precision, m, n, k) * SAME
    assert batched_time(after, m, n, k) <= batched_time(c, m, n, k) * SAME
    assert stream_time(after, m) <= stream_time(c, m)
    attention = [x.peak_bf16 * float(attention_efficiency(x, 128, n)) for x in (c, after)]
    assert attention[0] <= attention[1] * SAME


@given(ANY_CHIP, st.sampled_from(RATES[3:]), more, st.sampled_from(sorted(OPERATIONS)), edge, edge, st.integers(1, 72))
def test_a_collective_is_never_slower_on_a_better_network(
    c: Chip, rate: str, times: float, operation: str, size: int, ranks: int, near: int
) -> None:
    assume(getattr(c, rate) > 0)
    before, after = (
        collective_time(x, fabric_of(x), operation, 64.0 * size, ranks, near) for x in (c, better(c, rate, times))
    )
    assert after <= before * SAME


@given(
    st.sampled_from(chip_names()), st.sampled_from(sorted(OPERATIONS)), edge, st.integers(2, 72), log_between(1.01, 10)
)
def test_each_faster_link_shortens_a_collective_and_no_more_than_in_proportion(
    name: str, operation: str, size: int, ranks: int, times: float
) -> None:
    """Whatever link was timed, from a tenth of the chip's to a hundred times it."""
    c = chip(name)
    assume(c.scale_up_bandwidth > 0)

    def seconds(link: float) -> float:
        f = fabric_of(c, inner_bandwidth=link * c.scale_up_bandwidth, domain=72)
        return float(collective_time(c, f, operation, 64.0 * size, ranks, ranks))

    for link in (0.1, 0.5, 1.0, 2.0, 10.0):
        before, after = seconds(link), seconds(link * times)
        assert before / times <= after * SAME
        assert after < before
        assert seconds(link * (1 + 1e-9)) == pytest.approx(before, rel=1e-8)


def test_a_link_beyond_the_one_that_was_timed_shortens_the_step() -> None:
    held: dict[str, Any] = {"model": "Llama3.1-70B", "chips": 64, "tp": 8, "pp": 2, "batch": 64, "micro_batch": 1,
                            "recompute": "selective", "zero": 1, "vpp": 1}  # fmt: skip
    links = (4.5e11, 4.6e11, 9e11, 2e12)
    chips = [{"name": "own", "like": "H100-SXM", "scale_up_bandwidth": x} for x in links]
    steps = [plan_training(chip=c, **held).step_s.p50 for c in chips]
    assert all(a > b for a, b in itertools.pairwise(steps)), steps


#: Changes of an H100, and what plans note of each.
NOTED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"tdp_w": 700, "cores": 1}, []),  # as the H100 has them
    ({"tdp_w": 10}, ["tdp_w is 10 W, but system_w still 1275 W as of H100-SXM"]),
    ({"tdp_w": 800, "system_w": 1400}, []),
    ({"system_w": 1400}, []),
    ({"system_w": 600}, ["system_w 600 W is not above tdp_w 700 W; a usual share for the server stands in for it"]),
    ({"peak_bf16": 2e15, "peak_fp16": 2e15, "peak_int8": 4e15}, [
        "peak_bf16 (2e+15 FLOP/s) is more than peak_fp8 (1.979e+15 FLOP/s, still as of H100-SXM)"]),
    ({"peak_bf16": 2e15, "peak_fp16": 2e15, "peak_int8": 4e15, "peak_fp8": 4e15}, []),
    ({"peak_fp8": 9e14}, [
        "peak_bf16 (9.894e+14 FLOP/s, still as of H100-SXM) is more than peak_fp8 (9e+14 FLOP/s)"]),
    ({"peak_tf32": 1e15}, [
        "peak_tf32 (1e+15 FLOP/s) is more than peak_bf16 (9.894e+14 FLOP/s, still as of H100-SXM)"]),
    ({"cores": 4, "host_bandwidth": 1e11, "on_chip_bytes": 1e8}, [
        f"{f} changes nothing in a plan" for f in ("cores", "host_bandwidth", "on_chip_bytes")]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), NOTED)
def test_numbers_that_contradict_each_other_or_change_nothing_are_noted(
    change: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    fields = {"name": "own", "like": "H100-SXM", **change}
    said = tuple(f"own: {w}" for w in words)
    assert notes_on(chip_from_fields(fields)) == said
    assert plan_training(model="Llama2-7B", chips=8, tp=1, pp=1, batch=64, chip=fields).notes == said
    # the same of a file, and of a chip that is like it
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(f"{k} = {v!r}" for k, v in fields.items()))
    assert notes_on(chip(path)) == notes_on(chip_from_fields({"name": "own", "like": str(path)})) == said


#: Numbers of an H100 that a plan reads, each with a change that it feels.
FELT: list[dict[str, Any]] = [
    {"peak_bf16": 1.2e15}, {"memory_bandwidth": 5e12}, {"scale_up_bandwidth": 9e11}, {"scale_up_bandwidth": 1e11},
    {"scale_up_domain": 4}, {"scale_out_bandwidth": 1e10}, {"launch_s": 1e-4}, {"memory_level": 0.5},
    {"matmul_level": {"bf16": 0.5}}, {"tdp_w": 400},
]  # fmt: skip


def test_a_chip_from_numbers_alone_states_them_all() -> None:
    numbers = {"name": "own", "peak_bf16": 1e15, "peak_fp8": 9e14, "memory_bytes": 9e10, "memory_bandwidth": 4e12}
    assert notes_on_stated(chip_from_fields({**numbers, "cores": 2, "tdp_w": 700.0})) == (
        "own: peak_bf16 (1e+15 FLOP/s) is more than peak_fp8 (9e+14 FLOP/s)",
        "own: cores changes nothing in a plan",
    )
    assert notes_on_stated(chip_from_fields({**numbers, "peak_fp8": 2e15})) == ()


@pytest.mark.parametrize("change", FELT)
def test_numbers_without_such_a_note_change_the_step(change: dict[str, Any]) -> None:
    held: dict[str, Any] = {"model": "Llama2-70B", "chips": 64, "batch": 64, "seq_len": 4096, "tp": 8, "pp": 2,
                            "vpp": 1, "micro_batch": 1, "zero": 1, "recompute": "selective"}  # fmt: skip
    usual, changed = (plan_training(chip={"name": "own", "like": "H100-SXM", **c}, **held) for c in ({}, change))
    assert changed.breakdown.total != usual.breakdown.total
    assert not any("changes nothing" in note for note in changed.notes)


def test_a_price_says_how_many_it_rests_on_where_there_are_any() -> None:
    held: dict[str, Any] = {"model": "Llama2-7B", "chips": 8, "tp": 1, "pp": 1, "batch": 64}
    ours = plan_training(**held, chip={"name": "own", "like": "H100-SXM", "memory_bandwidth": 3.4e12}).run.price_note
    assert ours == "rented: no price of this chip; from the trend of prices by speed"
    for name in ("H100-SXM", "GB200-NVL72"):
        basis = rental_usd_per_chip_hour(chip(name), "2026-06").basis
        words = f"{basis} price" if basis == 1 else f"{basis} prices"
        assert plan_training(**held, chip=name).run.price_note == f"rented: dated prices of this chip ({words})"


@pytest.mark.parametrize("name", chip_names())
def test_a_chip_of_the_table_states_nothing(name: str) -> None:
    assert chip(name).stated == frozenset()
    assert notes_on_stated(chip(name)) == ()


def step_s(c: Chip, profile: str, precision: str, model: str, lay: Layouts, length: int) -> float:
    """Seconds of a step with the shipped calibration."""
    framework, shape = software(profile), architecture(model).shape
    constants, shift = constants_of(builtin_calibration(), c, framework, precision)
    pieces = parts(c, fabric_of(c), framework, precision, shape, lay, float(length))
    return float(np.asarray(assemble(pieces, constants).total)) * math.exp(shift)


@st.composite
def layouts(draw: st.DrawFn) -> Layouts:
    pick = {k: draw(st.sampled_from(v)) for k, v in {
        "tp": (1, 2, 8, 64), "pp": (1, 2, 4), "dp": (1, 2, 8, 256), "micro_batch": (1, 4), "n_micro": (1, 4, 16),
        "zero": (0, 1, 3), "recompute": (0, 1, 2),
    }.items()}  # fmt: skip
    return Layouts.of(**pick)


@settings(max_examples=80)
@given(
    ANY_CHIP, st.sampled_from(RATES), more, st.sampled_from(software_names()),
    st.sampled_from(["bf16", "fp16", "fp8", "fp32"]),
    st.sampled_from(["Llama2-7B", "Llama3.1-70B", "Mixtral-8x7B", "DeepSeek-V3-671B"]), layouts(),
    st.sampled_from([512, 4096, 32_768]),
)  # fmt: skip
def test_a_step_is_never_slower_on_a_better_chip(
    c: Chip, rate: str, times: float, profile: str, precision: str, model: str, lay: Layouts, length: int
) -> None:
    after = better(c, rate, times)
    assume(rate == "peaks" or getattr(c, rate) > 0)
    assume(throttling(after) == throttling(c))  # how far the clock falls is another mechanism
    before = step_s(c, profile, precision, model, lay, length)
    # a step of B100 was once 8e-6 longer; why is not known
    assert step_s(after, profile, precision, model, lay, length) <= before * (1 + 2e-5)


def test_the_step_of_a_plan_falls_with_the_peak_up_to_any() -> None:
    numbers = {"name": "own", "memory_bytes": 1.9e11, "memory_bandwidth": 3.35e12, "scale_up_bandwidth": 4.5e11,
               "scale_up_domain": 8, "scale_out_bandwidth": 5e10, "scale_up_kind": "switch"}  # fmt: skip
    held: dict[str, Any] = {
        "model": "Llama3.1-8B", "chips": 64, "tp": 1, "pp": 1, "micro_batch": 1, "zero": 3, "recompute": "full",
    }  # fmt: skip
    seconds = [
        plan_training(**held, chip={**numbers, "peak_bf16": peak}).step_s.p50
        for peak in (2.5e14, 5e14, 1e15, 3e15, 5e15, 1e16, 1e17, 9e17)
    ]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) == len(seconds)


def test_a_larger_peak_of_one_type_slows_no_product_of_another() -> None:
    """All else equal, half precision on an H100 does not throttle for what its bfloat16 could do."""
    h100 = chip("H100-SXM")
    assert throttling(better(h100, "peak_bf16", 3.0)) == throttling(h100) == 1.0
    assert throttling(better(h100, "peaks", 1.5)) > 1.0


# ---- numbers of a chip

NUMBERS: dict[str, Any] = {"peak_bf16": 1e15, "memory_bytes": 96e9, "memory_bandwidth": 4e12}
SMALL: dict[str, Any] = {"model": "Llama2-7B", "chips": 8, "batch": 8, "seq_len": 2048, "tp": 1, "pp": 1}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"peak_bf16": 989}, "peak_bf16: expected .* FLOP/s, .*989 looks like TFLOP/s: write 989e12"),
        ({"peak_bf16": 1e-300}, r"peak_bf16: expected .* FLOP/s, such as 989e12 .*\(got 1e-300\)"),
        ({"peak_fp8": 1979}, "peak_fp8: .*write 1979e12"),
        ({"memory_bytes": 80}, "memory_bytes: expected .* bytes, .*80 looks like GB: write 80e9"),
        ({"memory_bandwidth": 3.35}, "memory_bandwidth: .*3.35 looks like TB/s: write 3.35e12"),
        ({"on_chip_bytes": 128}, "on_chip_bytes: .*looks like MB: write 128e6"),
        ({"tdp_w": 1e9}, r"tdp_w: expected 1 to 1e\+06 W, .*got 1e\+09"),
        ({"tdp_w": 0}, "tdp_w: expected 1 to"),
        ({"system_w": 1e-9}, "system_w: "),
        ({"scale_up_bandwidth": 450}, "scale_up_bandwidth: .*450 looks like GB/s: write 450e9"),
        ({"scale_out_bandwidth": 400}, r"scale_out_bandwidth: .*400 looks like Gbit/s: write 5e\+10"),
        ({"host_bandwidth": 64}, "host_bandwidth: .*write 64e9"),
        ({"scale_up_domain": 10**7}, "scale_up_domain: expected 1 to"),
        ({"chips_per_node": 10**7}, "chips_per_node: "),
        ({"cores": 10**6}, "cores: "),
        ({"launch_s": 4}, "launch_s: .*4 looks like microseconds: write 4e-6"),
        ({"memory_level": 1e-9}, "memory_level: "),
        ({"matmul_level": {"bf16": 1e-9}}, "matmul_level.bf16: "),
        ({"attention_measured": {"bf16": {"lengths": [512], "flop_per_s": [1e-9]}}},
         "attention_measured.bf16.flop_per_s: "),
    ],
)  # fmt: skip
def test_a_number_that_no_chip_has_is_refused_with_its_unit(wrong: dict[str, Any], told: str) -> None:
    assert chip_from_fields(NUMBERS).name == "custom"
    with pytest.raises(InputError, match=f"^chip: {told}") as error:
        chip_from_fields(NUMBERS | wrong)
    assert str(error.value).count("expected") == 1


def test_all_numbers_that_cannot_be_are_named_once() -> None:
    with pytest.raises(InputError) as error:
        chip_from_fields({"peak_bf16": -1, "memory_bytes": 80, "memory_bandwidth": "fast", "tdp_w": 1e9})
    text = str(error.value)
    assert [text.count(f"{n}: ") for n in ("peak_bf16", "memory_bytes", "memory_bandwidth", "tdp_w")] == [1] * 4


@pytest.mark.parametrize("name", chip_names())
def test_chips_of_the_table_are_within_the_ranges(name: str) -> None:
    assert chip_from_fields(chip(name).model_dump()) == chip(name)


any_number = st.one_of(
    st.floats(),
    st.floats(-320.0, 308.0).map(lambda x: 10.0**x),
    st.integers(-(10**30), 10**30),
    log_between(1e-6, 1e19),
)


def finite(value: Any) -> bool:
    """Whether every number in an answer is one."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {n: st.one_of(st.just(v), any_number) for n, v in NUMBERS.items()},
        optional={
            **dict.fromkeys(("peak_fp8", "peak_fp32", "tdp_w", "system_w", "launch_s", "memory_level"), any_number),
            **dict.fromkeys(("scale_up_bandwidth", "scale_out_bandwidth", "host_bandwidth"), any_number),
            **{n: st.integers(-1, 10**9) for n in ("scale_up_domain", "chips_per_node", "cores")},
        },
    )
)
@example({"peak_bf16": 1e15, "memory_bytes": 96e9, "memory_bandwidth": 4e12, "tdp_w": 2e300})
def test_any_numbers_are_a_finite_plan_or_a_sentence(numbers: dict[str, Any]) -> None:
    try:
        plan = plan_training(**SMALL, chip=numbers)
    except InputError as error:
        assert str(error)
    else:
        assert finite(plan.to_dict())


@settings(max_examples=15, deadline=None)
@given(own())
def test_numbers_at_the_edges_of_the_ranges_are_a_finite_plan(c: Chip) -> None:
    edges = {"peak_bf16": (1e8, 1e19), "memory_bandwidth": (1e8, 1e18), "scale_up_bandwidth": (0.0, 1e15)}
    for name, values in edges.items():
        for value in values:
            numbers = {**c.model_dump(), name: value}
            assert finite(plan_training(**SMALL, chip=numbers).to_dict())


# ---- like


@pytest.mark.parametrize("name", chip_names())
def test_like_alone_has_prices_and_footprint_of_the_chip(name: str) -> None:
    known, same = chip(name), chip_from_fields({"name": "ours", "like": name})
    assert (same.table_name, same.base_name) == (name, name)
    assert chip_cost(same) == chip_cost(known)
    assert embodied_kgco2e(same) == embodied_kgco2e(known)
    assert rental_usd_per_chip_hour(same, "2026-06") == rental_usd_per_chip_hour(known, "2026-06")
    changed = chip_from_fields({"like": name, "memory_bytes": known.memory_bytes * 1.5})
    assert (changed.table_name, changed.base_name) == ("custom", name)
    assert chip_cost(changed) is None
    # a site's limit of power is not what the chip was paid for
    capped = chip_from_fields({"like": name, "tdp_w": 0.9 * (known.tdp_w or 700)})
    assert chip_cost(capped) == chip_cost(known)
    rents = (rental_usd_per_chip_hour(c, "2026-06") for c in (capped, known))
    assert len({(r.p10, r.p50, r.p90) for r in rents}) == 1


@pytest.mark.parametrize(
    "name", ["H100-SXM", "A100-SXM-80GB", "MI300X", "TPU-v5p", "V100-SXM-32GB", "GB200-NVL72", "L40S"]
)
def test_a_plan_with_like_alone_is_that_of_the_chip(name: str) -> None:
    """In all its numbers: step, price, energy, carbon; notes name the chip."""
    known, same = (plan_training(**SMALL, chip=c).to_dict() for c in (name, {"name": "ours", "like": name}))
    known["notes"] = [n.replace(f"{name}: ", "ours: ", 1) for n in known["notes"]]
    assert known.pop("summary").replace(name, "ours") == same.pop("summary")
    assert (known.pop("chip"), same.pop("chip")) == (name, "ours")
    assert known == same


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", ["H100-SXM", "A100-SXM-80GB", "MI300X", "TPU-v4"])
def test_a_little_more_than_a_known_chip_is_not_slower(name: str, rate: str) -> None:
    """What calibration knows of a chip does not get lost with the first changed number."""
    fields = better(chip(name), rate, 1.0001).model_dump()
    changed = {k: v for k, v in fields.items() if v != chip(name).model_dump()[k]}
    before, after = (plan_training(**SMALL, chip=c).step_s.p50 for c in (name, {"like": name, **changed}))
    assert after <= before * SAME


def test_like_leads_through_files_to_the_chip_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("like = 'H100-SXM'\n", encoding="utf-8")
    (tmp_path / "b.toml").write_text("like = 'a.toml'\n", encoding="utf-8")
    (tmp_path / "c.toml").write_text("like = 'b.toml'\ntdp_w = 500\n", encoding="utf-8")
    (tmp_path / "d.toml").write_text("peak_bf16 = 1e15\nmemory_bytes = 96e9\nmemory_bandwidth = 4e12\n")
    (tmp_path / "e.toml").write_text("like = 'd.toml'\n", encoding="utf-8")
    found = [chip(tmp_path / f"{n}.toml") for n in "abcde"]
    assert [c.table_name for c in found] == ["H100-SXM", "H100-SXM", "c", "d", "e"]
    assert [c.base_name for c in found] == ["H100-SXM", "H100-SXM", "H100-SXM", "d", "e"]


def test_a_peak_of_vector_units_is_said_unless_the_user_states_one() -> None:
    words = "may be those of its vector units"
    for name in ("NVIDIA RTX A5000", "NVIDIA Quadro RTX 5000"):
        assert any(words in note for note in notes_on(chip(name)))
    assert not any(words in note for name in chip_names() for note in notes_on(chip(name)))
    assert not any(words in n for n in notes_on(chip_from_fields({"like": "NVIDIA RTX A5000", "peak_bf16": 111e12})))


def test_a_rate_that_is_not_known_is_said() -> None:
    assert any("its tf32 rate is not known" in note for note in notes_on(chip("TPU-v5p"), precision="tf32"))
