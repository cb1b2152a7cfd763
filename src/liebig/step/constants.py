"""What calibration decides: a few factors of the mechanisms, fitted to published measurements."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Constants"]


@dataclass(frozen=True)
class Constants:
    """Multipliers of times (1 leaves the uncalibrated mechanism as it is) and shares."""

    matmul: float = 1.0
    sustained: float = 0.15
    attention: float = 1.1
    attention_backward: float = 1.1
    stream: float = 1.2
    launch: float = 1.0
    launch_moe: float = 1.0
    launch_group: float = 0.08
    launch_backward: float = 2.0
    loss: float = 0.7
    scores: float = 1.2
    tensor: float = 1.1
    inner: float = 1.1
    overlap_tp: float = 0.8
    expert: float = 1.3
    outer: float = 1.1
    slowdown: float = 0.1
    overlap_dp: float = 0.8
    send_exposed: float = 0.5
    optimizer: float = 1.2
    fixed: float = 1.0
    straggle: float = 0.005
