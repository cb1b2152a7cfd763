"""Joint samples of many parameters: scrambled Sobol points through marginals and copula.

Each uncertain parameter owns one Sobol dimension, fixed by its place in the list.  Pinning a
parameter leaves the other dimensions where they are, so that two scenarios with the same seed
differ only in what was changed (common random numbers).
"""

from __future__ import annotations

import functools
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.errors import RangeError
from liebig.uncertainty.copula import correlated_groups, correlation_matrix
from liebig.uncertainty.marginals import Marginal, quantile

__all__ = ["BLOCK", "Joint", "check_seed", "make_joint", "sample", "sobol_blocks", "transform"]

Array = NDArray[np.float64]
#: Samples handled at a time: keeps a million samples in bounded memory and arrays in cache.
BLOCK = 16384
#: Samples whose points are kept for the next question.
_FEW = 4096


@dataclass(frozen=True)
class Joint:
    """A joint distribution: marginals in Sobol order, and Cholesky factors of correlated groups."""

    marginals: Mapping[str, Marginal]
    dimensions: Mapping[str, int]
    groups: tuple[tuple[tuple[str, ...], Array], ...] = ()

    @property
    def size(self) -> int:
        """Sobol dimensions in use."""
        return len(self.dimensions)


def make_joint(
    marginals: Mapping[str, Marginal],
    spearman: Mapping[tuple[str, str], float] | None = None,
    order: Sequence[str] | None = None,
) -> Joint:
    """Combine marginals and Spearman correlations.

    Args:
        marginals: name -> marginal.
        spearman: (name, name) -> rank correlation; pairs with a point or an absent
            parameter are left out.
        order: names in the order of their Sobol dimensions; default the order of ``marginals``.
    """
    names = list(order if order is not None else marginals)
    dimensions = {name: i for i, name in enumerate(names)}
    live = {
        pair: rho
        for pair, rho in (spearman or {}).items()
        if rho != 0 and all(n in marginals and not marginals[n].is_point for n in pair)
    }
    groups: list[tuple[tuple[str, ...], Array]] = []
    for group in correlated_groups(list(live)):
        group.sort(key=dimensions.__getitem__)
        factor = np.asarray(np.linalg.cholesky(correlation_matrix(group, live)), dtype=np.float64)
        groups.append((tuple(group), factor))
    return Joint(dict(marginals), dimensions, tuple(groups))


def check_seed(seed: int) -> int:
    """The seed, when a generator can take it.

    Raises:
        RangeError: it is no whole number from 0 on.

    >>> check_seed(3)
    3
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise RangeError(f"seed = {seed!r}: expected a whole number from 0 on")
    return int(seed)


def _engine(dimensions: int, seed: int) -> Any:
    from scipy.stats import qmc

    return qmc.Sobol(d=max(1, dimensions), scramble=True, rng=np.random.default_rng(seed))


@functools.lru_cache(maxsize=8)
def _few_points(dimensions: int, samples: int, seed: int) -> Array:
    """All points of a small sample, kept: who changes an assumption asks for the same futures again."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*balance properties of Sobol.*")
        points = np.ascontiguousarray(_engine(dimensions, seed).random(samples).T)
    points.setflags(write=False)
    return points


def sobol_blocks(
    dimensions: int, samples: int, seed: int, block: int = BLOCK, extra: Sequence[str] = ()
) -> Iterator[Array]:
    """Scrambled Sobol points in blocks of shape ``(dimensions + len(extra), <= block)``, ``samples`` in all.

    The points are the same whatever the block size.  Scrambling depends on the number of Sobol
    dimensions, so what comes on top of a fixed set is drawn by name in ``extra``, one independent
    uniform stream each: adding one leaves all other draws as they were.
    """
    if not extra and samples <= min(block, _FEW):
        yield _few_points(dimensions, samples, seed)
        return
    engine = _engine(dimensions, seed)
    streams = [np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in extra]
    left = samples
    with warnings.catch_warnings():
        # a number of samples that is no power of two only costs the points some balance
        warnings.filterwarnings("ignore", message=".*balance properties of Sobol.*")
        while left > 0:
            take = min(block, left)
            points = engine.random(take).T
            yield np.ascontiguousarray(np.vstack([points, *(s.random(take) for s in streams)]) if streams else points)
            left -= take


def transform(joint: Joint, u: Array) -> dict[str, Array]:
    """Turn uniform points ``u`` of shape ``(dimensions, n)`` into values, name -> ``(n,)``.

    Points are returned with shape ``(1,)``.
    """
    correlated = _correlate(joint, u)
    out: dict[str, Array] = {}
    for name, marginal in joint.marginals.items():
        if marginal.is_point:
            out[name] = np.array([marginal.coefficients[0]])
            continue
        column = correlated.get(name)
        out[name] = quantile(marginal, u[joint.dimensions[name]] if column is None else column)
    return out


def _correlate(joint: Joint, u: Array) -> dict[str, Array]:
    if not joint.groups:
        return {}
    from scipy.special import ndtr, ndtri

    out: dict[str, Array] = {}
    for group, factor in joint.groups:
        rows = np.clip(u[[joint.dimensions[n] for n in group]], 1e-15, 1.0 - 1e-15)
        scores = ndtri(rows)
        for i, name in enumerate(group):
            # element by element, not BLAS: the same order of additions on every machine
            mixed = factor[i, 0] * scores[0]
            for j in range(1, i + 1):
                mixed = mixed + factor[i, j] * scores[j]
            out[name] = ndtr(mixed)
    return out


def sample(joint: Joint, samples: int, seed: int = 0) -> dict[str, Array]:
    """All samples at once, name -> ``(samples,)`` (points: ``(1,)``).

    >>> from liebig.uncertainty.marginals import make_marginal
    >>> m = make_marginal("uniform", (0.0, 1.0), (0.0, 1.0))
    >>> a = sample(make_joint({"a": m}), 4, seed=1)["a"]
    >>> bool(np.all(a == sample(make_joint({"a": m}), 4, seed=1)["a"]))
    True
    """
    parts = [transform(joint, u) for u in sobol_blocks(joint.size, samples, seed)]
    return {n: v if v.size == 1 else np.concatenate([p[n] for p in parts]) for n, v in parts[0].items()}
