"""Derive the law of the latency wall that the forecast uses from ``liebig plan scale``.

    python tools/derive_wall.py [SAMPLES]

Walls are computed with chips, durations, batches, latencies and launch times drawn from wide ranges, and
``ln wall = c + e_T ln(days/90) + e_B ln(batch factor) + e_L ln(latency factor) + e_K ln(launch factor)`` is fitted
to them.  The rows it prints belong into ``parameters.csv``.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from scipy.stats import qmc

from liebig.plan.scale import find_walls, make_scale_input

CHIPS = ("H100-SXM", "B200-SXM", "GB200-NVL72")
NAMES = ("constant", "days", "batch", "latency", "launch")


def _wall(u: np.ndarray) -> tuple[list[float], float]:
    days = 60.0 * 6.0 ** u[0]
    batch, latency, launch = 0.5 * 16.0 ** u[1], 0.2 * 5.0 ** u[2], 0.1 * 10.0 ** u[3]
    chip = CHIPS[min(int(u[4] * len(CHIPS)), len(CHIPS) - 1)]
    given = make_scale_input(
        chip=chip, days=days, batch_tokens=4.2e6 * batch, latency_factor=latency, launch_factor=launch
    )
    (wall,) = find_walls(given, moves=())
    row = [1.0, np.log(days / 90.0), np.log(batch), np.log(latency), np.log(launch)]
    return row, float(np.log(wall.wall_flop))


def main(samples: int = 64) -> None:
    """Print the law and how well it fits."""
    points = qmc.Sobol(5, seed=1).random(samples)
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(_wall, points))
    design, walls = np.array([r for r, _ in found]), np.array([w for _, w in found])
    fitted, *_ = np.linalg.lstsq(design, walls, rcond=None)
    left = walls - design @ fitted
    for name, value in zip(NAMES, fitted, strict=True):
        print(f"{name:10s} {value:8.3f}" + (f"  ({np.exp(value):.3g} FLOP)" if name == "constant" else ""))
    print(f"residual: standard deviation {left.std():.3f} (ln), largest {np.abs(left).max():.2f}")
    ends = np.exp(np.quantile(walls, (0.1, 0.5, 0.9)))
    print("p10, p50, p90 of the wall over the draws:", *(f"{q:.2g}" for q in ends))


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
