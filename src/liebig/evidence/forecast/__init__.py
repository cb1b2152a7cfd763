"""Trends refitted, past forecasts scored, and published results computed again."""

from liebig.evidence.forecast.agreement import Agreement, find_agreement
from liebig.evidence.forecast.backtest import BackTest, backtest_runs
from liebig.evidence.forecast.chip_backtest import backtest_chips, check_chip_model
from liebig.evidence.forecast.reproduction import Reproduced, reproduce
from liebig.evidence.forecast.trends import Trend, fit_trends

__all__ = [
    "Agreement",
    "BackTest",
    "Reproduced",
    "Trend",
    "backtest_chips",
    "backtest_runs",
    "check_chip_model",
    "find_agreement",
    "fit_trends",
    "reproduce",
]
