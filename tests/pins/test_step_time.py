"""A step from its parts: each term of the breakdown by itself, worked out by hand from round seconds.

``_step`` starts from a model of four layers on one chip whose parts take no time, and from constants that leave
every part as it is; a test sets the few that it is about.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from liebig.catalog import constant, plan_number
from liebig.cluster.chip import chip
from liebig.step.arrays import mapped
from liebig.step.constants import Constants
from liebig.step.head import HeadWork
from liebig.step.layer import Work
from liebig.step.layout import Layouts
from liebig.step.parts import HostTimes, Parts, Sizes, Traits, Update, parts
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.time import Breakdown, assemble, stage_times
from liebig.step.traffic import Traffic
from pins.plain import CHIP, DENSE, FABRIC, FRAMEWORK, SPARSE

KINDS: dict[str, Any] = {
    "layer": Work, "head": HeadWork, "traffic": Traffic, "host": HostTimes, "update": Update, "traits": Traits,
    "sizes": Sizes,
}  # fmt: skip
PLAIN = {
    "matmul": 1, "sustained": 0, "attention": 1, "attention_backward": 1, "stream": 1, "launch": 1, "launch_moe": 1,
    "launch_group": 0, "launch_backward": 1, "loss": 1, "scores": 1, "tensor": 1, "inner": 1, "overlap_tp": 1,
    "expert": 1, "outer": 1, "slowdown": 0, "overlap_dp": 1, "send_exposed": 1, "optimizer": 1, "fixed": 1,
    "straggle": 0,
}  # fmt: skip
TYPICAL_SHARES = {
    "network": 1, "fused": 1, "layers": 4, "chips": 1, "tp": 1, "pp": 1, "vpp": 1, "n_micro": 1, "trained": 1,
    "gradient_share": 1, "recompute_share": 1,
}  # fmt: skip


def _parts(**given: Any) -> Parts:
    """Parts of which all that is not given is 0 or as usual.

    A field may be preceded by its record, as in ``layer_ideal``, and must be where two records have it.
    """
    values = TYPICAL_SHARES | given
    times = Counter(f.name for kind in KINDS.values() for f in fields(kind))
    made = []
    for record, kind in KINDS.items():
        own: dict[str, Any] = {}
        for f in fields(kind):
            names = [f"{record}_{f.name}"] + [f.name] * (times[f.name] == 1)
            own[f.name] = next((values.pop(n) for n in names if n in values), 0)
        made.append(kind(**{k: np.asarray(v, dtype=np.float64) for k, v in own.items()}))
    assert not values, f"no such parts: {sorted(values)}"
    return Parts(*made)


def _step(constants: dict[str, float] | None = None, **given: Any) -> Breakdown:
    return assemble(_parts(**given), Constants(**(PLAIN | (constants or {}))))


def test_kernels_of_both_passes() -> None:
    """Four layers, three micro-batches: 12 times 1 + 2 + 4 s of products, 3 + 5 of attention, 0.5 + 0.25 of memory."""
    work = {
        "matmul_forward": 1, "matmul_backward": 2, "matmul_weights": 4, "attention_forward": 3, "attention_backward": 5,
        "stream_forward": 0.5, "stream_backward": 0.25,
    }  # fmt: skip
    found = _step(n_micro=3, **work)
    assert (found.matmul, found.attention, found.memory) == pytest.approx((84, 96, 9))
    assert found.total == pytest.approx(189)
    found = _step({"matmul": 1.5, "attention": 2, "attention_backward": 3, "stream": 4}, **work)
    assert (found.matmul, found.attention, found.memory) == pytest.approx((42, 4 * (6 + 30), 12))


def test_attention_that_is_not_fused_is_made_of_products() -> None:
    """Its products take the constant of products, its scores that of scores: 4·(2·(1 + 2) + 3·(4 + 5)) s."""
    work = {"attention_forward": 1, "attention_backward": 2, "scores_forward": 4, "scores_backward": 5, "fused": 0}
    found = _step({"matmul": 2, "attention": 7, "attention_backward": 11, "scores": 3}, **work)
    assert found.attention == pytest.approx(132)


def test_a_busy_chip_lowers_its_clock() -> None:
    """Busy at the peak for 3·2 of 10 s, or 0.6: the constant counts in full, 0.5·2 s for each of three passes.

    Busy for 0.3 of the time it counts half; frozen weights have two passes, of 2·2 s in 10.
    """
    found = _step({"sustained": 0.5}, layer_ideal=2, matmul_forward=4, matmul_backward=6, throttles=1)
    assert found.matmul == pytest.approx(4 * (10 + 3))
    found = _step({"sustained": 0.5}, layer_ideal=2, matmul_forward=4, matmul_backward=6, throttles=1, stream_forward=3,
                  matmul_weights=1, stream_backward=2, scores_backward=4)  # fmt: skip
    assert found.matmul == pytest.approx(4 * (11 + 3 / 2))
    found = _step({"sustained": 0.5}, layer_ideal=2, matmul_forward=4, matmul_backward=2, throttles=0.5, trained=0,
                  scores_forward=1, attention_forward=1, attention_backward=2)  # fmt: skip
    assert found.matmul == pytest.approx(4 * (6 + 2 * 0.5 * 2 * 0.5 * 0.4 / 0.6))


def test_launches_show_where_kernels_are_shorter() -> None:
    """A launch of 3 s and kernels of 3 s take 3·2^(1/6) s; what exceeds the kernels is the launch's.

    Backward the constant doubles 3 s to as long as 6 s of kernels.
    """
    smooth = 2 ** (1 / constant("step.overlap_sharpness")) - 1
    found = _step({"launch_backward": 2}, host_layer=3, stream_forward=3, stream_backward=6)
    assert found.launch == pytest.approx(4 * (3 + 6) * smooth)
    assert _step(host_layer=3).launch == pytest.approx(4 * (3 + 3))
    found = _step({"launch": 2, "launch_moe": 3, "launch_group": 0.5}, host_layer=1, expert_layer=1, tp=4)
    assert found.launch == pytest.approx(4 * 2 * 5 * (1 + 0.5 * 2))
    # what chips send each other meanwhile hides the launches too
    assert _step(host_layer=3, tensor=3).launch == pytest.approx(4 * 2 * 3 * smooth)


def test_tensor_traffic() -> None:
    """Forward and backward, 1 s each; gathered again, half of a half more; 3/4 of it hidden; or over the network."""
    assert _step(tensor=1).tensor == pytest.approx(8)
    assert _step(tensor=1, regather=1).tensor == pytest.approx(9)
    assert _step({"tensor": 2, "overlap_tp": 0.5}, tensor=1, overlap_tp=0.5).tensor == pytest.approx(8 * 2 * 0.75)
    far = _step({"tensor": 2, "outer": 3}, tensor=1, tensor_crosses=1, network=2)
    assert far.tensor == pytest.approx(8 * 6)


def test_context_traffic_hides_behind_attention() -> None:
    """10 s of keys and values behind 3 + 4 s of attention: 10 - 7 s show, and a leak of what is hidden.

    ``step.context_backward`` counts the exchanges of both passes; with more attention than traffic the leak alone.
    """
    leak, both = constant("step.hidden_leak"), constant("step.context_backward")
    found = _step(context=10, attention_forward=3, attention_backward=4)
    assert found.context == pytest.approx(4 * both * (3 + leak * 7))
    assert _step(context=10, attention_forward=3, attention_backward=17).context == pytest.approx(4 * both * leak * 10)
    found = _step({"inner": 2}, context=10, attention_forward=3, attention_backward=4)
    assert found.context == pytest.approx(4 * both * (13 + leak * 7))
    found = _step({"inner": 2, "outer": 3}, context=10, context_crosses=1, network=2)
    assert found.context == pytest.approx(4 * both * 60)


def test_expert_traffic() -> None:
    """Both passes, 2 s each, times the constant of its own and that of links or network; 1/4 hidden."""
    assert _step({"expert": 1.5}, expert=2).expert == pytest.approx(4 * 2 * 3)
    assert _step({"inner": 2}, expert=2, overlap_ep=0.25).expert == pytest.approx(4 * 2 * 3)
    assert _step({"inner": 2, "outer": 3}, expert=2, expert_crosses=1, network=2).expert == pytest.approx(4 * 2 * 12)


def test_what_is_computed_again() -> None:
    """Of a forward pass of 2 + 3 + 1 s: all of it in full; half of the layers half, and light parts in the rest.

    Scores that are not fused are computed again where they were not kept.
    """
    work = {"matmul_forward": 2, "attention_forward": 3, "stream_forward": 1}
    assert _step(recompute=0, **work).recompute == 0.0
    assert _step(recompute=1, **work).recompute == 0.0
    assert _step(recompute=2, **work).recompute == pytest.approx(4 * 6)
    assert _step(recompute=1.5, recompute_light=0.5, **work).recompute == pytest.approx(4 * (3 + 0.25))
    assert _step(recompute=2, recompute_share=0.75, recompute_light=1, **work).recompute == pytest.approx(4 * 4.75)
    assert _step(recompute=1, fused=0, **work).recompute == pytest.approx(4 * 3)
    assert _step(recompute=1.5, fused=0, **work).recompute == pytest.approx(4 * (3 + 1.5))
    assert _step(recompute=0, fused=0, recompute_light=1, **work).recompute == 0.0
    # with what is sent in the pass that is computed again
    assert _step(recompute=2, tensor=1, expert=2).recompute == pytest.approx(4 * 3)


def test_sharding_lengthens_a_layer() -> None:
    """Two gathers of 2 s and a scatter of 1 s last 5 s: alone they show in full, beside 5 s of work 2^(1/6) - 1 of
    it. Each hinders the other: with a constant of 0.2 the work takes 1 s longer, beside which 6 s take the same share.
    """
    smooth = 2 ** (1 / constant("step.overlap_sharpness"))
    assert _step(traffic_gather=2, scatter=1).sharding == pytest.approx(4 * 5)
    assert _step(traffic_gather=2, scatter=1, stream_forward=5).sharding == pytest.approx(4 * 5 * (smooth - 1))
    found = _step({"inner": 1.2, "slowdown": 0.2}, traffic_gather=2, scatter=1, stream_forward=5)
    assert found.sharding == pytest.approx(4 * (6 * smooth - 5))
    found = _step({"outer": 3, "inner": 7}, traffic_gather=2, scatter=1, shard_crosses=1, network=2)
    assert found.sharding == pytest.approx(4 * 30)
    assert _step({"slowdown": 0.2}, stream_forward=5).sharding == 0.0


def test_what_sharding_hides_behind() -> None:
    """All of the layer: 1 s forward, 2 backward, 1 computed again, ``step.context_backward`` of context, 2·0.25 of
    experts; sharding of as long then takes 2^(1/6) - 1 of it.
    """
    busy = 1 + 2 + (1 + 0.25) + constant("step.context_backward") * 0.5 + 2 * 0.25
    found = _step(traffic_gather=busy / 2, matmul_forward=1, matmul_backward=2, recompute=2, context=0.5, expert=0.25)
    assert found.sharding == pytest.approx(4 * busy * (2 ** (1 / constant("step.overlap_sharpness")) - 1))


def test_head_and_embedding() -> None:
    """Head 2·3 s, at the peak 0.5·4, loss 2·5·1.5, gathered 2·1; embedding 2·0.5 of memory: 6 + 2 + 15 + 2 + 1 s."""
    constants = {"matmul": 2, "sustained": 0.5, "stream": 2, "loss": 1.5, "tensor": 2}
    head = {"head_matmul": 3, "head_ideal": 4, "loss": 5, "head_gather": 1, "embedding": 0.5, "throttles": 1,
            "attention_forward": 1}  # fmt: skip
    found = _step(constants, n_micro=3, **head)
    assert found.head == pytest.approx(3 * 26)
    assert found.total == pytest.approx(3 * (26 + 4))
    # launches as long as head and embedding lengthen both by 2^(1/6)
    found = _step(constants | {"launch": 2}, host_head=13, **head)
    assert found.head == pytest.approx(26 * 2 ** (1 / constant("step.overlap_sharpness")))


def test_the_optimizer_and_the_host_once_a_step() -> None:
    assert _step({"optimizer": 2, "fixed": 3}, optimizer=5, host_step=7, stream_forward=1).optimizer == 31


def test_gradients_and_weights_hide_behind_the_passes_at_the_ends() -> None:
    """3/4 of 40 s are gradients. Without overlap all shows. Behind four backward passes of 2 s 30 - 8 s show, behind
    four forward passes of 1 s 10 - 4, and the leak of what is hidden.
    """
    leak = constant("step.hidden_leak")
    work = {"matmul_forward": 1, "matmul_backward": 2, "reduce": 40, "gradient_share": 0.75}
    assert _step(**work).data == pytest.approx(40)
    assert _step(overlap_dp=1, **work).data == pytest.approx(22 + leak * 8 + 10)
    assert _step(overlap_gather=1, **work).data == pytest.approx(30 + 6 + leak * 4)
    found = _step({"overlap_dp": 0.5}, overlap_dp=0.5, overlap_gather=0.25, **work)
    assert found.data == pytest.approx((30 - 2 + leak * 2) + (10 - 0.5 + leak * 0.5))
    # what is computed again lengthens the backward pass, a pipeline of two halves both
    found = _step(overlap_dp=1, overlap_gather=1, recompute=2, pp=2, **work)
    assert found.data == pytest.approx((30 - 6 + leak * 6) + (10 - 2 + leak * 2))
    assert _step({"inner": 2}, **work).data == pytest.approx(80)
    assert _step({"inner": 2, "outer": 3}, reduce_crosses=1, network=2, **work).data == pytest.approx(240)
    dual = SCHEDULE_NAMES.index("dualpipe")
    assert _step(pp=2, n_micro=4, schedule=dual, **work).data == pytest.approx(80)  # two copies of all


def test_sends_between_stages() -> None:
    """Two stages: 2·(8 + 2) sends of 0.5 s; with two chunks 2·(16 + 2); a quarter of them exposed, on a slow network
    three times as long.
    """
    sizes = {"send": 0.5, "n_micro": 8, "pp": 2, "stream_forward": 1}
    assert _step(**sizes).sends == pytest.approx(10)
    assert _step(vpp=2, **sizes).sends == pytest.approx(18)
    assert _step({"send_exposed": 0.25, "outer": 1.5}, network=2, **sizes).sends == pytest.approx(10 * 0.75)
    assert _step(send=0.5, n_micro=8, stream_forward=1).sends == 0.0


def test_the_bubble_of_equal_stages() -> None:
    """Four stages of one layer of 1 + 1 + 1 s wait 3·3 s; a zero bubble 3·(1 + 1 - 1) s."""
    layer = {"matmul_forward": 1, "matmul_backward": 1, "matmul_weights": 1, "pp": 4, "n_micro": 8}
    assert _step(**layer).bubble == pytest.approx(9)
    assert _step(**layer).total == pytest.approx(8 * 3 + 9)
    assert _step(schedule=SCHEDULE_NAMES.index("zb-1p"), **layer).bubble == pytest.approx(3)
    assert _step(vpp=1, layers=8, **layer).bubble == pytest.approx(18)
    assert _step(vpp=2, layers=8, **layer).bubble == pytest.approx(9)
    # of which gradients of weights are what the matrix products of weights take, at the peak included
    hot = _step({"sustained": 1.2}, schedule=1, layer_ideal=0.5, throttles=1, **layer)
    assert hot.bubble == pytest.approx(3 * (1.5 + 1.5 - 1.5), rel=1e-9)


def test_ranks_wait_for_the_slowest_stage() -> None:
    """Two stages of two layers of 1 s and a head of 1 s: the slowest takes 3 s, the mean is 2.5 s. Eight micro-batches
    take 8·3 and a bubble of 5 - 3 s; ranks wait 8·0.5 + 2 s.
    """
    found = _step(stream_forward=1, head_matmul=1, pp=2, n_micro=8)
    assert found.bubble == pytest.approx(8 * 0.5 + 2)
    assert found.total == pytest.approx(8 * 3 + 2)
    # five layers on two stages: three and, with the head, two
    found = _step(stream_forward=1, head_matmul=0.5, layers=5, pp=2, n_micro=8)
    assert found.total == pytest.approx(8 * 3 + 2.5)
    # the embedding is on the first: 3.75 s there, 2.5 on the last
    found = _step(stream_forward=1, head_matmul=0.5, embedding=0.75, layers=5, pp=2, n_micro=8)
    assert found.total == pytest.approx(8 * 3.75 + 2.5)
    # two stages of DualPipe do both ends in turn: the mean of 3 + 0.5 and 3 + 1 s
    dual = SCHEDULE_NAMES.index("dualpipe")
    found = _step(stream_forward=1, head_matmul=1, embedding=0.5, layers=6, pp=2, n_micro=8, schedule=dual)
    least = constant("step.least_idle") * (7.5 / 2)
    assert found.total == pytest.approx(8 * 3.75 + least)


def test_the_last_stage_holds_the_fewest_layers() -> None:
    """Layers of 1 s and a head of 4 s on four stages; what one more micro-batch takes is the slowest stage, the last.

    Eleven layers in threes leave two, twelve three. Nine would leave none: others spare some, down to one less than
    theirs. In two chunks seven layers leave one; in four chunks nine are fours, the last has its share of 2.25.
    """

    def last(layers: int, vpp: int = 1) -> float:
        one, two = (_step(stream_forward=1, head_matmul=4, layers=layers, pp=4, vpp=vpp, n_micro=n) for n in (1, 2))
        return float(two.total - one.total) - 4

    assert [last(n) for n in (9, 11, 12)] == pytest.approx([2, 2, 3])
    assert [last(7, 2), last(9, 4)] == pytest.approx([1, 2.25])


def test_stragglers_for_each_doubling_beyond_a_server() -> None:
    """32 chips are two doublings beyond eight: 2·0.01 of the 10 s that the step takes otherwise; fewer on chips that
    do not throttle (``step.straggle_unthrottled``), none on eight.
    """
    sizes = {"host_step": 6, "throttles": 1, "stream_forward": 1}
    assert _step({"straggle": 0.01}, chips=32, **sizes).stragglers == pytest.approx(0.2)
    assert _step({"straggle": 0.01}, chips=8, **sizes).stragglers == 0.0
    assert _step({"straggle": 0.01}, chips=2, **sizes).stragglers == 0.0
    cool = _step({"straggle": 0.01}, chips=32, host_step=6, stream_forward=1).stragglers
    assert cool == pytest.approx(constant("step.straggle_unthrottled") * 0.2)
    # of all that is waited for: work, bubble, sends, gradients, optimizer
    every = _step({"straggle": 0.01}, chips=16, throttles=1, stream_forward=1, pp=2, n_micro=8, send=0.5, reduce=3,
                  optimizer=5)  # fmt: skip
    assert every.stragglers == pytest.approx(0.01 * (8 * 2 + 2 + 10 + 3 + 5))
    assert every.total == pytest.approx(1.01 * 36)


def test_the_time_of_a_rank_on_a_micro_batch() -> None:
    """A layer of 1 s forward, 2 backward for inputs and 1 for weights; four layers and a head of 4 s on two ranks are
    20 / 2 s on average, split 1 : 2 : 1. What is computed again belongs to the backward pass.
    """
    layer = {"matmul_forward": 1, "matmul_backward": 2, "matmul_weights": 1, "head_matmul": 4, "pp": 2}
    found = stage_times(_parts(**layer), Constants(**PLAIN))
    assert [float(x) for x in found] == pytest.approx([2.5, 5.0, 2.5])
    again = stage_times(_parts(recompute=2, **layer), Constants(**PLAIN))
    assert [float(x) for x in again] == pytest.approx([2.4, 7.2, 2.4])


def test_exchanges_belong_to_the_pass_that_makes_them() -> None:
    """1 s forward, 2 for inputs, 1 for weights; experts 0.5 s in each pass; keys and values 2 s forward, of
    ``step.context_backward`` times as much in both; of two gathers and a scatter, which all show, one gather forward.
    """
    layer = {"matmul_forward": 1, "matmul_backward": 2, "matmul_weights": 1, "layers": 1}
    experts = stage_times(_parts(expert=0.5, **layer), Constants(**PLAIN))
    assert [float(x) for x in experts] == pytest.approx([1.5, 2.5, 1.0])
    both = constant("step.context_backward")
    context = stage_times(_parts(context=2, **layer), Constants(**PLAIN))
    assert [float(x) for x in context] == pytest.approx([3.0, 2.0 + 2.0 * (both - 1), 1.0])
    sharded = stage_times(_parts(traffic_gather=1e6, scatter=1e6, **layer), Constants(**PLAIN))
    assert [float(x) for x in sharded] == pytest.approx([1e6, 2e6, 1.0], rel=1e-5)


def test_steps_of_many_layouts_at_once() -> None:
    """Arrays are each by itself: 8·4 s on one rank, 8·2 s and a bubble of 2 s on two."""
    found = _step(stream_forward=1, pp=np.array([1, 2]), n_micro=8)
    assert found.total.tolist() == pytest.approx([32, 18])
    assert found.bubble.tolist() == pytest.approx([0, 2])


# ---- parts


def _of(s: Any = DENSE, software: Any = FRAMEWORK, machine: Any = CHIP, weights: float = 1.0, **sizes: Any) -> Parts:
    return parts(machine, FABRIC, software, "bf16", s, Layouts.of(**sizes), 1024.0, weights)


def test_layers_of_both_kinds_are_blended() -> None:
    """A layer of four is dense. 1.207959552 ms of products in it, 0.9059... in the others, as in ``test_step_layer``.

    The others have no shared expert here: 0.905969664 - 0.100663296 = 0.805306368 ms.
    """
    mixed = DENSE.of(**{**vars(SPARSE), "ffn": 512.0, "n_dense_layers": 1.0, "shared_ffn": 0.0})
    assert _of(mixed).layer.matmul_forward == pytest.approx(0.25 * 1.207959552e-3 + 0.75 * 0.805306368e-3)
    assert _of().layer.matmul_forward == pytest.approx(1.207959552e-3)


def test_the_host_launches() -> None:
    """1 ms a dense layer, 3 ms a layer of experts, ``step.head_launches`` of a layer for the head, 20 ms a step."""
    head = constant("step.head_launches")
    host = _of().host
    assert (host.layer, host.expert_layer, host.head, host.step) == pytest.approx((1e-3, 0, head * 1e-3, 0.02))
    mixed = DENSE.of(**{**vars(SPARSE), "ffn": 512.0, "n_dense_layers": 1.0})
    host = _of(mixed).host
    assert (host.layer, host.expert_layer) == pytest.approx((0.25e-3, 2.25e-3))
    # a host that was timed at twice the usual time of a launch
    slow = CHIP.model_copy(update={"launch_s": 2 * plan_number("launch.kernel_s").p50})
    host = _of(mixed, machine=slow).host
    assert (host.layer, host.expert_layer, host.head) == pytest.approx((0.5e-3, 4.5e-3, 2 * head * 1e-3))


def test_the_optimizer_moves_34_bytes_a_parameter() -> None:
    """Gradient 4, master weight and two moments both ways 24, weight 2, gradient to zero 4; 2,883,584 parameters."""
    assert _of(zero=0, dp=8).update.optimizer == pytest.approx(34 * 2_883_584 / 1e12)
    assert _of(zero=1, dp=8).update.optimizer == pytest.approx(34 * 2_883_584 / 8 / 1e12)
    assert _of(zero=1, dp=8, shard=4).update.optimizer == pytest.approx(34 * 2_883_584 / 4 / 1e12)
    assert _of(weights=0.0).update.optimizer == 0.0


def test_the_share_of_gradients_in_the_exchange() -> None:
    """4 of 4 + 2 bytes; all where weights are gathered layer by layer."""
    assert _of(dp=8).update.gradient_share == pytest.approx(2 / 3)
    assert _of(dp=8, zero=3).update.gradient_share == 1.0
    assert _of(dp=8, zero=3, pp=2).update.gradient_share == pytest.approx(2 / 3)


def test_traits_of_the_framework_and_of_the_layout() -> None:
    soft = FRAMEWORK.model_copy(
        update={"network_share": 0.5, "overlap_tp": 0.3, "overlap_ep": 0.2, "recompute_share": 0.8,
                "recompute_light": True}
    )  # fmt: skip
    t = _of(software=soft).traits
    assert (t.network, t.fused, t.recompute_share, t.recompute_light) == (2.0, 1.0, 0.8, 1.0)
    assert (t.overlap_tp, t.overlap_dp, t.overlap_gather, t.overlap_ep) == (0.3, 0.9, 0.7, 0.2)
    assert t.throttles == 0.0  # a chip that was timed itself
    assert _of(machine=chip("H100-SXM")).traits.throttles == 1.0
    t = _of(software=soft, overlap_tp=0.0, overlap_dp=0.4).traits
    assert (t.overlap_tp, t.overlap_dp, t.overlap_gather) == (0.0, 0.4, 0.4)


def test_sizes_of_model_and_layout() -> None:
    z = _of(tp=2, pp=2, dp=3, cp=4, vpp=2, n_micro=8, recompute=1.5, schedule=1, weights=0.0).sizes
    assert (z.layers, z.chips, z.tp, z.pp, z.vpp, z.n_micro) == (4, 48, 2, 2, 2, 8)
    assert (z.recompute, z.regather, z.schedule, z.trained) == (1.5, 1, 1, 0)
    assert _of(tp=2, sequence_parallel=0).sizes.regather == 0
    assert _of(tp=2, regather=0).sizes.regather == 0


def test_parts_one_after_the_other_spread_and_taken() -> None:
    """Layouts of one and two tensor ranks: 1.2 and 0.6 ms of products a layer."""
    one, two = (_of(tp=t).spread((1,)) for t in (1, 2))
    both = Parts.join([one, two])
    assert both.layer.matmul_forward == pytest.approx([1.207959552e-3, 0.603979776e-3])
    assert both.sizes.layers.tolist() == [4, 4]
    assert both.take(1).layer.matmul_forward == pytest.approx(0.603979776e-3)
    assert both.take(np.array([1, 1])).sizes.tp.tolist() == [2, 2]
    assert one.spread((3, 1)).head.loss.shape == (3, 1)
    assert mapped(both, lambda x: 2 * x).sizes.tp.tolist() == [2, 4]
