"""Fill what a published description leaves open with the layout such a run would use."""

from __future__ import annotations

from liebig.evidence.training.rows import Case
from liebig.step.layout import Layouts
from liebig.step.memory import memory
from liebig.step.pipeline import possible as runs_with

__all__ = ["complete"]

#: Share of the memory that a run which works may fill by the estimate.
FILL = 0.92
#: Bytes per second to the host's memory from which on activations are kept there and not computed again.
FAST_HOST = 150e9


def _total(case: Case, lay: Layouts) -> float:
    assert case.model is not None
    assert case.software is not None
    trained = 0.02 if case.task == "lora" else 1.0
    return float(memory(case.model.shape, lay, float(case.length), case.software, case.precision, trained).total)


def complete(case: Case) -> Layouts:
    """The layout of a case (numbers, not arrays): as stated, and the usual choice where it is open."""
    assert case.model is not None
    assert case.software is not None
    assert case.chip is not None
    tp, pp = case.tp, case.pp
    cp, ep = max(case.cp, 1), max(case.ep, 1)
    zero = case.zero if case.zero >= 0 else 1
    limit = FILL * case.chip.memory_bytes
    if not tp or not pp:
        for t, p in _candidates(case, tp, pp):
            lay = _layout(case, t, p, cp, ep, zero, case.micro_batch or 1, _recompute(case, 0))
            tp, pp = t, p
            if _total(case, lay) <= limit:
                break
    vpp = case.vpp or 1
    if not case.vpp and pp > 1 and case.software.interleaved:
        per_rank = case.model.n_layers // pp
        vpp = max((v for v in range(1, 13) if per_rank % v == 0), default=1)
    recompute = case.recompute
    micro = case.micro_batch
    if not micro:
        micro = _micro_batch(case, tp, pp, cp, ep, zero, recompute, limit)
    if not case.vpp and not runs_with(case.schedule, pp, _micro_batches(case, tp, pp, cp, micro), vpp):
        vpp = 1
    if recompute < 0:
        recompute = _least_recompute(case, tp, pp, cp, ep, zero, micro, vpp, limit)
    return _layout(case, tp, pp, cp, ep, zero, micro, recompute, vpp)


def _least_recompute(
    case: Case, tp: int, pp: int, cp: int, ep: int, zero: int, micro: int, vpp: int, limit: float
) -> float:
    """The smallest share of layers computed again with which the run fits."""
    assert case.software is not None
    assert case.chip is not None
    most = 2.0
    if case.software.kind == "xla":
        most = 1.6  # activations go to the host's memory before products are computed again
    if (case.chip.host_bandwidth or 0.0) > FAST_HOST:
        most = 1.0
    for attempt in (0.0, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8):
        if attempt >= most or _total(case, _layout(case, tp, pp, cp, ep, zero, micro, attempt, vpp)) <= limit:
            return min(attempt, most)
    return most


def _recompute(case: Case, default: float) -> float:
    return case.recompute if case.recompute >= 0 else default


def _candidates(case: Case, tp: int, pp: int) -> list[tuple[int, int]]:
    assert case.model is not None
    assert case.chip is not None
    assert case.software is not None
    if case.software.kind in ("fsdp", "xla"):
        return [(tp or 1, pp or 1)]
    domain = min(case.chip.chips_per_node if case.chip.scale_up_domain < 8 else 8, case.chips)
    tps = [tp] if tp else [t for t in (1, 2, 4, 8) if t <= domain and case.model.n_heads % t == 0]
    pps = [pp] if pp else [p for p in range(1, case.model.n_layers + 1) if case.model.n_layers % p == 0]
    pairs = [(t, p) for t in tps for p in pps if case.chips % (t * p) == 0]
    return sorted(pairs, key=lambda x: (x[0] * x[1], x[1])) or [(tp or 1, pp or 1)]


def _micro_batch(case: Case, tp: int, pp: int, cp: int, ep: int, zero: int, recompute: float, limit: float) -> int:
    """The largest micro-batch that fits when sharded, one when pipelined (a bubble costs more than small products)."""
    dp = max(1, case.chips // (tp * pp * cp))
    per_rank = case.batch // dp if case.batch else 64
    if pp > 1:
        return 1
    best = 1
    if case.software is not None and case.software.kind == "xla" and case.batch:
        return max(per_rank, 1)  # gradients are not accumulated unless a run says so
    for m in (2, 4, 8, 16, 32):
        if m > max(per_rank, 1) or (case.batch and per_rank % m):
            break
        if case.length * m > (32_768 if case.batch else 16_384):
            break
        worst = (
            recompute if recompute >= 0 else 2.0 if case.software is not None and case.software.kind == "xla" else 0.0
        )
        if _total(case, _layout(case, tp, pp, cp, ep, zero, m, worst)) > 0.8 * limit:
            break
        best = m
    return best


def _micro_batches(case: Case, tp: int, pp: int, cp: int, micro: int) -> float:
    """Micro-batches of a data rank; four per stage where no batch is stated."""
    if case.batch:
        return max(case.batch / (max(1.0, case.chips / (tp * pp * cp)) * micro), 1.0)
    return float(4 * pp) if pp > 1 else 1.0


def _layout(
    case: Case, tp: int, pp: int, cp: int, ep: int, zero: int, micro: int, recompute: float, vpp: int = 1
) -> Layouts:
    dp = max(1.0, case.chips / (tp * pp * cp))
    n_micro = _micro_batches(case, tp, pp, cp, micro)
    if case.batch and case.batch < dp * micro:  # fewer sequences than data ranks: each holds part of one
        micro = max(1, round(case.batch / dp))
    sp = case.sequence_parallel
    if sp < 0:
        sp = int(tp > 1 and case.year >= 2022)
    return Layouts.of(
        tp=tp, pp=pp, dp=dp, micro_batch=micro, n_micro=n_micro, vpp=vpp, cp=cp, ep=ep, zero=zero,
        shard=case.shard or dp * cp, recompute=max(recompute, 0.0), sequence_parallel=sp, schedule=case.schedule,
    )  # fmt: skip
