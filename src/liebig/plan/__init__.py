"""Plans: what a training run takes, how to lay it out, and how far it scales."""

from liebig.plan.budget import Budget, BudgetInput, find_budget
from liebig.plan.headroom import Headroom, headroom_of
from liebig.plan.inputs import TrainingInput, read_plan
from liebig.plan.result import TrainingPlan
from liebig.plan.scale import Scale, ScaleInput, find_scale, find_walls
from liebig.plan.sweep import Sweep, find_sweep, tasks_of
from liebig.plan.timeline import timeline_chart
from liebig.plan.train import SearchResult, plan_training, search_training

__all__ = [
    "Budget",
    "BudgetInput",
    "Headroom",
    "Scale",
    "ScaleInput",
    "SearchResult",
    "Sweep",
    "TrainingInput",
    "TrainingPlan",
    "find_budget",
    "find_scale",
    "find_sweep",
    "find_walls",
    "headroom_of",
    "plan_training",
    "read_plan",
    "search_training",
    "tasks_of",
    "timeline_chart",
]
