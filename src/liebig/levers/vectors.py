"""A lever as a signed vector over parameters, with a range and a first year."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import Catalog
from liebig.catalog.rows import LeverEffectRow, LeverRow
from liebig.dates import start_of
from liebig.errors import ConflictError, InputError, RangeError, UnknownNameError
from liebig.limits import touched
from liebig.limits.state import Change
from liebig.reading import read_json
from liebig.uncertainty import Interval

__all__ = ["Lever", "check_compatible", "get_lever", "lever_changes", "parse_lever", "resolve_levers"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lever:
    """A lever ready to be applied: its facts, its effects on parameters, its first year.

    ``measured`` is a measured p10, p50, p90 that replaces the published range.
    """

    row: LeverRow
    effects: tuple[LeverEffectRow, ...]
    start: float
    measured: Interval | None = None
    measured_source: str = ""

    @property
    def id(self) -> str:
        """Name on the command line."""
        return self.row.id

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters it moves."""
        return tuple(dict.fromkeys(e.parameter for e in self.effects))

    @property
    def acting(self) -> tuple[LeverEffectRow, ...]:
        """Effects of applying it; those of taking it out of the base are left out."""
        return tuple(e for e in self.effects if not e.removed)

    def start_of(self, effect: LeverEffectRow) -> float:
        """First year of an effect: one with a year of its own is bound to it, and to a later start of the lever."""
        return self.start if effect.from_year is None else max(effect.from_year, self.start)

    def range_of(self, effect: LeverEffectRow) -> Interval:
        """Range of an effect: those measured, where the effect is the lever's stated range itself."""
        if self.measured is not None and _is_headline(self, effect):
            return self.measured
        return Interval(effect.low, effect.mid, effect.high)

    @property
    def limits(self) -> tuple[str, ...]:
        """Limits that read a parameter it moves."""
        return touched(self.parameters)


def get_lever(catalog: Catalog, name: str, start: float | None = None) -> Lever:
    """A lever of the catalogue.

    Raises:
        UnknownNameError: no such lever; the nearest names are listed.
    """
    rows = catalog.levers()
    if name not in rows:
        raise UnknownNameError("lever", name, rows, see="liebig levers list")
    row = rows[name]
    effects = tuple(catalog.lever_effects().get(name, ()))
    return Lever(row, effects, row.available_from if start is None else start)


def parse_lever(text: str, catalog: Catalog) -> Lever:
    """Read ``NAME``, ``NAME@YEAR`` or ``NAME@measured.json``.

    The file of a measurement holds ``{"lever": NAME, "p10": .., "p50": .., "p90": .., "source": ..}``
    with the factor that was measured.

    Raises:
        InputError: the text or the file cannot be read; UnknownNameError for the name.
    """
    name, at, rest = text.strip().partition("@")
    lever = get_lever(catalog, name.strip())
    if not at:
        return lever
    rest = rest.strip()
    if rest.endswith(".json"):
        return _measured(lever, Path(rest))
    try:
        year = start_of(rest)
    except InputError:
        raise InputError(
            f"lever {text!r}: {rest!r} is neither a year nor a .json file; write e.g. {name}@2027"
        ) from None
    if not 2020 <= year <= 2100:
        raise RangeError(f"lever {text!r}: year {rest} is out of range; expected 2020 to 2100")
    return Lever(lever.row, lever.effects, year)


def _measured(lever: Lever, path: Path) -> Lever:
    content = read_json(path, "a measured lever: a JSON object with numbers p10, p50 and p90")
    try:
        if not isinstance(content, dict) or any(isinstance(content[k], (bool, str)) for k in Interval._fields):
            raise TypeError("p10, p50 and p90 must be numbers")
        measured = Interval(*(float(content[k]) for k in Interval._fields))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            f"lever {lever.id}@{path}: expected a JSON object with numbers p10, p50 and p90 ({type(error).__name__}: "
            f"{error})"
        ) from None
    if content.get("lever", lever.id) != lever.id:
        raise ConflictError(f"{path} holds a measurement of {content['lever']!r}, not of {lever.id!r}")
    low, mid, high = measured
    if not (np.isfinite(measured).all() and 0 < low <= mid <= high):
        raise RangeError(f"{path}: expected 0 < p10 <= p50 <= p90, got {low:g}, {mid:g}, {high:g}")
    if not any(_is_headline(lever, effect) for effect in lever.effects):
        raise InputError(
            f"lever {lever.id} moves {', '.join(lever.parameters)} by different factors, so one measured factor cannot "
            "stand for it; state those parameters with --set or a table of facts"
        )
    return Lever(lever.row, lever.effects, lever.start, measured, str(content.get("source", path.name)))


def _is_headline(lever: Lever, effect: LeverEffectRow) -> bool:
    """True for the component that is the lever's stated range itself: a measurement takes its place."""
    return (effect.low, effect.mid, effect.high) == (lever.row.low, lever.row.mid, lever.row.high)


def resolve_levers(texts: Iterable[str], catalog: Catalog) -> tuple[Lever, ...]:
    """Read several levers (each text may hold several, separated by commas) and check that they fit together."""
    levers = [parse_lever(part, catalog) for text in texts for part in text.split(",") if part.strip()]
    check_compatible(levers)
    return tuple(levers)


def check_compatible(levers: Sequence[Lever]) -> None:
    """Raise ConflictError when a lever is named twice, or two exclude each other."""
    seen: set[str] = set()
    for lever in levers:
        if lever.id in seen:
            raise ConflictError(f"lever {lever.id!r} is given twice; give it once, with one start year")
        seen.add(lever.id)
    for lever in levers:
        for other in [*lever.row.excludes.split(), *lever.row.members.split()]:
            if other in seen:
                word = "already contains" if other in lever.row.members.split() else "cannot be combined with"
                raise ConflictError(f"lever {lever.id!r} {word} {other!r}; leave one of them out")


def lever_changes(lever: Lever, u: Array, *, removed: bool = False) -> tuple[Change, ...]:
    """The changes of parameters that the lever makes in each future.

    Args:
        lever: the lever.
        u: ``(n,)`` draws in 0..1; the range is read as p10, p50 and p90, flat beyond.
        removed: give what taking the lever out of the base does (levers already in it).
    """
    return tuple(
        Change(e.parameter, e.op, _effect(lever, e, u), lever.start_of(e), e.ramp_yr)
        for e in lever.effects
        if e.removed == removed
    )


def _effect(lever: Lever, effect: LeverEffectRow, u: Array) -> Array:
    interval = lever.range_of(effect)
    if interval.p10 == interval.p50 == interval.p90:
        return np.array([interval.p50])
    if effect.op != "add" and min(interval) > 0.0:
        return np.exp(Interval(*np.log(interval)).at(u))
    return interval.at(u)
