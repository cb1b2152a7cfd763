"""Schedules and their orders, worked out by hand on two to four ranks.

F is a second forward, B two for gradients of inputs, W one for those of weights, unless a test says otherwise.
"""

from __future__ import annotations

import numpy as np
import pytest

from liebig.catalog import constant
from liebig.step.pipeline import SCHEDULE_NAMES, SCHEDULES, Task, held, idle_s, possible, weight_copies
from liebig.step.play import Span, StageTimes, play, schedule_spans

DUAL, GPIPE, ONE, ZB1, ZB2 = (SCHEDULE_NAMES.index(n) for n in ("dualpipe", "gpipe", "1f1b", "zb-1p", "zb-2p"))


def _names(rank: list[tuple[Task, ...]]) -> str:
    """F0 B0 W0 …, blocks of several tasks joined by +; of several stages the stage after a point."""
    return " ".join("+".join(f"{t.kind[0].upper()}{t.micro_batch}.{t.stage}" for t in block) for block in rank)


def test_the_order_of_one_forward_one_backward() -> None:
    """Two ranks, three micro-batches: the first sends two ahead, the last turns each round at once."""
    first, last = SCHEDULES[ONE].order(2, 3, 1)
    assert _names(first) == "F0.0 F1.0 B0.0+W0.0 F2.0 B1.0+W1.0 B2.0+W2.0"
    assert _names(last) == "F0.1 B0.1+W0.1 F1.1 B1.1+W1.1 F2.1 B2.1+W2.1"


def test_the_order_of_chunks() -> None:
    """Two ranks with two chunks: groups of two micro-batches go through chunk 0 and chunk 1; the first rank sends
    (2 - 1)·2 + 2·(2 - 1) + 1 = 5 passes ahead, here all four.
    """
    first, last = SCHEDULES[ONE].order(2, 2, 2)
    assert _names(first) == "F0.0 F1.0 F0.2 F1.2 B0.2+W0.2 B1.2+W1.2 B0.0+W0.0 B1.0+W1.0"
    assert _names(last) == "F0.1 F1.1 F0.3 B0.3+W0.3 F1.3 B1.3+W1.3 B0.1+W0.1 B1.1+W1.1"
    longer = SCHEDULES[ONE].order(2, 4, 2)[0]
    assert _names(longer).split(" B0.2")[0] == "F0.0 F1.0 F0.2 F1.2 F2.0"


def test_the_order_of_gpipe() -> None:
    first, last = SCHEDULES[GPIPE].order(2, 2, 1)
    assert _names(first) == "F0.0 F1.0 B0.0+W0.0 B1.0+W1.0"
    assert _names(last) == "F0.1 F1.1 B0.1+W0.1 B1.1+W1.1"


def test_the_orders_of_zero_bubbles() -> None:
    """Gradients of weights wait for as many backward passes as the rank has ranks before it (ZB-1p), or twice as many
    (ZB-2p), which also sends 2·(2 - 0) - 1 = 3 passes ahead on the first of two ranks.
    """
    first, last = SCHEDULES[ZB1].order(2, 3, 1)
    assert _names(first) == "F0.0 F1.0 B0.0 W0.0 F2.0 B1.0 W1.0 B2.0 W2.0"
    assert _names(last) == "F0.1 B0.1 F1.1 B1.1 W0.1 F2.1 B2.1 W1.1 W2.1"
    first, last = SCHEDULES[ZB2].order(2, 3, 1)
    assert _names(first) == "F0.0 F1.0 F2.0 B0.0 W0.0 B1.0 W1.0 B2.0 W2.0"
    assert _names(last) == "F0.1 B0.1 F1.1 B1.1 F2.1 B2.1 W0.1 W1.1 W2.1"


def test_the_order_of_two_ways() -> None:
    """Two ranks, four micro-batches, of which 2 and 3 enter at the last rank: passes of the two ways run as one.

    The first half of the last backward passes computes gradients of weights with those of inputs, the second apart.
    """
    first, last = SCHEDULES[DUAL].order(2, 4, 1)
    assert _names(first) == "F0.0 F2.1 F1.0+B2.1+W2.1 F3.1+B0.0+W0.0 B3.1+W3.1 B1.0 W1.0"
    assert _names(last) == "F2.0 F0.1 F3.0+B0.1+W0.1 F1.1+B2.0+W2.0 B1.1+W1.1 B3.0 W3.0"
    assert _names(SCHEDULES[DUAL].order(1, 2, 1)[0]) == "F0.0 B0.0+W0.0 F1.0 B1.0+W1.0"


def test_the_order_of_two_ways_on_four_ranks() -> None:
    """Four ranks, eight micro-batches (4 to 7 enter at the last rank): table 2 and figure 5 of arXiv:2412.19437.

    The first rank, one from the middle: two passes of its way; one of each; a backward pass, its gradients of
    weights and a pass of the other way; 8/2 - 4 + 0 + 1 = 1 pair of pairs; a backward pass and a pair; two backward
    passes; gradients of weights and a backward pass; what is left.
    """
    first, second, *_ = SCHEDULES[DUAL].order(4, 8, 1)
    assert _names(first) == (
        "F0.0 F1.0 F2.0 F4.3 B4.3 W4.3 F5.3 F3.0+B5.3+W5.3 F6.3+B0.0+W0.0 B6.3+W6.3 F7.3+B1.0+W1.0 "
        "B7.3+W7.3 B2.0 W2.0 B3.0 W3.0"
    )
    assert _names(second).startswith("F0.1 F4.2 F1.1 F5.2 F2.1+B4.2+W4.2 F6.2+B0.1+W0.1")


def test_idle_time_is_never_all_gone() -> None:
    """Where the formula leaves nothing, ``step.least_idle`` of the 7·(1 + 1 + 1) s that 1F1B waits stay."""
    least = constant("step.least_idle")
    assert float(idle_s(ZB2, 8, 32, 1, 1.0, 1.0, 1.0)) == pytest.approx(least * 21)
    assert float(idle_s(ZB2, 8, 32, 1, 0.5, 0.5, 1.0)) == pytest.approx(least * 14)
    assert idle_s(np.array([ONE, ZB1]), 8, 16, np.array([1, 2]), 1.0, 2.0, 1.0) == pytest.approx([28, 7])
    assert float(idle_s(ONE, 1, 4, 1, 1.0, 1.0, 1.0)) == 0.0


def test_micro_batches_in_flight() -> None:
    """Eight ranks, two chunks: (8 + 2·(7 - r) + 1) / 2 micro-batches on rank r of 1F1B, (8 + 14 - r + 1) / 2 of ZB-1p;
    never more than there are.
    """
    ranks = np.array([0.0, 3.0, 7.0])
    assert held(ONE, ranks, 8, 64, 2).tolist() == [11.5, 8.5, 4.5]
    assert held(ZB1, ranks, 8, 64, 2).tolist() == [11.5, 10.0, 8.0]
    assert held(ONE, ranks, 8, 64, 3).tolist() == pytest.approx([31 / 3, 25 / 3, 17 / 3])
    assert held(ONE, ranks, 8, 64, 1).tolist() == [8, 5, 1]
    for schedule in (ONE, ZB1, DUAL, ZB2, GPIPE):
        assert held(schedule, 0, 8, 3, 1) == 3.0
    assert held(GPIPE, ranks, 8, 64, 1).tolist() == held(GPIPE, ranks, 4, 64, 1).tolist() == [64, 64, 64]
    assert held(DUAL, ranks, 8, 64, 1).tolist() == [9, 9, 9]
    assert held(ZB2, ranks, 8, 64, 1).tolist() == [15, 15, 15]


def test_copies_of_weights() -> None:
    assert weight_copies(np.array([ONE, DUAL, DUAL]), np.array([4, 4, 1])).tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("schedule", "yes", "no"),
    [
        (ONE, [(4, 3, 1), (1, 3, 2), (4, 8, 2)], [(4, 6, 2), (4, 3, 2)]),
        (ZB1, [(4, 3, 1), (4, 8, 2)], [(4, 6, 2)]),
        (GPIPE, [(4, 3, 1), (1, 1, 1)], [(4, 8, 2)]),
        (ZB2, [(4, 3, 1)], [(4, 8, 2)]),
        (DUAL, [(4, 8, 1), (1, 3, 1), (2, 4, 1)], [(4, 8, 2), (3, 8, 1), (4, 9, 1), (4, 6, 1)]),
    ],
)
def test_what_a_schedule_can_run(schedule: int, yes: list[tuple[int, ...]], no: list[tuple[int, ...]]) -> None:
    """Chunks ask for groups as large as the pipeline; DualPipe for even numbers and two micro-batches a stage."""
    assert [bool(possible(schedule, *sizes)) for sizes in yes] == [True] * len(yes)
    assert [bool(possible(schedule, *sizes)) for sizes in no] == [False] * len(no)


def test_playing_one_forward_one_backward() -> None:
    """Two ranks, two micro-batches: F0 from 0 to 1, F1 to 2; the last rank starts at 1 and is back at 5, 9; the first
    has gradients from 4 (B0 before W0): it works from 4 to 7, and from 8 to 11.
    """
    kinds = {"forward": 1.0, "backward": 2.0, "weights": 1.0}
    first, last = play(SCHEDULES[ZB1].order(2, 2, 1), 2, [kinds, kinds])  # type: ignore[list-item]
    assert [(t.kind[0], t.micro_batch, a, b) for t, a, b in first] == [
        ("f", 0, 0, 1), ("f", 1, 1, 2), ("b", 0, 4, 6), ("w", 0, 6, 7), ("b", 1, 7, 9), ("w", 1, 9, 10),
    ]  # fmt: skip
    assert [(t.kind[0], t.micro_batch, a, b) for t, a, b in last] == [
        ("f", 0, 1, 2), ("b", 0, 2, 4), ("f", 1, 4, 5), ("b", 1, 5, 7), ("w", 0, 7, 8), ("w", 1, 8, 9),
    ]  # fmt: skip


def test_spans_join_what_is_not_split() -> None:
    """1F1B shows a backward pass with its gradients of weights as one; others wait for all of it."""
    times = StageTimes(1.0, 2.0, 1.0)
    assert [times.of(k) for k in ("forward", "backward", "weights")] == [1.0, 2.0, 1.0]
    spans = schedule_spans(ONE, 2, 1, 1, [times])
    assert spans == [
        Span(0, "forward", 0, 0, 0.0, 1.0), Span(0, "backward", 0, 0, 5.0, 8.0),
        Span(1, "forward", 0, 0, 1.0, 2.0), Span(1, "backward", 0, 0, 2.0, 5.0),
    ]  # fmt: skip


def test_spans_of_chunks_and_of_unequal_ranks() -> None:
    """Two chunks on two ranks take half a second forward each; a second rank that is twice as slow takes one."""
    spans = schedule_spans(ONE, 2, 2, 2, [StageTimes(1.0, 1.0, 1.0), StageTimes(2.0, 2.0, 2.0)])
    forward = [(s.stage, s.micro_batch, s.chunk, s.start_s, s.end_s) for s in spans if s.kind == "forward"]
    assert forward == [
        (0, 0, 0, 0.0, 0.5), (0, 1, 0, 0.5, 1.0), (0, 0, 1, 1.5, 2.0), (0, 1, 1, 2.5, 3.0),
        (1, 0, 0, 0.5, 1.5), (1, 1, 0, 1.5, 2.5), (1, 0, 1, 2.5, 3.5), (1, 1, 1, 5.5, 6.5),
    ]  # fmt: skip
    split = schedule_spans(ZB1, 2, 1, 1, [StageTimes(1.0, 1.0, 1.0)])
    assert [(s.stage, s.kind, s.start_s) for s in split] == [
        (0, "forward", 0.0), (0, "backward", 3.0), (0, "weights", 4.0),
        (1, "forward", 1.0), (1, "backward", 2.0), (1, "weights", 3.0),
    ]  # fmt: skip
