"""Plans: what a training run takes, how to lay it out, how far it scales, and how good such predictions are."""

from liebig.plan.budget import Budget, BudgetInput, find_budget
from liebig.plan.calibrate import Calibration, fit, load_calibration
from liebig.plan.cases import Case, read_cases, read_rows
from liebig.plan.headroom import Headroom, headroom_of
from liebig.plan.inputs import TrainingInput, read_plan
from liebig.plan.memory_check import score_memory
from liebig.plan.published import builtin_calibration, builtin_cases, builtin_rows
from liebig.plan.runs import score_runs, validate_runs
from liebig.plan.scale import Scale, ScaleInput, find_scale, find_walls
from liebig.plan.score import score_rows
from liebig.plan.sweep import Sweep, find_sweep, tasks_of
from liebig.plan.timeline import timeline_chart
from liebig.plan.train import SearchResult, TrainingPlan, plan_training, search_training
from liebig.plan.validate import Validation, validate_training

__all__ = [
    "Budget",
    "BudgetInput",
    "Calibration",
    "Case",
    "Headroom",
    "Scale",
    "ScaleInput",
    "SearchResult",
    "Sweep",
    "TrainingInput",
    "TrainingPlan",
    "Validation",
    "builtin_calibration",
    "builtin_cases",
    "builtin_rows",
    "find_budget",
    "find_scale",
    "find_sweep",
    "find_walls",
    "fit",
    "headroom_of",
    "load_calibration",
    "plan_training",
    "read_cases",
    "read_plan",
    "read_rows",
    "score_memory",
    "score_rows",
    "score_runs",
    "search_training",
    "tasks_of",
    "timeline_chart",
    "validate_runs",
    "validate_training",
]
