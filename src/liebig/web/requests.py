"""What requests of the page hold.  Nothing in them can name a file: the page's user may not be the server's."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from liebig.dates import start_of
from liebig.errors import InputError
from liebig.forecast import ForecastInput
from liebig.plan.inputs import TrainingInput
from liebig.problems import switches_as_numbers
from liebig.reading import is_folder

__all__ = ["AccessRequest", "LeversRequest", "PackageRequest", "PlanRequest", "ScenarioRequest", "no_file"]

#: Simulations that a request may ask for.
MOST_SAMPLES = 16_384
_FILES = re.compile(r"[/\\]|\.(?:toml|json|csv|npz)\s*$", re.IGNORECASE)


def no_file(what: str, text: str) -> str:
    """The text, when it names no file.

    Raises:
        ValueError: it could name one.

    >>> no_file("chip", "H100-SXM")
    'H100-SXM'
    """
    if _FILES.search(text) or text.strip(". ") == "" or len(text) > 200:
        raise ValueError(f"{what} {text[:60]!r}: expected a name; files can be read by the command line only")
    return text


class _Body(BaseModel):
    """What all bodies share: true and false are no numbers."""

    @model_validator(mode="before")
    @classmethod
    def _no_switches(cls, given: Any) -> Any:
        if found := switches_as_numbers(given, cls):
            raise ValueError("; ".join(found))
        return given


#: A quantity as a text, or a number in the parameter's unit; and what it is of.
Quantity = Annotated[str, Field(max_length=300)] | float
Name = Annotated[str, Field(max_length=100)]


class ScenarioRequest(_Body):
    """A scenario of the forecast; quantities are texts as on the command line, e.g. ``"10 GW"``."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=200)] = ""
    facts: Annotated[str, Field(max_length=40)] = "2026"
    set: dict[Name, Quantity] = Field(default={}, max_length=300)
    pin: dict[Name, Quantity] = Field(default={}, max_length=300)
    add: dict[Name, Annotated[str, Field(max_length=300)]] = Field(default={}, max_length=100)
    levers: Annotated[list[str], Field(max_length=60)] = []
    switches: Annotated[list[str], Field(max_length=40)] = []
    samples: Annotated[int, Field(ge=16, le=MOST_SAMPLES)] = 2048
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0
    year: Annotated[int, Field(ge=2025, le=2040)] = 2030

    @field_validator("levers", "switches")
    @classmethod
    def _names(cls, given: list[str]) -> list[str]:
        return [no_file("lever or switch", name) for name in given]

    @field_validator("levers")
    @classmethod
    def _starts(cls, given: list[str]) -> list[str]:
        for lever in given:
            name, at, when = lever.partition("@")
            try:
                start_of(when.strip() if at else 0.0)
            except InputError:
                raise ValueError(f"lever {lever!r}: {when!r} is no year; write e.g. {name}@2027") from None
        return given

    def inputs(self) -> ForecastInput:
        """The same as an input of the forecast.

        Raises:
            InputError: a value cannot be used.
        """
        from liebig.forecast import make_inputs

        given = {n: getattr(self, n) for n in ScenarioRequest.model_fields if n != "year"}
        return make_inputs(None, {k: v for k, v in given.items() if v not in ("", {}, [])})


class LeversRequest(ScenarioRequest):
    """A scenario whose levers are ranked in a year."""

    samples: Annotated[int, Field(ge=16, le=4096)] = 1024


class PackageRequest(LeversRequest):
    """A scenario for which the best package of levers is looked for."""

    size: Annotated[int, Field(ge=1, le=4)] = 3
    samples: Annotated[int, Field(ge=16, le=1024)] = 512


class AccessRequest(_Body):
    """A question of access, as ``liebig access`` takes it, without files."""

    model_config = ConfigDict(extra="forbid")

    countries: Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=60)] = []
    need: Annotated[str, Field(max_length=80)] = "1GW"
    year: Annotated[int, Field(ge=2025, le=2040)] = 2030
    scenario: Annotated[str, Field(max_length=80)] = "2026-case-by-case"
    samples: Annotated[int, Field(ge=64, le=4096)] = 1024
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0

    @field_validator("scenario")
    @classmethod
    def _name(cls, given: str) -> str:
        return no_file("scenario", given)


#: Chips that a plan on the page may have; more take the search too long for others to wait.
MOST_CHIPS = 1_000_000


class PlanRequest(_Body, TrainingInput):
    """A training run, as ``liebig plan train`` takes it, without files."""

    @model_validator(mode="before")
    @classmethod
    def _no_files(cls, given: Any) -> Any:
        if isinstance(given, dict):
            chips = given.get("chips")
            if isinstance(chips, (int, float)) and chips > MOST_CHIPS:
                raise ValueError(f"chips {chips:g}: the page plans up to {MOST_CHIPS}; the command line takes more")
            if given.get("calibration") is not None:
                raise ValueError("calibration: files can be read by the command line only")
            for name in ("model", "chip", "site", "software", "topology", "terms"):
                if isinstance(given.get(name), str):
                    no_file(name, given[name])
                elif isinstance(given.get(name), dict) and isinstance(given[name].get("like"), str):
                    no_file(f"{name}.like", given[name]["like"])
        return given

    def training(self) -> TrainingInput:
        """The same as an input of the planner."""
        if isinstance(self.model, str) and is_folder(self.model):  # a folder of that name would be read
            raise InputError(f"model {self.model!r}: expected the name of a model")
        return self
