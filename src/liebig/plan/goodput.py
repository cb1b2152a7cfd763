"""The share of wall time that trains: failures, checkpoints and restarts (Young 1974, Daly 2006)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from liebig.catalog import plan_number
from liebig.uncertainty import Interval

__all__ = ["Goodput", "goodput"]

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Goodput:
    """Share of wall time that trains, and what it was computed from."""

    p10: float
    p50: float
    p90: float
    mtti_s: float
    checkpoint_s: float
    interval_s: float

    @property
    def share(self) -> Interval:
        """The share of wall time that trains."""
        return Interval(self.p10, self.p50, self.p90)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.share.to_dict(), "mean_time_to_interruption_s": self.mtti_s,
            "checkpoint_s": self.checkpoint_s, "checkpoint_every_s": self.interval_s,
        }  # fmt: skip


def _share(mtti: float, checkpoint: float, restart: float) -> tuple[float, float]:
    if not math.isfinite(mtti):
        return 1.0, math.inf
    every = math.sqrt(2.0 * checkpoint * mtti)
    return 1.0 / (1.0 + checkpoint / every + (every / 2.0 + restart) / mtti), every


def goodput(chips: int, n_parameters: float, failures_per_chip_day: float | None = None) -> Goodput:
    """Goodput of a run with checkpoints as often as is best.

    ``1 / (1 + δ/τ + (τ/2 + R)/M)`` with ``τ = sqrt(2 δ M)``: δ the time of a checkpoint, M the mean
    time to an interruption of the whole cluster, R the time to restart; times one less the share of wall time
    that goes to neither training nor interruptions.

    Args:
        chips: failures grow with them.
        n_parameters: size of the checkpoint.
        failures_per_chip_day: default as in Llama 3.

    >>> g = goodput(16_384, 405e9)
    >>> 0.85 < g.p50 < 0.97
    True
    """
    rate = plan_number("goodput.failures_per_chip_day")
    size = plan_number("goodput.checkpoint_bytes").p50 * n_parameters
    restart, other = plan_number("goodput.restart_s"), plan_number("goodput.other_share")
    speed = plan_number("goodput.checkpoint_bytes_per_s").p50
    checkpoint = max(size / (speed * chips), 1.0)

    def at(failures: float, restart_s: float, rest: float) -> tuple[float, float, float]:
        mtti = math.inf if failures == 0 else SECONDS_PER_DAY / (failures * chips)
        share, every = _share(mtti, checkpoint, restart_s)
        return share * (1.0 - rest), mtti, every

    given = failures_per_chip_day
    low, _, _ = at(rate.p90 if given is None else given, restart.p90, other.p90)
    middle, mtti, every = at(rate.p50 if given is None else given, restart.p50, other.p50)
    high, _, _ = at(rate.p10 if given is None else given, restart.p10, other.p10)
    return Goodput(low, middle, high, mtti, checkpoint, every)
