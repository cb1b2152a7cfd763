"""Answers of the page, each by the function that the command line calls."""

from liebig.web.answers.gateway import router
from liebig.web.answers.places import access, inequality
from liebig.web.answers.remedies import levers, package, parameters, rank, rebound
from liebig.web.answers.runs import plan
from liebig.web.answers.scenarios import forecast, scenario_toml
from liebig.web.answers.tables import catalogue, facts, version
from liebig.web.requests import ScenarioRequest

__all__ = [
    "access",
    "catalogue",
    "facts",
    "forecast",
    "inequality",
    "levers",
    "package",
    "parameters",
    "plan",
    "rank",
    "rebound",
    "router",
    "scenario_toml",
    "version",
    "warm",
]


def warm() -> None:
    """Load what the first questions need, so that they are answered as quickly as later ones."""
    forecast(ScenarioRequest(samples=256))
    version()
    parameters()
