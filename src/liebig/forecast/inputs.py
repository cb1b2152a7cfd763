"""What a forecast is asked for: a frozen input, from keywords or from a scenario file."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from liebig.catalog import load_catalog, resolve
from liebig.errors import InputError, ScenarioError
from liebig.reading import made
from liebig.toml_files import read_toml_file

__all__ = ["ForecastInput", "make_input", "merge_inputs", "read_scenario"]

MAX_SAMPLES = 4_000_000


class ForecastInput(BaseModel):
    """Inputs of :func:`liebig.forecast`.

    >>> ForecastInput(pin={"duration": "200 d"}).samples
    8192
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="", max_length=200, description="name of the scenario")
    facts: str = Field(default="2026", description="parameter set: 2026 or epoch-2024")
    facts_files: tuple[str, ...] = Field(default=(), description="the user's tables, on top of the built-in facts")
    start: int | None = Field(default=None, description="first year shown; default 2025")
    until: int | None = Field(default=None, description="last year shown; default 2040")
    set: Mapping[str, str | float] = Field(default={}, description="parameter -> new value or distribution")
    pin: Mapping[str, str | float] = Field(default={}, description="parameter -> value or quantile (p90) it is held at")
    add: Mapping[str, str] = Field(default={}, description="parameter -> 'AMOUNT from YEAR [over N yr]'")
    levers: tuple[str, ...] = Field(default=(), description="NAME, NAME@YEAR or NAME@measured.json")
    switches: tuple[str, ...] = Field(default=(), description="structural switches, e.g. text-only")
    samples: int = Field(default=8192, ge=16, le=MAX_SAMPLES, description="futures sampled")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="same seed, same answer")

    @field_validator("title", mode="before")
    @classmethod
    def _plain_title(cls, value: Any) -> Any:
        return _no_control(value)

    @field_validator("levers", "switches", "facts_files", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = value.split(",")
        if isinstance(value, (list, tuple)):
            return tuple(p.strip() for v in value for p in str(v).split(",") if p.strip())
        return value

    @field_validator("set", "pin", "add", mode="before")
    @classmethod
    def _flatten(cls, value: Any) -> Any:
        return _flat(value) if isinstance(value, Mapping) else value


def _no_control(text: Any) -> Any:
    if isinstance(text, str) and any(unicodedata.category(c) == "Cc" for c in text):
        raise ValueError("expected a title without control characters")
    return text


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = _flat(value, f"{prefix}{key}.")
        else:
            inner = {f"{prefix}{key}": value}
        for name, given in inner.items():
            if name in out:
                raise ValueError(f"{name} is given twice; give it once")
            out[name] = given
    return out


def make_input(**given: Any) -> ForecastInput:
    """Check keyword arguments.

    Raises:
        InputError: one sentence for each argument that cannot be used.
    """
    return made(ForecastInput, given, noun="option")


def read_scenario(path: str | Path) -> ForecastInput:
    """Read a scenario from a TOML file; ``facts_files`` are relative to it.

    Raises:
        ScenarioError: the file cannot be read, is not TOML (with the line), or has unknown keys.
    """
    path = Path(path)
    content = read_toml_file(path, "scenario", error=ScenarioError)
    content.setdefault("title", path.stem)
    files = content.get("facts_files", ())
    if isinstance(files, (list, tuple)):
        content["facts_files"] = [str(path.parent / str(f)) for f in files]
    return made(ForecastInput, content, str(path), noun="option", error=ScenarioError)


def merge_inputs(base: ForecastInput, top: ForecastInput) -> ForecastInput:
    """``base`` with ``top`` on top of it: what ``top`` states replaces the same parameter or lever of ``base``."""
    given = base.model_dump(exclude_unset=True)
    more = top.model_dump(exclude_unset=True)
    files = (*base.facts_files, *top.facts_files)
    known = load_catalog(files).parameters(more.get("facts", base.facts))

    def full(name: str) -> str:
        try:
            return resolve(name, known)
        except InputError:
            return name  # reported with its source when the world is built

    stated = {full(n) for how in ("set", "pin") for n in more.get(how, {})}
    added = {full(n) for n in more.get("add", {})}
    for how, taken in (("set", stated), ("pin", stated), ("add", added)):
        kept = {n: v for n, v in given.get(how, {}).items() if full(n) not in taken}
        given[how] = {**kept, **more.pop(how, {})}
    names = {_lever_name(text) for text in top.levers}
    given["levers"] = (*(t for t in base.levers if _lever_name(t) not in names), *more.pop("levers", ()))
    given["switches"] = tuple(dict.fromkeys((*base.switches, *more.pop("switches", ()))))
    given["facts_files"] = files
    more.pop("facts_files", None)
    return make_input(**{**given, **more})


def _lever_name(text: str) -> str:
    return text.partition("@")[0].strip()
