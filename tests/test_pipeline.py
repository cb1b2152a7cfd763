"""Each schedule's order, played, idles as long and keeps as many micro-batches as its row says."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liebig.errors import InputError
from liebig.plan import plan_training
from liebig.plan.timeline import shown_spans
from liebig.step.layout import Layouts
from liebig.step.memory import Memory, memory
from liebig.step.pipeline import (
    SCHEDULE_NAMES,
    SCHEDULES,
    Block,
    Kind,
    Schedule,
    Task,
    held,
    idle_s,
    possible,
    weight_copies,
)
from liebig.step.play import StageTimes, play, schedule_spans
from liebig.step.software import software
from liebig.transformer import architecture

SIZES = [
    (2, 4, 1),
    (4, 8, 1),
    (8, 16, 1),
    (8, 40, 1),
    (4, 8, 2),
    (8, 16, 4),
    (8, 1, 1),
    (8, 3, 1),
    (3, 5, 1),
    (4, 4, 3),
]
#: Weights shorter than both passes, longer than one, longer than both.
TIMES = [(1.0, 1.0, 1.0), (1.0, 1.3, 0.7), (2.0, 2.5, 1.5), (1.0, 2.0, 1.5), (2.0, 1.0, 1.5), (1.0, 1.3, 2.0)]
CASES = [
    pytest.param(s, sizes, id=f"{s.name}-{'-'.join(map(str, sizes))}")
    for s in SCHEDULES
    for sizes in SIZES
    if bool(possible(SCHEDULES.index(s), *sizes))
]


def _steps(order: list[Block], micro_batches: int, steps: int) -> list[Block]:
    """A rank's blocks of several steps, one after the other."""
    return [
        tuple(Task(t.kind, t.micro_batch + step * micro_batches, t.stage) for t in block)
        for step in range(steps)
        for block in order
    ]


def _played_s(schedule: Schedule, p: int, m: int, v: int, times: tuple[float, float, float]) -> float:
    """Seconds of a step: until all ranks are done or, where steps overlap, from one step to the next."""
    kinds: tuple[Kind, ...] = ("forward", "backward", "weights")
    seconds = [{k: t / v for k, t in zip(kinds, times, strict=True)}] * p
    orders, repeats = schedule.order(p, m, v), 4 if schedule.overlaps_steps else 1
    played = play([_steps(order, m, repeats) for order in orders], p * v, seconds)
    if repeats == 1:
        return max(rank[-1][2] for rank in played)
    ends = [(rank[-1][2], rank[len(rank) // 2 - 1][2]) for rank in played]
    return max(last - half for last, half in ends) / (repeats / 2)


def _idle_s(schedule: Schedule, p: int, m: int, v: int, times: tuple[float, float, float]) -> float:
    ranks, micro, chunks, f, b, w = (np.asarray(x, dtype=np.float64) for x in (p, m, v, *times))
    return float(schedule.idle(ranks, micro, chunks, f, b, w))


def _exact(schedule: Schedule, v: int, times: tuple[float, float, float]) -> bool:
    """Whether the row says exactly how long ranks idle, not at most how long."""
    weights_are_short = times[2] <= min(times[:2])
    return weights_are_short or not (schedule.overlaps_steps or (schedule.name == "zb-1p" and v > 1))


@pytest.mark.parametrize(("schedule", "sizes"), CASES)
def test_idle_time_is_that_of_the_order(schedule: Schedule, sizes: tuple[int, int, int]) -> None:
    p, m, v = sizes
    for times in TIMES:
        played, idle = _played_s(schedule, p, m, v, times) - m * sum(times), _idle_s(schedule, p, m, v, times)
        if _exact(schedule, v, times):
            assert idle == pytest.approx(played, abs=1e-9)
        assert idle >= played - 1e-9


Seconds = st.floats(0.1, 3.0)


@given(
    st.sampled_from(SCHEDULES), st.integers(1, 9), st.integers(1, 30), st.integers(1, 4),
    st.tuples(Seconds, Seconds, Seconds),
)  # fmt: skip
def test_no_step_is_shorter_than_its_order(
    schedule: Schedule, p: int, m: int, v: int, times: tuple[float, float, float]
) -> None:
    """Also with few micro-batches, and whatever takes longest."""
    if not possible(SCHEDULES.index(schedule), p, m, v):
        return
    played, idle = _played_s(schedule, p, m, v, times) - m * sum(times), _idle_s(schedule, p, m, v, times)
    assert idle >= played - 1e-9 * (m + p)
    if _exact(schedule, v, times):
        assert idle <= played + 1e-9 * (m + p)


@pytest.mark.parametrize(("schedule", "sizes"), CASES)
def test_micro_batches_in_flight_are_those_of_the_order(schedule: Schedule, sizes: tuple[int, int, int]) -> None:
    p, m, v = sizes
    for rank, blocks in enumerate(schedule.order(p, m, v)):
        kept = most = 0
        for task in (t for block in blocks for t in block):
            kept += (task.kind == "forward") - (task.kind == "weights")
            most = max(most, kept)
        assert most / v == pytest.approx(float(held(SCHEDULES.index(schedule), rank, p, m, v)))


@pytest.mark.parametrize(("schedule", "sizes"), CASES)
def test_every_rank_does_every_micro_batch_once(schedule: Schedule, sizes: tuple[int, int, int]) -> None:
    p, m, v = sizes
    for blocks in schedule.order(p, m, v):
        done = Counter((t.kind, t.micro_batch, t.stage // p) for block in blocks for t in block)
        assert set(done.values()) == {1}
        assert len(done) == 3 * m * v


@given(st.sampled_from(SCHEDULES), st.integers(1, 6), st.integers(1, 12), st.floats(0.1, 2.0), st.floats(0.1, 4.0))
def test_a_stage_does_one_thing_at_a_time(
    schedule: Schedule, stages: int, micro: int, forward: float, backward: float
) -> None:
    which = SCHEDULES.index(schedule)
    if not possible(which, stages, micro, 1):
        return
    spans = schedule_spans(which, stages, micro, 1, [StageTimes(forward, backward, backward / 2.0)])
    for stage in range(stages):
        own = sorted((s for s in spans if s.stage == stage), key=lambda s: s.start_s)
        assert all(a.end_s <= b.start_s + 1e-9 for a, b in itertools.pairwise(own))


# five schedules, interleaved where they can be
@pytest.mark.parametrize(
    ("schedule", "vpp"), [("1f1b", 1), ("1f1b", 2), ("zb-1p", 2), ("zb-2p", 1), ("dualpipe", 1), ("gpipe", 1)]
)
def test_the_picture_ends_with_the_step(schedule: str, vpp: int) -> None:
    plan = plan_training(
        model="Llama2-7B", chips=32, batch=64, seq_len=4096, tp=2, pp=4, vpp=vpp, micro_batch=1, schedule=schedule
    )
    shown = shown_spans(plan)
    assert shown.whole
    for stage in range(4):  # from its first piece where steps overlap
        own = [s for s in shown.spans if s.stage == stage]
        begins = min(s.start_s for s in own) if SCHEDULES[int(plan.layout.schedule)].overlaps_steps else 0.0
        assert max(s.end_s for s in own) - begins == pytest.approx(plan.step_s[1], rel=1e-9)
    assert {s.chunk for s in shown.spans} == set(range(vpp))
    passes = max(s.end_s - s.start_s for s in shown.spans if s.kind == "forward")
    assert passes == pytest.approx(plan.rank_s[0] / vpp, rel=0.35)
    cut = shown_spans(plan, most_stages=2, most_micro=4)
    assert (cut.stages, cut.micro_batches, cut.whole) == (2, 4, False)


@pytest.mark.parametrize(("schedule", "batch"), [("zb-1p", 8), ("zb-1p", 16), ("zb-2p", 8), ("zb-2p", 64), ("1f1b", 8)])
def test_a_picture_is_never_squeezed(schedule: str, batch: int) -> None:
    """Work takes at least as long in the picture as by the plan, also with fewer micro-batches than stages."""
    plan = plan_training(
        model="Llama2-7B", chips=32, batch=batch, seq_len=4096, tp=1, pp=8, micro_batch=1, schedule=schedule
    )
    forward = [s.end_s - s.start_s for s in shown_spans(plan).spans if s.kind == "forward"]
    assert min(forward) >= plan.rank_s[0] / plan.layout_dict()["vpp"] * (1 - 1e-9)


def test_memory_follows_the_schedule() -> None:
    """GPipe holds every micro-batch, DualPipe two copies of the weights, ZB-2p about twice what 1F1B keeps."""
    shape, framework = architecture("Llama3.1-70B").shape, software("modern")

    def need(schedule: str) -> Memory:
        lay = Layouts.of(tp=8, pp=8, dp=4, n_micro=32, schedule=SCHEDULE_NAMES.index(schedule))
        return memory(shape, lay, 8192.0, framework)

    plain = need("1f1b")
    assert float(need("gpipe").activations / plain.activations) == pytest.approx(4.0)
    assert float(need("zb-2p").activations / plain.activations) == pytest.approx(15 / 8)
    assert float(need("zb-1p").activations / plain.activations) == pytest.approx(1.0)
    both = need("dualpipe")
    assert float(both.activations / plain.activations) == pytest.approx(9 / 8)
    assert float(both.weights / plain.weights) == 2.0
    assert float(both.gradients / plain.gradients) == 2.0
    assert float(both.optimizer) == float(plain.optimizer)  # shared by twice as many ranks


def test_fully_sharded_training_runs_with_a_pipeline() -> None:
    """As torchtitan and Llama 3 405B do: a stage gathers its weights once per step."""
    plan = plan_training(model="Llama3.1-70B", chips=64, pp=2, zero=3)
    assert plan.layout_dict()["zero"] == 3
    assert plan.layout_dict()["pp"] == 2
    same = Layouts.of(tp=8, pp=2, dp=4, n_micro=8, zero=3), Layouts.of(tp=8, pp=2, dp=4, n_micro=8, zero=1)
    need = [memory(architecture("Llama3.1-70B").shape, x, 8192.0, software("modern")) for x in same]
    assert float(need[0].gradients) == float(need[1].gradients)
    assert float(need[0].weights) == pytest.approx(float(need[1].weights) * (1.0 + 1.0 / 4.0))


def test_impossible_schedules_are_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="dualpipe runs with an even number of stages"):
        plan_training(
            model="Llama2-7B", chips=32, batch=64, seq_len=4096, tp=1, pp=4, cp=1, micro_batch=2, schedule="dualpipe"
        )
    with pytest.raises(InputError, match="expected one of 1f1b, zb-1p"):
        plan_training(model="Llama2-7B", chips=32, schedule="zigzag")
    with pytest.raises(InputError, match="zero 2 needs at least two data or context ranks"):
        plan_training(model="Llama2-7B", chips=8, batch=64, seq_len=4096, tp=8, zero=2)


@given(st.sampled_from(SCHEDULES), st.integers(1, 9), st.integers(1, 24), st.integers(1, 4))
def test_orders_end_whenever_they_are_possible(schedule: Schedule, p: int, m: int, v: int) -> None:
    which = SCHEDULES.index(schedule)
    if not possible(which, p, m, v):
        return
    spans = schedule_spans(which, p, m, v, [StageTimes(1.0, 1.0, 1.0)])
    assert sum(s.end_s - s.start_s for s in spans) == pytest.approx(3.0 * p * m)
    assert max(s.end_s for s in spans) >= 3.0 * m - 1e-9


def test_pinned_numbers() -> None:
    """From the formulas of the papers, worked out by hand for eight stages, 32 micro-batches, F = 2, B = 3, W = 1."""
    times = (2.0, 3.0, 1.0)
    idle = {n: float(idle_s(i, 8, 32, 1, *times)) for i, n in enumerate(SCHEDULE_NAMES)}
    assert idle == pytest.approx({"1f1b": 42.0, "gpipe": 42.0, "zb-1p": 28.0, "zb-2p": 21.0, "dualpipe": 21.0})
    assert float(idle_s(0, 8, 32, 4, *times)) == 10.5
    first = {n: float(held(i, 0, 8, 32, 1)) for i, n in enumerate(SCHEDULE_NAMES)}
    assert first == {"1f1b": 8.0, "gpipe": 32.0, "zb-1p": 8.0, "zb-2p": 15.0, "dualpipe": 9.0}
    last = {n: float(held(i, 7, 8, 32, 1)) for i, n in enumerate(SCHEDULE_NAMES)}
    assert last == {"1f1b": 1.0, "gpipe": 32.0, "zb-1p": 8.0, "zb-2p": 15.0, "dualpipe": 9.0}
    # interleaved: p (1 + (p - 1) / (p v)) micro-batches (Narayanan et al. 2021, section 2.2)
    assert float(held(0, 0, 8, 64, 2)) == pytest.approx(8 * (1 + 7 / 16))
    assert [float(weight_copies(i, 8)) for i in range(len(SCHEDULES))] == [1.0, 1.0, 2.0, 1.0, 1.0]
    assert float(weight_copies(SCHEDULE_NAMES.index("dualpipe"), 1)) == 1.0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_a_pipeline_a_schedule_keeps_one_micro_batch(schedule: Schedule) -> None:
    which = SCHEDULES.index(schedule)
    assert float(held(which, 0, 1, 16, 1)) == 1.0
    assert float(idle_s(which, 1, 16, 1, 1.0, 1.0, 1.0)) == 0.0
    assert float(weight_copies(which, 1)) == 1.0


def test_an_order_that_cannot_end_is_told() -> None:
    orders = SCHEDULES[0].order(2, 1, 1)
    kinds: tuple[Kind, ...] = ("forward", "backward", "weights")
    with pytest.raises(ValueError, match="wait for each other"):
        play([orders[0][::-1], orders[1]], 2, [dict.fromkeys(kinds, 1.0)] * 2)


def test_mixed_schedules_in_one_array() -> None:
    which = np.array([0.0, 3.0, 1.0])
    assert held(which, 0, np.array([4.0, 4.0, 8.0]), 16, 1).tolist() == [4.0, 16.0, 8.0]
    assert idle_s(which, 4, 16, 1, 1.0, 1.0, 1.0).tolist() == [9.0, 9.0, 3.0]
