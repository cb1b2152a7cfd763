"""Topics of recorded answers: each a file, and the function that computes it."""

from __future__ import annotations

from golden import forecasts, steps
from golden.parts import Topic

__all__ = ["TOPICS"]

TOPICS: dict[str, Topic] = {
    "forecast": Topic(forecasts.forecasts),
    "levers": Topic(forecasts.questions),
    "evidence": Topic(forecasts.evidence),
    "steps": Topic(steps.steps),
    "memory": Topic(steps.memories),
}
