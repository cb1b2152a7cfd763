"""Play the order of a pipeline schedule: when each rank works on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from liebig.step.pipeline import SCHEDULES, Block, Kind, Task

__all__ = ["Span", "StageTimes", "play", "schedule_spans"]

#: What must be done: kind, micro-batch, stage.
Done = tuple[Kind, int, int]


@dataclass(frozen=True)
class StageTimes:
    """Seconds of a rank on one micro-batch, all its chunks: forward, gradients of inputs, gradients of weights."""

    forward_s: float
    backward_s: float
    weights_s: float

    def of(self, kind: Kind) -> float:
        """Seconds of one kind of work.

        >>> StageTimes(1.0, 1.2, 0.8).of("weights")
        0.8
        """
        return {"forward": self.forward_s, "backward": self.backward_s, "weights": self.weights_s}[kind]


@dataclass(frozen=True)
class Span:
    """One piece of work of one rank of the pipeline, seconds from the start of the step."""

    stage: int
    kind: str
    micro_batch: int
    chunk: int
    start_s: float
    end_s: float


def _needs(block: Block, stages: int) -> list[Done]:
    """What others must have done, or the rank itself before."""
    own = {(t.kind, t.micro_batch, t.stage) for t in block}
    out: list[Done] = []
    for t in block:
        if t.kind == "forward" and t.stage > 0:
            out.append(("forward", t.micro_batch, t.stage - 1))
        if t.kind == "backward":
            out.append(("forward", t.micro_batch, t.stage))
            if t.stage < stages - 1:
                out.append(("backward", t.micro_batch, t.stage + 1))
        if t.kind == "weights":
            out.append(("backward", t.micro_batch, t.stage))
    return [d for d in out if d not in own]


def play(
    orders: Sequence[Sequence[Block]], stages: int, seconds: Sequence[Mapping[Kind, float]]
) -> list[list[tuple[Task, float, float]]]:
    """Start and end of every task when each rank works through its blocks as soon as it can.

    Args:
        orders: for each rank its blocks.
        stages: that a micro-batch passes through.
        seconds: for each rank the time of one task of each kind.

    Raises:
        ValueError: ranks wait for each other for ever.
    """
    done: dict[Done, float] = {}
    place, free = [0] * len(orders), [0.0] * len(orders)
    out: list[list[tuple[Task, float, float]]] = [[] for _ in orders]
    left = sum(len(o) for o in orders)
    while left:
        before = left
        for rank, order in enumerate(orders):
            while place[rank] < len(order):
                block = order[place[rank]]
                needs = _needs(block, stages)
                if any(n not in done for n in needs):
                    break
                at = max([free[rank], *(done[n] for n in needs)])
                for task in block:
                    out[rank].append((task, at, at + seconds[rank][task.kind]))
                    at = out[rank][-1][2]
                done.update({(t.kind, t.micro_batch, t.stage): at for t in block})
                free[rank] = at
                place[rank] += 1
                left -= 1
        if left == before:
            raise ValueError("the order of this schedule never ends: ranks wait for each other")
    return out


def schedule_spans(
    schedule: int, ranks: int, micro_batches: int, chunks: int, times: Sequence[StageTimes]
) -> list[Span]:
    """When each rank works on which micro-batch.

    Args:
        schedule: place in ``SCHEDULES``.
        ranks, micro_batches, chunks: sizes that the schedule allows.
        times: of each rank, or one for all.

    >>> spans = schedule_spans(0, 2, 2, 1, [StageTimes(1.0, 1.0, 1.0)])
    >>> max(s.end_s for s in spans)
    9.0
    >>> sum(s.end_s - s.start_s for s in spans if s.stage == 0)
    6.0
    """
    row = SCHEDULES[schedule]
    orders = row.order(ranks, micro_batches, chunks)
    each = [times[r if len(times) > 1 else 0] for r in range(ranks)]
    kinds: tuple[Kind, ...] = ("forward", "backward", "weights")
    played = play(orders, ranks * chunks, [{k: t.of(k) / chunks for k in kinds} for t in each])
    out: list[Span] = []
    for rank, tasks in enumerate(played):
        for task, start, end in tasks:
            last = out[-1] if out else None
            if task.kind == "weights" and not row.splits_backward and last is not None:
                out[-1] = Span(rank, "backward", task.micro_batch, task.stage // ranks, last.start_s, end)
            else:
                out.append(Span(rank, task.kind, task.micro_batch, task.stage // ranks, start, end))
    return out
