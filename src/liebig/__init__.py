"""liebig: what limits AI, and what lifts the limit.

Named after Liebig's law of the minimum: growth is set by the scarcest resource.

>>> import liebig
>>> result = liebig.forecast(samples=256, until=2030)
>>> result.minimum.shape
(6, 5)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liebig import (
        access,
        catalog,
        cluster,
        errors,
        evidence,
        forecast,
        levers,
        limits,
        plan,
        quantities,
        route,
        site,
        step,
        transformer,
        uncertainty,
    )

__all__ = [
    "__version__",
    "access",
    "catalog",
    "cluster",
    "errors",
    "evidence",
    "forecast",
    "levers",
    "limits",
    "plan",
    "quantities",
    "route",
    "site",
    "step",
    "transformer",
    "uncertainty",
]

__version__ = "0.1.0"
_LAZY = frozenset(__all__) - {"__version__"}


def __getattr__(name: str) -> Any:
    # imported on first use, so that `import liebig` and `liebig --help` stay fast
    if name in _LAZY:
        return importlib.import_module(f"liebig.{name}")
    raise AttributeError(f"module 'liebig' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
