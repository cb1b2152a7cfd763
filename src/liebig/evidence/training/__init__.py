"""Published training runs: reading them, fitting to them, and errors of predictions on sources left out."""

from liebig.evidence.training.fit import fit
from liebig.evidence.training.memory_verdicts import score_memory
from liebig.evidence.training.published import builtin_cases, builtin_rows
from liebig.evidence.training.rows import Case, read_cases, read_rows
from liebig.evidence.training.runs import score_runs, validate_runs
from liebig.evidence.training.score import score_rows
from liebig.evidence.training.validate import Validation, validate_training

__all__ = [
    "Case",
    "Validation",
    "builtin_cases",
    "builtin_rows",
    "fit",
    "read_cases",
    "read_rows",
    "score_memory",
    "score_rows",
    "score_runs",
    "validate_runs",
    "validate_training",
]
