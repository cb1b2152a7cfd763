"""Epoch AI's forecast of August 2024 computed again, beside what was published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog, load_catalog
from liebig.forecast.inputs import make_input
from liebig.forecast.simulate import sample_state
from liebig.forecast.world import build_world
from liebig.limits import ceilings, chips, data, latency, power
from liebig.limits.common import flop_per_h100e
from liebig.uncertainty import Interval

__all__ = ["Reproduced", "computed_quantities", "reproduce"]

Array = NDArray[np.float64]
_YEAR = np.array([2030.0])


@dataclass(frozen=True)
class Reproduced:
    """A published quantity of 2030: the interval computed here, and the published one.

    ``reference`` is an independent re-implementation with 200,000 samples, ``published`` what the article states;
    None where it states nothing.
    """

    id: str
    name: str
    unit: str
    here: Interval
    reference: tuple[float | None, float | None, float | None]
    published: tuple[float | None, float | None, float | None]

    @property
    def worst(self) -> float:
        """Largest factor between a quantile here and in the reference."""
        pairs = [(a, b) for a, b in zip(self.here, self.reference, strict=True) if b]
        return max(max(a / b, b / a) for a, b in pairs)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        columns = {"here": self.here, "reference": self.reference, "published": self.published}
        cells = {f"{n}_{p}": v for n, vs in columns.items() for p, v in zip(Interval._fields, vs, strict=True)}
        return {"id": self.id, "name": self.name, "unit": self.unit, **cells, "worst_factor": self.worst}


def computed_quantities(samples: int = 65536, seed: int = 7, catalog: Catalog | None = None) -> dict[str, Array]:
    """The quantities of the article in 2030 with the set epoch-2024: name -> ``(samples,)``."""
    catalog = load_catalog() if catalog is None else catalog
    world = build_world(make_input(facts="epoch-2024", samples=samples, seed=seed), catalog)
    s, _ = sample_state(world, samples, seed)
    structure = world.structure
    flop_per_w = flop_per_h100e(s, _YEAR) / power.facility_w_per_h100e(s, _YEAR)
    network_w = s.at("run.share", _YEAR) * power.ai_power_w(s, _YEAR, structure)
    found = ceilings(s, _YEAR, structure)
    out = {
        "campus": power.campus_w(s, _YEAR) * flop_per_w,
        "network-power": network_w,
        "network": network_w * flop_per_w,
        "bandwidth": power.bandwidth_ceiling(s, _YEAR),
        "power": found["power"],
        "run-chips": chips.stock_h100e(s, _YEAR, structure) * s.at("run.share", _YEAR),
        "chips": found["chips"],
        "tokens": data.effective_tokens(s, _YEAR, structure),
        "data": found["data"],
        "latency-literal": latency.ceiling(s, _YEAR, replace(structure, latency="literal")),
        "latency": found["latency"],
        "minimum": np.minimum.reduce([np.broadcast_to(v, (1, samples)) for v in found.values()]),
    }
    return {name: np.broadcast_to(values, (1, samples))[0] for name, values in out.items()}


def reproduce(samples: int = 65536, catalog: Catalog | None = None) -> tuple[Reproduced, ...]:
    """Every row of Epoch 2024 beside its published values.

    >>> all(row.worst < 1.3 for row in reproduce(samples=8192))
    True
    """
    catalog = load_catalog() if catalog is None else catalog
    published = catalog.published()
    out = []
    for name, values in computed_quantities(samples, catalog=catalog).items():
        ours, theirs = published[f"epoch-2024.{name}"], published[f"epoch-2024.published-{name}"]
        out.append(
            Reproduced(
                name,
                ours.name.removesuffix(", re-implementation"),
                ours.unit,
                Interval.of(values),
                (ours.low, ours.mid, ours.high),
                (theirs.low, theirs.mid, theirs.high),
            )
        )
    return tuple(out)
