"""The best package of k levers: exact for small k, greedy with a bound beyond.

A ceiling depends only on the levers that move its limit, so each limit is evaluated once for each
set of levers that touch it, and the minimum of a package is put together from these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.dates import calendar_year
from liebig.errors import ConflictError, RangeError
from liebig.levers.rank import Bench, minimum_of
from liebig.levers.vectors import Lever, check_compatible, lever_changes
from liebig.uncertainty import Interval

__all__ = ["EXACT_UP_TO", "Package", "best_package"]

Array = NDArray[np.float64]
#: Packages up to this size are searched exhaustively.
EXACT_UP_TO = 3


@dataclass(frozen=True)
class Package:
    """The best package found, and how good any package could be.

    ``ratio`` is the median of the minimum with the package over that without; ``paired`` the
    same ratio taken in each future.  ``bound`` is what no package of this size can exceed (equal to
    ``ratio`` when the search was exact).  ``binding`` tells what binds after relief,
    ``notes`` are sentences on the scenario.
    """

    year: int
    levers: tuple[Lever, ...]
    ratio: float
    paired: Interval
    negative: float
    bound: float
    exact: bool
    binding: dict[str, float]
    steps: tuple[tuple[str, float], ...]
    evaluated: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "year": self.year,
            "levers": [lever.id for lever in self.levers],
            "names": [lever.row.name for lever in self.levers],
            "ratio": self.ratio,
            **self.paired.to_dict(),
            "probability_negative": self.negative,
            "bound": self.bound,
            "exact": self.exact,
            "binding_probability_after": self.binding,
            "steps": [{"lever": name, "ratio": ratio} for name, ratio in self.steps],
            "packages_evaluated": self.evaluated,
            "notes": list(self.notes),
        }


class _Ceilings:
    """Ceilings of sets of levers, each limit evaluated once for each set of levers that touch it."""

    def __init__(self, bench: Bench, levers: Sequence[Lever]) -> None:
        self.bench = bench
        self.changes = {lever.id: lever_changes(lever, bench.draws[lever.id]) for lever in levers}
        self.touching = {n: {lever.id for lever in levers if n in lever.limits} for n in bench.limits}
        self.order = [lever.id for lever in levers]
        self.cache: dict[tuple[str, frozenset[str]], Array] = {}

    def ceiling(self, limit: str, names: frozenset[str]) -> Array:
        """Ceiling of one limit under a set of levers, ``(n,)``."""
        acting = names & self.touching[limit]
        if not acting:
            return self.bench.base[limit]
        key = (limit, acting)
        if key not in self.cache:
            changes = [c for n in self.order if n in acting for c in self.changes[n]]
            self.cache[key] = self.bench.ceilings_with(changes, [limit])[limit]
        return self.cache[key]

    def lowest(self, names: Iterable[str]) -> Array:
        """Minimum of all limits under a set of levers, ``(n,)``."""
        chosen = frozenset(names)
        return minimum_of([self.ceiling(n, chosen) for n in self.bench.limits])


def best_package(
    bench: Bench, levers: Sequence[Lever], size: int, progress: Callable[[float], None] | None = None
) -> Package:
    """The package of ``size`` levers that lifts the median of the minimum most.

    Args:
        bench: the year and its futures.
        levers: candidates; packages and levers without effect are left out.
        size: levers in the package, at least 1.

    Raises:
        RangeError: there are fewer candidates than ``size``.
    """
    pool = [v for v in levers if v.effects and v.limits and not v.row.members and not v.row.in_base]
    pool = [v for v in pool if v.start <= bench.year]
    if not 1 <= size <= len(pool):
        raise RangeError(f"package size {size} is out of range; {len(pool)} levers can act in {bench.year:.0f}")
    found = _Ceilings(bench, pool)
    middle = float(np.median(bench.lowest()))
    by_id = {lever.id: lever for lever in pool}
    if size <= EXACT_UP_TO:
        chosen, evaluated = _exhaustive(found, pool, size, progress)
        steps = _steps(found, chosen, middle)
        bound = None
    else:
        chosen, evaluated = _greedy(found, pool, size, progress)
        steps = _steps(found, chosen, middle)
        bound = _bound(found, pool, size) / middle
    low = found.lowest(chosen)
    ratio = low / bench.lowest()
    reached = float(np.median(low)) / middle
    after = {n: float(np.mean(found.ceiling(n, frozenset(chosen)) <= low)) for n in bench.limits}
    return Package(
        year=calendar_year(bench.year),
        levers=tuple(by_id[n] for n in chosen),
        ratio=reached,
        paired=Interval.of(ratio),
        negative=float(np.mean(ratio < 1.0 - 1e-9)),
        bound=reached if bound is None else max(bound, reached),
        exact=bound is None,
        binding=after,
        steps=steps,
        evaluated=evaluated,
    )


def _compatible(levers: Sequence[Lever]) -> bool:
    try:
        check_compatible(levers)
    except ConflictError:
        return False
    return True


def _exhaustive(
    found: _Ceilings, pool: Sequence[Lever], size: int, progress: Callable[[float], None] | None
) -> tuple[tuple[str, ...], int]:
    clashes = {(a.id, b.id) for a, b in combinations(pool, 2) if not _compatible((a, b))}
    groups = list(combinations([v.id for v in pool], size))
    best, chosen, count = -np.inf, tuple[str, ...](), 0
    for i, names in enumerate(groups):
        if any(pair in clashes for pair in combinations(names, 2)):
            continue
        count += 1
        value = float(np.median(found.lowest(names)))
        if value > best:
            best, chosen = value, names
        if progress and i % 64 == 0:
            progress(i / len(groups))
    if not chosen:
        raise RangeError(f"no package of {size} compatible levers exists among {len(pool)}")
    if progress:
        progress(1.0)
    return chosen, count


def _greedy(
    found: _Ceilings, pool: Sequence[Lever], size: int, progress: Callable[[float], None] | None
) -> tuple[tuple[str, ...], int]:
    """Start from the best exact triple and add the lever that helps most, again and again."""
    chosen, count = _exhaustive(found, pool, EXACT_UP_TO, progress)
    by_id = {v.id: v for v in pool}
    while len(chosen) < size:
        best, name = -np.inf, ""
        for lever in pool:
            if lever.id in chosen or not _compatible([*(by_id[n] for n in chosen), lever]):
                continue
            count += 1
            value = float(np.median(found.lowest((*chosen, lever.id))))
            if value > best:
                best, name = value, lever.id
        if not name:
            raise RangeError(f"no package of {size} compatible levers exists; the largest has {len(chosen)}")
        chosen = (*chosen, name)
    return chosen, count


def _steps(found: _Ceilings, chosen: Sequence[str], middle: float) -> tuple[tuple[str, float], ...]:
    """The package built up lever by lever, the most helpful next."""
    left, taken, out = list(chosen), list[str](), list[tuple[str, float]]()
    while left:
        values = {n: float(np.median(found.lowest((*taken, n)))) for n in left}
        best = max(left, key=values.__getitem__)
        taken.append(best)
        left.remove(best)
        out.append((best, values[best] / middle))
    return tuple(out)


def _bound(found: _Ceilings, pool: Sequence[Lever], size: int) -> float:
    """A median that no package of ``size`` levers exceeds.

    Each limit is given its own best levers: in every future the ``size`` largest of its single
    ratios, multiplied.  Where two levers together do more than the product of their ratios
    (found on all pairs), that limit is given all levers that ever raise it instead.
    """
    rows = []
    for limit in found.bench.limits:
        base = found.bench.base[limit]
        names = sorted(found.touching[limit])
        if not names:
            rows.append(base)
            continue
        single = {n: np.maximum(found.ceiling(limit, frozenset([n])) / base, 1.0) for n in names}
        raising = frozenset(n for n in names if float(single[n].max()) > 1.0 + 1e-9)
        if not raising:
            rows.append(base)
            continue
        if _products_bound(found, limit, sorted(raising), single, base):
            ratios = np.sort(np.stack([single[n] for n in sorted(raising)]), axis=0)[::-1]
            rows.append(base * ratios[:size].prod(axis=0))
        else:
            rows.append(np.maximum(found.ceiling(limit, raising), base * np.stack(list(single.values())).max(axis=0)))
    return float(np.median(minimum_of(rows)))


def _products_bound(found: _Ceilings, limit: str, names: Sequence[str], single: dict[str, Array], base: Array) -> bool:
    for a, b in combinations(names, 2):
        pair = found.ceiling(limit, frozenset([a, b]))
        if np.any(pair > base * single[a] * single[b] * (1.0 + 1e-6)):
            return False
    return True
