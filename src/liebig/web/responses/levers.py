"""Answers about parameters that can be moved, and about levers."""

from __future__ import annotations

from liebig.web.responses.common import Answer, Evidence, Limit, Number, Quantiles

__all__ = [
    "Lever",
    "LeversAnswer",
    "LimitShown",
    "PackageAnswer",
    "Parameter",
    "ParameterGroup",
    "ParametersAnswer",
    "RankAnswer",
    "RankedLever",
    "ReboundAnswer",
    "ReboundLever",
    "Shown",
    "Step",
]


class Shown(Answer):
    """Quantiles as texts with units."""

    p10: str
    p50: str
    p90: str


class Parameter(Evidence):
    """An uncertain number that a slider holds; quantiles and bounds in SI units."""

    id: str
    name: str
    unit: str
    p10: float
    p50: float
    p90: float
    shown: Shown
    low: float
    """Left end of the slider."""
    high: float
    log: bool
    """The slider is logarithmic."""
    limits: list[Limit]
    as_of: str
    influence: float
    """Swing of the minimum of 2030 between p10 and p90, as a share of the largest of all parameters."""


class ParameterGroup(Answer):
    """Parameters that share the first part of their names, the most influential first."""

    title: str
    limits: list[Limit]
    items: list[Parameter]


class LimitShown(Answer):
    """A limit as it is shown, and the switch that leaves it out."""

    name: Limit
    title: str
    colour: str
    switch: str
    without: str
    """What the switch says."""


class ParametersAnswer(Answer):
    """What a scenario can move: parameters of a set in groups, and limits that it can leave out."""

    facts: str
    groups: list[ParameterGroup]
    limits: list[LimitShown]
    """All limits, in the order in which they are shown."""


class Lever(Evidence):
    """A remedy: what is claimed for it, and what a check found."""

    name: str
    title: str
    kind: str
    limits: str
    """Limits with the sign of the effect, such as `power+ chips-`."""
    low: float | None
    mid: float | None
    high: float | None
    unit: str
    from_year: float
    in_base: bool
    members: list[str]
    excludes: list[str]
    claim: str
    check: str
    caveat: str


class LeversAnswer(Answer):
    """All levers."""

    levers: list[Lever]


class RankedLever(Evidence):
    """What one lever does to the minimum of a year."""

    lever: str
    name: str
    ratio: Number
    """Median of the minimum with the lever over that without."""
    p10: Number
    p50: Number
    p90: Number
    """Quantiles of the same ratio in each simulation."""
    probability_negative: float
    effective_ratio: Number
    on_limits: dict[Limit, Number]
    """Ratio of each limit's median ceiling."""
    without: Number
    """Set for levers of the base: the ratio once they are taken out."""
    in_base: bool
    available_from: float
    starts: float
    reason: str
    range: list[float | None]
    range_unit: str
    measured: list[float] | None
    claim: str
    check: str
    caveat: str
    as_of: str


class RankAnswer(Answer):
    """Levers by their effect on the minimum of a year, the largest first."""

    year: int
    unit: str
    minimum_flop: Quantiles
    binding_probability: dict[Limit, float]
    levers: list[RankedLever]
    notes: list[str]


class Step(Answer):
    """A lever and the ratio that a package reaches with it."""

    lever: str
    ratio: Number


class PackageAnswer(Answer):
    """The levers that do most together."""

    year: int
    levers: list[str]
    names: list[str]
    ratio: Number
    p10: Number
    p50: Number
    p90: Number
    probability_negative: float
    bound: Number
    """What no package of this size can exceed."""
    exact: bool
    binding_probability_after: dict[Limit, float]
    steps: list[Step]
    packages_evaluated: int
    notes: list[str]


class ReboundLever(Answer):
    """Use of electricity before and after a lever, TWh per year."""

    lever: str
    name: str
    gain: Quantiles
    use_before_twh_per_yr: Quantiles
    use_after_without_rebound_twh_per_yr: Quantiles
    use_after_with_rebound_twh_per_yr: Quantiles
    probability_use_rises: float
    minimum_ratio_without_rebound: Number
    minimum_ratio_with_rebound: Number


class ReboundAnswer(Answer):
    """What efficiency levers save once cheaper use has grown."""

    year: int
    elasticity: Quantiles
    levers: list[ReboundLever]
    notes: list[str]
