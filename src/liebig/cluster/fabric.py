"""The network between chips: scale-up domains, the fabric between them, and links between sites."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from liebig.catalog import constant
from liebig.cluster.chip import Chip

__all__ = ["Fabric", "fabric_of"]

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
    inner_latency_s: Rate = Field(default_factory=partial(constant, "fabric.inner_latency_s"))
    outer_bandwidth: Rate = 0.0
    outer_kind: Topology = "rail"
    outer_latency_s: Rate = Field(default_factory=partial(constant, "fabric.outer_latency_s"))
    #: share of the bandwidth that is left where the tree is oversubscribed, above ``taper_above`` chips
    taper: Annotated[float, Field(gt=0, le=1)] = 1.0
    taper_above: Annotated[int, Field(ge=1)] = 1
    #: seconds before a collective moves anything, where curves are not measured
    start_latency_s: Rate = Field(default_factory=partial(constant, "fabric.start_s"))

    def outer_at(self, chips: ArrayLike) -> NDArray[np.float64]:
        """Bandwidth per chip between domains for groups that span the given numbers of chips, those between included.

        A rail-optimised fat tree keeps its bandwidth; a dragonfly keeps ``fabric.dragonfly_share`` of it once
        groups of ``fabric.group_domains`` are left; an oversubscribed tree keeps the share ``taper``.
        """
        span = np.asarray(chips, dtype=np.float64)
        share = np.where(span > self.taper_above, self.taper, 1.0)
        if self.outer_kind == "dragonfly":
            left = span > constant("fabric.group_domains") * self.domain
            share = share * np.where(left, constant("fabric.dragonfly_share"), 1.0)
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
        "outer_bandwidth": chip.scale_out_bandwidth or constant("fabric.network_bytes_per_s"),
    }
    if outer_bandwidth is not None:
        values["outer_bandwidth"] = outer_bandwidth
    values.update(changes)
    return Fabric.model_validate(values)
