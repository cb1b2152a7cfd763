"""Topics of recorded answers: each a file, and the function that computes it."""

from __future__ import annotations

from golden import access, facts, forecasts, ledger, plans, routing, steps, validation
from golden.parts import Topic

__all__ = ["TOPICS"]

TOPICS: dict[str, Topic] = {
    "forecast": Topic(forecasts.forecasts),
    "levers": Topic(forecasts.questions),
    "evidence": Topic(forecasts.evidence),
    "steps": Topic(steps.steps),
    "memory": Topic(steps.memories),
    "plans": Topic(plans.runs),
    "search": Topic(plans.searches),
    "budgets": Topic(plans.budgets),
    "scale": Topic(plans.scales, slow=True),
    "access": Topic(access.access),
    "routing": Topic(routing.routing),
    "learned": Topic(routing.learned, slow=True),
    "ledger": Topic(ledger.ledger),
    "facts": Topic(facts.facts),
    "machines": Topic(facts.machines),
    "fits": Topic(validation.memory_verdicts),
    "validation": Topic(validation.validation, slow=True),
}
