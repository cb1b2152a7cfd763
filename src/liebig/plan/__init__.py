"""Plans: what a training run takes, how to lay it out, and how good such predictions are."""

from liebig.plan.calibrate import Calibration, fit, load_calibration
from liebig.plan.cases import Case, read_cases, read_rows
from liebig.plan.memory_check import score_memory
from liebig.plan.published import builtin_calibration, builtin_cases
from liebig.plan.score import score_rows
from liebig.plan.train import TrainingPlan, plan_training, search_training
from liebig.plan.validate import Validation, validate_training

__all__ = [
    "Calibration",
    "Case",
    "TrainingPlan",
    "Validation",
    "builtin_calibration",
    "builtin_cases",
    "fit",
    "load_calibration",
    "plan_training",
    "read_cases",
    "read_rows",
    "score_memory",
    "score_rows",
    "search_training",
    "validate_training",
]
