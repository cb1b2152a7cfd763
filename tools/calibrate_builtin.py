"""Fit the calibration that ships with liebig, with intervals from left-out sources.

python tools/calibrate_builtin.py
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from liebig.evidence.training.fit import fit
from liebig.evidence.training.published import builtin_cases
from liebig.evidence.training.validate import left_out_features, spread_of, validate_training

OUT = Path(__file__).parent.parent / "src/liebig/catalog/measured/calibration.json"


def main() -> None:
    validation = validate_training(builtin_cases())
    calibration = fit(validation.table)
    spread = spread_of(validation, left_out_features(validation))
    note = "fitted to step_time and vtrain_single; errors of left-out sources give the spread"
    replace(calibration, spread=spread.to_dict(), note=note).save(OUT)
    for name, value in validation.summary().items():
        print(f"{name}: {value:.4g}")


if __name__ == "__main__":
    main()
