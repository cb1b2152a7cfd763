"""Rows of the tables that access is computed from: countries, owners of chips, export control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from liebig.catalog.fields import FactRow, Headline, Identifier, Number, Positive

if TYPE_CHECKING:
    from liebig.uncertainty import Interval

__all__ = ["CountryRow", "ExportRow", "OrganisationRow"]

Share = Annotated[float, Field(ge=0, le=1)]
Year = Annotated[int, Field(ge=1990, le=2060)]


class CountryRow(FactRow):
    """A country or territory: people, product, electricity, located chips, group of export control."""

    key: ClassVar[tuple[str, ...]] = ("iso3",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("gdp_usd", "USD/yr"), Headline("population", "people"))

    iso3: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 3166-1 alpha-3 code")
    iso2: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = Field(description="ISO 3166-1 alpha-2 code")
    name: str = Field(min_length=1, description="short English name")
    aliases: str = Field(default="", description="other spellings, separated by semicolons")
    continent: str = ""
    clubs: str = Field(default="", description="clubs it is a member of, separated by blanks")
    population: Annotated[float, Field(gt=0)] = Field(description="people")
    population_year: Year
    gdp_usd: Positive | None = Field(default=None, description="gross domestic product, current US dollars per year")
    gdp_year: Year | None = None
    electricity_twh: Positive | None = Field(default=None, description="demand of the last year known, TWh")
    electricity_year: Year | None = None
    growth_twh_per_yr: Number | None = Field(
        default=None, description="mean yearly growth over the last five years, TWh"
    )
    best_year_twh: Number | None = Field(default=None, description="largest growth of one of the last ten years, TWh")
    peak_twh: Positive | None = Field(default=None, description="largest demand of the last fifteen years, TWh")
    peak_year: Year | None = None
    carbon_g_per_kwh: Positive | None = Field(
        default=None, description="greenhouse gases of its electricity, gCO2e/kWh"
    )
    low_carbon_share: Share | None = Field(default=None, description="share of low-carbon electricity")
    price_usd_per_kwh: Positive | None = Field(
        default=None, description="large industry, without taxes; openly licensed only"
    )
    located_h100e: Positive = Field(default=0.0, description="chips in located clusters, H100e; 0 means none located")
    located_clusters: Annotated[int, Field(ge=0)] = Field(default=0, description="clusters located there")
    planned_h100e: Positive = Field(default=0.0, description="chips in announced clusters, some of them speculative")
    export_group: Literal["home", "ally", "open", "licence", "deny"] = Field(
        description="under US export control: home; A:5/A:6; no group; D:1/D:4; D:5, Macao and Hong Kong"
    )
    diffusion_tier: Annotated[int, Field(ge=0, le=3)] = Field(description="tier of the framework of 2025; 0 the US")


class OrganisationRow(FactRow):
    """AI chips that an owner has of one maker (estimates with 90 % intervals)."""

    key: ClassVar[tuple[str, ...]] = ("owner", "maker")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("h100e", "H100e", "h100e_p5", "h100e_p95"),)

    owner: str = Field(min_length=1, description="who owns them; 'Other' is nobody in particular")
    maker: str = Field(min_length=1, description="who sells the chips")
    hq: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = Field(default="", description="country of the owner's seat")
    maker_hq: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="country of the maker's seat")
    h100e: Positive
    h100e_p5: Positive | None = None
    h100e_p95: Positive | None = None
    chip_power_w: Positive | None = Field(default=None, description="rated power of the chips")


class ExportRow(FactRow):
    """What part of the world's new AI chips a group of countries may get under a scenario of export control."""

    key: ClassVar[tuple[str, ...]] = ("scenario", "who", "from_year")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("share_p50", low="share_p10", high="share_p90"),)

    scenario: Identifier
    title: str = Field(min_length=1)
    who: str = Field(min_length=1, description="export group, tier-0 to tier-3, ISO code of a country, or all")
    from_year: Year | None = Field(default=None, description="first year; empty: always")
    until_year: Year | None = Field(default=None, description="last year; empty: without end")
    share_p10: Share = Field(description="share of the world's production of a year, cautious end")
    share_p50: Share
    share_p90: Share

    @model_validator(mode="after")
    def _in_order(self) -> ExportRow:
        if not self.share_p10 <= self.share_p50 <= self.share_p90:
            raise ValueError(f"shares {self.share_p10:g}, {self.share_p50:g}, {self.share_p90:g} are not in order")
        return self

    @property
    def share(self) -> Interval:
        """The three quantiles of the share as one."""
        from liebig.uncertainty import Interval  # here, so that reading facts does not load NumPy

        return Interval(self.share_p10, self.share_p50, self.share_p90)
