"""Dependence between parameters: a Gaussian copula stated by Spearman rank correlations."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from liebig.errors import RangeError

__all__ = [
    "CorrelationWarning",
    "correlated_groups",
    "correlation_matrix",
    "nearest_correlation",
    "pearson_from_spearman",
]

Array = NDArray[np.float64]


class CorrelationWarning(UserWarning):
    """The correlations stated cannot hold together; the nearest possible ones are used."""


def pearson_from_spearman(rho: Array) -> Array:
    """Correlation of the normal scores that gives rank correlation ``rho``: ``2 sin(pi rho / 6)``.

    Source: K. Pearson, "Mathematical contributions to the theory of evolution XVI", 1907.

    >>> round(float(pearson_from_spearman(np.array(0.5))), 4)
    0.5176
    """
    return 2.0 * np.sin(np.pi * np.asarray(rho) / 6.0)


def correlation_matrix(names: Sequence[str], spearman: Mapping[tuple[str, str], float]) -> Array:
    """Pearson correlation matrix of the normal scores, shape ``(len(names), len(names))``.

    When the stated values cannot hold together the nearest correlation matrix is returned
    and a :class:`CorrelationWarning` says how far the largest entry moved.

    Raises:
        RangeError: a value outside -1..1.
    """
    index = {name: i for i, name in enumerate(names)}
    matrix = np.eye(len(names))
    for (a, b), rho in spearman.items():
        if not -1.0 <= rho <= 1.0:
            raise RangeError(f"correlation of {a} and {b} is {rho:g}; expected a value from -1 to 1")
        if a in index and b in index and a != b:
            r = float(pearson_from_spearman(np.array(rho)))
            matrix[index[a], index[b]] = matrix[index[b], index[a]] = r
    if len(names) and np.linalg.eigvalsh(matrix)[0] <= 1e-10:
        near = nearest_correlation(matrix)
        moved = float(np.abs(near - matrix).max())
        warnings.warn(
            f"the correlations stated for {', '.join(names)} cannot hold together (not positive definite); "
            f"using the nearest matrix that can, in which the largest entry moved by {moved:.3f}",
            CorrelationWarning,
            stacklevel=2,
        )
        return near
    return matrix


def nearest_correlation(matrix: Array, floor: float = 1e-8, sweeps: int = 500) -> Array:
    """Nearest correlation matrix in the Frobenius norm, by alternating projections.

    Args:
        matrix: symmetric, shape ``(d, d)``.
        floor: smallest eigenvalue allowed, so that a Cholesky factor exists.
        sweeps: most projections.

    Source: N. J. Higham, "Computing the nearest correlation matrix", IMA J. Numer. Anal. 22,
    2002, doi:10.1093/imanum/22.3.329.

    >>> bad = np.array([[1, .9, -.9], [.9, 1, .9], [-.9, .9, 1.0]])
    >>> bool(np.linalg.eigvalsh(nearest_correlation(bad))[0] > 0)
    True
    """
    y = matrix.copy()
    correction = np.zeros_like(y)
    for _ in range(sweeps):
        r = y - correction
        x = _clip_spectrum(r, floor)
        correction = x - r
        y = x.copy()
        np.fill_diagonal(y, 1.0)
        if np.linalg.norm(y - x) < 1e-10 * np.linalg.norm(y):
            break
    # the unit diagonal was set last and may have pushed an eigenvalue below the floor
    x = _clip_spectrum(y, floor)
    scale = 1.0 / np.sqrt(np.diag(x))
    out = x * scale[:, None] * scale[None, :]
    np.fill_diagonal(out, 1.0)
    return out


def _clip_spectrum(matrix: Array, floor: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, floor)) @ vectors.T


def correlated_groups(pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Sets of names linked by a correlation, each in order of first mention.

    >>> correlated_groups([("a", "b"), ("c", "d"), ("b", "e")])
    [['c', 'd'], ['a', 'b', 'e']]
    """
    groups: list[list[str]] = []
    for a, b in pairs:
        hit = [g for g in groups if a in g or b in g]
        merged = list(dict.fromkeys([n for g in hit for n in g] + [a, b]))
        groups = [g for g in groups if g not in hit] + [merged]
    return groups
