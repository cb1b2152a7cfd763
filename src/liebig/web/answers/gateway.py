"""The answer about a gateway's savings."""

from __future__ import annotations

import time
from pathlib import Path

from liebig.web.responses import RouterAnswer

__all__ = ["router"]


async def router(gateway: Path | None, days: int) -> RouterAnswer:
    """What a gateway saved in the last days; no report where none is set up."""
    if gateway is None:
        return RouterAnswer(report=None)
    from liebig.route.savings.tally import savings_of

    found = await savings_of(gateway, "day", since=time.time() - 86_400.0 * days)
    return RouterAnswer.model_validate({"report": found.to_dict()})
