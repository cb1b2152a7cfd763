"""Whatever sizes and machines are written, a plan is an answer or a sentence, never an internal error."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liebig.cluster import chip_names
from liebig.errors import InputError
from liebig.plan import find_budget, plan_training, search_training
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.software import software_names
from liebig.transformer import architecture, architecture_names

SIZES = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 64, 100, 127, 128, 1000])
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "tp": SIZES,
    "pp": SIZES,
    "cp": SIZES,
    "ep": SIZES,
    "vpp": SIZES,
    "micro_batch": SIZES,
    "zero": st.integers(0, 3),
    "batch": st.integers(1, 20_000),
    "seq_len": st.sampled_from([1, 100, 128, 2048, 4096, 8192, 131_072, 1_000_000]),
    "precision": st.sampled_from(["fp32", "tf32", "fp16", "bf16", "fp8", "mxfp8", "nvfp4", "int8", "fp2"]),
    "recompute": st.sampled_from(["none", "selective", "full"]),
    "recompute_share": st.floats(0.01, 1.0),
    "schedule": st.sampled_from(SCHEDULE_NAMES),
    "offload": st.booleans(),
    "network_gbit": st.floats(0.01, 1e5),
    "topology": st.sampled_from(["fat-tree", "rail", "torus2d", "torus3d", "dragonfly"]),
    "taper": st.floats(0.01, 1.0),
    "domain": SIZES,
    "tokens": st.floats(1.0, 1e17),
    "software": st.sampled_from(software_names()),
    "terms": st.sampled_from(["reserved", "on-demand", "spot", "market", "owned"]),
    "failures_per_chip_day": st.floats(0.0, 10.0),
}
NAMES = st.one_of(
    st.sampled_from(["Llama3.1-70B", "Llama2-7B", "Mixtral-8x7B", "DeepSeek-V3-671B", "7B", "3T"]),
    st.sampled_from(architecture_names()),
)
WILD = st.fixed_dictionaries(
    {"model": NAMES, "chip": st.sampled_from(chip_names()), "chips": st.one_of(SIZES, st.integers(1, 10_000_000))},
    optional=OPTIONS,
)
POWERS = st.integers(0, 5).map(lambda n: 2**n)


@st.composite
def plausible(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes that go together, so that most of these are planned."""
    name = draw(NAMES)
    known = architecture(name)
    tp = draw(st.sampled_from([t for t in (1, 2, 4, 8, 16) if known.n_heads % t == 0]))
    pp, dp, micro, number = draw(POWERS), draw(POWERS), draw(st.sampled_from([1, 1, 2, 4])), draw(POWERS)
    out: dict[str, Any] = {
        "model": name, "chip": draw(st.sampled_from(chip_names())), "chips": tp * pp * dp, "tp": tp,
        "pp": min(pp, known.n_layers), "batch": dp * micro * number, "micro_batch": micro,
        "seq_len": draw(st.sampled_from([512, 2048, 8192])),
    }  # fmt: skip
    held = (
        "schedule", "zero", "recompute", "offload", "topology", "software", "vpp", "network_gbit",
    )  # fmt: skip
    for name in draw(st.sets(st.sampled_from(held))):
        out[name] = draw(OPTIONS[name])
    for name in draw(st.sets(st.sampled_from(("tp", "pp", "batch", "micro_batch")))):
        out.pop(name)  # left to the search
    return out


PLANS = st.one_of(plausible(), plausible(), WILD)


def _answers_or_says_why(options: dict[str, Any]) -> None:
    try:
        plan = plan_training(**options)
    except InputError as error:
        assert 10 < len(str(error)) < 3000
        return
    assert plan.step_s[0] > 0
    assert all(math.isfinite(x) for x in (*plan.step_s, *plan.run.usd, *plan.run.energy_mwh))
    lay = plan.layout_dict()
    assert lay["tp"] * lay["pp"] * lay["cp"] * lay["dp"] == options["chips"]
    assert lay["dp"] * lay["micro_batch"] * lay["n_micro"] == plan.batch
    assert float(plan.memory.total) <= plan.chip.memory_bytes * 1.0000001
    held = ("tp", "pp", "cp", "ep", "vpp", "micro_batch", "zero", "schedule")
    assert all(lay[k] == options[k] for k in held if k in options)


@settings(max_examples=40)
@given(PLANS)
def test_any_plan_is_an_answer_or_a_sentence(options: dict[str, Any]) -> None:
    _answers_or_says_why(options)


@pytest.mark.slow
@settings(max_examples=5000)
@given(PLANS)
def test_five_thousand_plans(options: dict[str, Any]) -> None:
    _answers_or_says_why(options)


BUDGETS = st.fixed_dictionaries(
    {"chip": st.sampled_from(chip_names()), "seq_len": st.sampled_from([128, 4096, 131_072])},
    optional={
        "usd": st.floats(1.0, 1e12), "chips": st.integers(1, 10_000_000), "power_w": st.floats(1.0, 1e12),
        "days": st.floats(0.1, 3650.0), "usd_per_chip_hour": st.floats(0.01, 100.0),
    },
)  # fmt: skip


def _buys_or_says_why(options: dict[str, Any]) -> None:
    try:
        found = find_budget(**options)
    except InputError as error:
        assert 10 < len(str(error)) < 2000
        return
    assert found.loss[1] > 0
    assert found.chips >= 1


@settings(max_examples=4)
@given(BUDGETS)
def test_any_budget_is_an_answer_or_a_sentence(options: dict[str, Any]) -> None:
    _buys_or_says_why(options)


@pytest.mark.slow
@settings(max_examples=30)
@given(BUDGETS)
def test_thirty_budgets(options: dict[str, Any]) -> None:
    _buys_or_says_why(options)


def test_a_search_that_finds_nothing_says_so() -> None:
    with pytest.raises(InputError, match="no layout"):
        search_training(model="Llama2-7B", chips=8, tp=1, pp=1, batch=3, seq_len=4096)
