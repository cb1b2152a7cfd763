"""The network between chips: scale-up domains, the fabric between them, and links between sites."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from liebig.cluster.chip import Chip

__all__ = ["Fabric", "fabric_of"]

#: Bytes per second and chip where neither the chip nor the user tells: 200 Gb/s for a server of eight.
USUAL_NETWORK = 3.125e9
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Topology = Literal["fat-tree", "rail", "torus2d", "torus3d", "dragonfly"]


class Fabric(BaseModel):
    """How chips are wired; bandwidths are per chip and direction, latencies one way.

    >>> Fabric(domain=72, node=4, inner_bandwidth=900e9, outer_bandwidth=50e9).taper
    1.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: Annotated[int, Field(ge=1)] = 8
    node: Annotated[int, Field(ge=1)] = 8
    inner_bandwidth: Rate = 0.0
    inner_kind: Literal["switch", "mesh", "torus2d", "torus3d", "pcie", "none"] = "switch"
    inner_latency_s: Rate = 2e-6
    outer_bandwidth: Rate = 0.0
    outer_kind: Topology = "rail"
    outer_latency_s: Rate = 5e-6
    #: share of the bandwidth that is left where the tree is oversubscribed, above ``taper_above`` chips
    taper: Annotated[float, Field(gt=0, le=1)] = 1.0
    taper_above: Annotated[int, Field(ge=1)] = 1
    #: seconds before a collective moves anything, where curves are not measured
    start_latency_s: Rate = 7e-6

    def outer_at(self, chips: float) -> float:
        """Bandwidth per chip between domains for a group that spans the given number of chips.

        A rail-optimised fat tree keeps its bandwidth; a dragonfly halves it once groups are left
        (traffic takes a detour, Kim 2008); an oversubscribed tree keeps the share ``taper``.
        """
        share = self.taper if chips > self.taper_above else 1.0
        if self.outer_kind == "dragonfly" and chips > 32 * self.domain:
            share *= 0.5
        return self.outer_bandwidth * share


def fabric_of(chip: Chip, outer_bandwidth: float | None = None, **changes: object) -> Fabric:
    """The usual fabric of a chip, with what the user knows better in place of it.

    >>> from liebig.cluster import chip
    >>> fabric_of(chip("GB200-NVL72")).domain
    72
    """
    values: dict[str, object] = {
        "domain": chip.scale_up_domain,
        "node": chip.chips_per_node,
        "inner_bandwidth": chip.scale_up_bandwidth,
        "inner_kind": chip.scale_up_kind,
        "outer_bandwidth": (chip.scale_out_bandwidth or USUAL_NETWORK) if outer_bandwidth is None else outer_bandwidth,
    }
    values.update(changes)
    return Fabric.model_validate(values)
