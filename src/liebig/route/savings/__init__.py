"""What routing saved: the rows of a ledger against the strongest model alone, and the measured lever."""

from liebig.route.savings.drift import Drift, drift_of
from liebig.route.savings.lever import as_lever
from liebig.route.savings.report import Saving, Savings, Tally, report
from liebig.route.savings.tally import read_tally, savings_of

__all__ = [
    "Drift",
    "Saving",
    "Savings",
    "Tally",
    "as_lever",
    "drift_of",
    "read_tally",
    "report",
    "savings_of",
]
