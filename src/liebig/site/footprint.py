"""Energy, greenhouse gases and water of machines that run for a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from liebig.site.place import Site

__all__ = ["Footprint", "footprint"]

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Footprint:
    """``energy_j`` of the machines, ``site_energy_j`` with cooling and conversion; grams and litres for the latter."""

    energy_j: float
    site_energy_j: float
    operational_gco2e: float
    embodied_gco2e: float
    water_site_l: float
    water_generation_l: float

    @property
    def gco2e(self) -> float:
        """Grams from electricity and, in part, from making the machines."""
        return self.operational_gco2e + self.embodied_gco2e

    @property
    def water_l(self) -> float:
        """Litres on site and where the electricity is made."""
        return self.water_site_l + self.water_generation_l

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "gco2e": self.gco2e, "water_l": self.water_l}


def footprint(energy_j: float, place: Site, embodied_gco2e: float = 0.0) -> Footprint:
    """What the energy of machines amounts to at a site.

    ``PUE`` multiplies the energy of the machines; the site's water goes with the energy of the machines
    (that is how WUE is defined), carbon and water of generation with all electricity.

    Args:
        energy_j: of the machines, joules.
        place: where they run.
        embodied_gco2e: share of making the machines that falls to this use.

    >>> f = footprint(3.6e12, Site(pue=1.1, wue_l_per_kwh=0.5, carbon_g_per_kwh=400, water_l_per_kwh=2))
    >>> round(f.operational_gco2e / 1e6), round(f.water_l / 1e3)
    (440, 2700)
    """
    kwh = energy_j / JOULES_PER_KWH
    whole = kwh * place.pue
    return Footprint(
        energy_j,
        energy_j * place.pue,
        whole * place.carbon_g_per_kwh,
        embodied_gco2e,
        kwh * place.wue_l_per_kwh,
        whole * place.water_l_per_kwh,
    )
