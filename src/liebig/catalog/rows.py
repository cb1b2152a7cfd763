"""The shape of every table of facts: one frozen pydantic model for each kind of row.

A fact is a number with a meaning in the world.  Every row says where it comes from: ``source``
(a citation a person can read), ``url``, ``as_of`` (a date), ``licence`` and ``grade``.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from liebig.catalog.access_rows import CountryRow, ExportRow, OrganisationRow
from liebig.catalog.fields import GRADES, Date, FactRow, Grade, Headline, Identifier, Number, Positive
from liebig.catalog.training_rows import (
    ArchitectureRow,
    ChipCostRow,
    ChipFamilyRow,
    ChipRow,
    ConstantRow,
    NetworkRow,
    NumberRow,
    RentalPriceRow,
    SiteRow,
    SoftwareRow,
)

__all__ = [
    "GRADES",
    "TABLES",
    "ArchitectureRow",
    "CapitalRow",
    "ChipCostRow",
    "ChipFamilyRow",
    "ChipRow",
    "ChipSupplyRow",
    "ClaimRow",
    "ConstantRow",
    "CorrelationRow",
    "CountryRow",
    "DataCentreRow",
    "ExportRow",
    "FactRow",
    "Grade",
    "LeverEffectRow",
    "LeverRow",
    "ModelRow",
    "NetworkRow",
    "NumberRow",
    "OrganisationRow",
    "ParameterRow",
    "PowerSourceRow",
    "PublishedRow",
    "RentalPriceRow",
    "SiteRow",
    "SoftwareRow",
    "YardstickRow",
]


class ParameterRow(FactRow):
    """An uncertain number that the limits are computed from, or an anchor they are checked against."""

    key: ClassVar[tuple[str, ...]] = ("id", "set")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("p50", low="p10", high="p90"), Headline("points"))

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z0-9_]+$")] = Field(description="group.name_with_unit")
    set: str = Field(default="all", description="parameter set: epoch-2024, 2026, or all")
    limit: str = Field(default="", description="limits it enters, separated by blanks")
    name: str = Field(min_length=1, description="what the number is, in words")
    role: Literal["model", "check"] = Field(default="model", description="enters the model, or only checks it")
    distribution: str = Field(
        default="",
        description="metalog, normal, lognormal, uniform, loguniform, piecewise or point; when empty, three quantiles "
        "make a metalog, two a normal, points a piecewise distribution, and one number a point",
    )
    p5: Number | None = Field(default=None, description="5 % quantile")
    p10: Number | None = Field(default=None, description="10 % quantile")
    p50: Number | None = Field(default=None, description="median, or the value of a point")
    p90: Number | None = Field(default=None, description="90 % quantile")
    p95: Number | None = Field(default=None, description="95 % quantile")
    points: str = Field(default="", description="piecewise: 'probability:value' pairs separated by blanks")
    lower: Number | None = Field(default=None, description="lower bound of the support")
    upper: Number | None = Field(default=None, description="upper bound of the support")
    at_year: Number | None = Field(default=None, description="year the value holds in, for levels that change")

    @property
    def quantiles(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(levels, values) of the quantiles that the row states.

        Raises:
            ValueError: ``points`` is malformed.
        """
        if self.points:
            pairs = [pair.split(":") for pair in self.points.split()]
            if any(len(p) != 2 for p in pairs):
                raise ValueError(f"points {self.points!r}: expected 'probability:value' pairs separated by blanks")
            return tuple(float(p) for p, _ in pairs), tuple(float(v) for _, v in pairs)
        named = ((0.05, self.p5), (0.1, self.p10), (0.5, self.p50), (0.9, self.p90), (0.95, self.p95))
        stated = [(p, v) for p, v in named if v is not None]
        return tuple(p for p, _ in stated), tuple(v for _, v in stated)

    @property
    def family(self) -> str:
        """The distribution, as stated or as the number of quantiles suggests."""
        if self.distribution:
            return self.distribution
        if self.points:
            return "piecewise"
        return {1: "point", 2: "normal"}.get(len(self.quantiles[0]), "metalog")

    @model_validator(mode="after")
    def _quantiles_make_a_distribution(self) -> ParameterRow:
        from liebig.errors import DistributionError
        from liebig.uncertainty.marginals import make_marginal

        if self.role == "check":
            return self
        levels, values = self.quantiles
        try:
            make_marginal(self.family, levels, values, self.lower, self.upper)
        except DistributionError as error:
            raise ValueError(str(error)) from None
        return self


class CorrelationRow(FactRow):
    """Spearman rank correlation between two parameters."""

    key: ClassVar[tuple[str, ...]] = ("a", "b", "set")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("spearman"),)

    a: str = Field(description="id of a parameter")
    b: str = Field(description="id of another parameter")
    set: str = Field(default="all", description="parameter set: epoch-2024, 2026, or all")
    spearman: Annotated[Number, Field(ge=-1, le=1)] = Field(description="rank correlation, -1 to 1")

    @property
    def row_key(self) -> tuple[str, ...]:
        """The pair in either order, and the set."""
        return (*sorted((self.a, self.b)), self.set)

    @model_validator(mode="after")
    def _of_two_parameters(self) -> CorrelationRow:
        if self.a == self.b:
            raise ValueError(f"a and b are both {self.a!r}; a parameter is not correlated with itself")
        return self


class LeverRow(FactRow):
    """A remedy: what is claimed for it, and what a check found."""

    key: ClassVar[tuple[str, ...]] = ("id",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("mid", low="low", high="high"), Headline("members"))

    id: Identifier = Field(description="name used on the command line")
    name: str = Field(min_length=1)
    kind: Literal["efficiency", "supply", "data", "latency", "duration", "effective", "package", "none"] = Field(
        description="how it acts; 'efficiency' levers cut the cost of a token and so rebound"
    )
    limits: str = Field(default="", description="signed limits it acts on, e.g. 'power+ chips-'")
    low: Number | None = Field(default=None, description="low end of the effect's range")
    mid: Number | None = Field(default=None, description="middle of the effect's range")
    high: Number | None = Field(default=None, description="high end of the effect's range")
    available_from: Number = Field(description="first year it can act")
    in_base: bool = Field(default=False, description="already part of the base forecast; applying it changes nothing")
    members: str = Field(default="", description="levers that a package is made of, separated by blanks")
    excludes: str = Field(default="", description="levers it cannot be combined with, separated by blanks")
    claim: str = Field(default="", description="what is said of it in public")
    check: str = Field(default="", description="what reading the evidence found")
    caveat: str = Field(default="", description="side effects, rebound, conditions")


class LeverEffectRow(FactRow):
    """One component of a lever's signed vector: what it does to one parameter."""

    key: ClassVar[tuple[str, ...]] = ("lever", "parameter", "from_year", "op")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("mid", low="low", high="high"),)

    lever: Identifier
    parameter: str = Field(description="id of the parameter it moves")
    op: Literal["mul", "add", "set", "max", "growth"] = Field(
        description="multiply, add, set, raise to at least, or multiply each year"
    )
    low: Number = Field(description="effect where the lever's draw is at p10, in the parameter's unit or a factor")
    mid: Number = Field(description="effect at p50")
    high: Number = Field(description="effect at p90")
    from_year: Number | None = Field(default=None, description="first year of this component; default the lever's")
    ramp_yr: Positive = Field(default=0.0, description="years over which the effect builds up")
    removed: bool = Field(default=False, description="describes taking the lever out of the base (in_base levers)")

    @model_validator(mode="after")
    def _factors_are_positive(self) -> LeverEffectRow:
        if self.op in ("mul", "growth") and min(self.low, self.mid, self.high) <= 0:
            raise ValueError(f"op {self.op!r} needs factors above 0, got {self.low:g}, {self.mid:g}, {self.high:g}")
        return self


class ModelRow(FactRow):
    """A published model and what its training took."""

    key: ClassVar[tuple[str, ...]] = ("name", "organisation", "published")
    headline: ClassVar[tuple[Headline, ...]] = (
        Headline("training_flop", "FLOP"),
        Headline("parameters", "parameters"),
        Headline("dataset_datapoints", "data points"),
        Headline("training_hours", "h"),
        Headline("hardware_quantity", "chips"),
        Headline("hardware"),
    )

    name: str = Field(min_length=1)
    organisation: str = ""
    published: Date
    domain: str = ""
    frontier: bool = Field(default=False, description="among the ten largest training runs when it appeared (Epoch)")
    parameters: Positive | None = None
    training_flop: Positive | None = None
    dataset_datapoints: Positive | None = Field(default=None, description="gradient data points, tokens for text")
    training_hours: Positive | None = None
    hardware: str = ""
    hardware_quantity: Positive | None = None
    utilisation: Annotated[float, Field(ge=0, le=1)] | None = None
    cost_usd_2023: Positive | None = None
    power_w: Positive | None = None
    finetuned_from: str = ""
    confidence: str = ""
    country: str = ""
    accessibility: str = ""
    numerical_format: str = ""


class ChipSupplyRow(FactRow):
    """AI chips shipped in one quarter by one maker (estimates with 90 % intervals)."""

    key: ClassVar[tuple[str, ...]] = ("quarter", "maker")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("h100e", "H100e", "h100e_p5", "h100e_p95"),)

    quarter: Annotated[str, Field(pattern=r"^\d{4}Q[1-4]$")]
    maker: str = Field(min_length=1)
    h100e: Positive
    h100e_p5: Positive | None = None
    h100e_p95: Positive | None = None
    units: Positive | None = None
    power_w: Positive | None = Field(default=None, description="chip power of the quarter's chips")
    complete: bool = True


class CapitalRow(FactRow):
    """Capital expenditure of a company in a year."""

    key: ClassVar[tuple[str, ...]] = ("company", "year", "kind")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("capex_usd", low="capex_usd_low", high="capex_usd_high"),)

    company: str = Field(min_length=1)
    year: Annotated[int, Field(ge=2000, le=2060)]
    period: str = ""
    kind: Literal["actual", "guidance", "estimate"]
    capex_usd: Positive
    capex_usd_low: Positive | None = None
    capex_usd_high: Positive | None = None


class DataCentreRow(FactRow):
    """A frontier data centre on a date: power, chips, cost (past: observed; future: planned)."""

    key: ClassVar[tuple[str, ...]] = ("name", "date")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("power_w", "W"), Headline("h100e", "H100e"))

    name: str = Field(min_length=1)
    date: Date
    owner: str = ""
    users: str = ""
    country: str = ""
    power_w: Positive | None = None
    h100e: Positive | None = None
    capital_usd_2025: Positive | None = None
    water_m3_per_day: Positive | None = None
    status: str = ""


class PowerSourceRow(FactRow):
    """A way to supply electric power to data centres."""

    key: ClassVar[tuple[str, ...]] = ("id",)
    headline: ClassVar[tuple[Headline, ...]] = (
        Headline("carbon_g_per_kwh", "gCO2e/kWh"),
        Headline("cost_usd_per_mwh", "USD/MWh"),
    )

    id: Identifier
    name: str = Field(min_length=1)
    carbon_g_per_kwh: Positive | None = Field(default=None, description="life cycle, gCO2e per kWh")
    cost_usd_per_mwh: Positive | None = None
    capital_usd_per_kw: Positive | None = None
    sea_cooled: bool = False


class YardstickRow(FactRow):
    """Something people have a feeling for, to hold a number against."""

    key: ClassVar[tuple[str, ...]] = ("id",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("value", low="low", high="high"),)

    id: Identifier
    name: str = Field(min_length=1, description="as it reads after '×': 'GPT-4', 'New York City's average load'")
    value: Number
    low: Number | None = None
    high: Number | None = None


class PublishedRow(FactRow):
    """A published result that the product must reproduce or compare itself with."""

    key: ClassVar[tuple[str, ...]] = ("id",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("mid", low="low", high="high"),)

    id: Identifier
    name: str = Field(min_length=1)
    low: Number | None = None
    mid: Number | None = None
    high: Number | None = None
    interval: str = Field(default="", description="what low and high are: 'p10-p90', '90% CI', 'range'")
    section: str = ""


class ClaimRow(FactRow):
    """A claim in circulation, and what checking it found."""

    key: ClassVar[tuple[str, ...]] = ("id",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("check_value", against="claim_value"), Headline("verdict"))

    id: Identifier
    claim: str = Field(min_length=1)
    claimed_by: str = ""
    claim_value: Number | None = None
    check: str = Field(min_length=1)
    check_value: Number | None = None
    verdict: Literal["holds", "partly", "does not hold", "unverified"]


TABLES: dict[str, type[FactRow]] = {
    "parameters": ParameterRow,
    "correlations": CorrelationRow,
    "levers": LeverRow,
    "lever_effects": LeverEffectRow,
    "chips": ChipRow,
    "models": ModelRow,
    "chip_supply": ChipSupplyRow,
    "capital_spending": CapitalRow,
    "data_centres": DataCentreRow,
    "power_sources": PowerSourceRow,
    "yardsticks": YardstickRow,
    "published": PublishedRow,
    "claims": ClaimRow,
    "architectures": ArchitectureRow,
    "chip_families": ChipFamilyRow,
    "software": SoftwareRow,
    "networks": NetworkRow,
    "sites": SiteRow,
    "rental_prices": RentalPriceRow,
    "chip_costs": ChipCostRow,
    "plan_numbers": NumberRow,
    "constants": ConstantRow,
    "countries": CountryRow,
    "organisations": OrganisationRow,
    "export_scenarios": ExportRow,
}
