"""Answers about a scenario: its forecast, and the scenario as a file."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from liebig.files import toml_text
from liebig.web.answers.asked import Asked, asked
from liebig.web.requests import ScenarioRequest
from liebig.web.responses import ForecastAnswer

if TYPE_CHECKING:
    from liebig.forecast import Forecast

__all__ = ["forecast", "scenario_toml"]


@functools.lru_cache(maxsize=32)
def _forecast(question: Asked[ScenarioRequest]) -> tuple[Forecast, ForecastAnswer]:
    """A forecast of all years, whatever year is looked at."""
    from liebig.forecast.simulate import run_forecast

    found = run_forecast(question.request.inputs())
    answer = found.to_dict() | {"inputs": found.inputs}
    answer.pop("parameters")  # the page has them already
    return found, ForecastAnswer.model_validate(answer)


def forecast(body: ScenarioRequest) -> ForecastAnswer:
    """The forecast of a scenario, its summary for the year that is looked at."""
    found, answer = _forecast(asked(body, exclude={"year"}))
    return answer.model_copy(update={"summary": found.summary(body.year)})


def scenario_toml(body: ScenarioRequest) -> str:
    """The scenario as a file that ``liebig forecast FILE`` reads.

    >>> print(scenario_toml(ScenarioRequest(pin={"run.duration_s": "200 d"}, levers=["fp4-training@2027"])))
    facts = "2026"
    levers = ["fp4-training@2027"]
    <BLANKLINE>
    [pin]
    "run.duration_s" = "200 d"
    <BLANKLINE>
    """
    lines = [f"title = {toml_text(body.title)}"] if body.title else []
    lines += [f"facts = {toml_text(body.facts)}"]
    lines += [f"{n} = {toml_text(v)}" for n, v in (("levers", body.levers), ("switches", body.switches)) if v]
    if body.seed:
        lines.append(f"seed = {body.seed}")
    for name in ("set", "pin", "add"):
        table: dict[str, Any] = getattr(body, name)
        if table:
            lines += ["", f"[{name}]", *(f"{toml_text(k)} = {toml_text(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"
