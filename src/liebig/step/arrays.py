"""Records of arrays, some of them records themselves: one after the other, in one shape, at given places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["broadcast", "joined", "mapped", "taken"]

R = TypeVar("R")
Array = NDArray[np.float64]


def mapped(record: R, change: Callable[[Any], Any]) -> R:
    """The record with every array in it changed.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Pair:
    ...     a: Array
    ...     b: Array
    >>> mapped(Pair(np.array(1.0), np.array(2.0)), lambda x: float(2.0 * x))
    Pair(a=2.0, b=4.0)
    """
    values = (getattr(record, f.name) for f in fields(cast(Any, record)))
    return type(record)(*(mapped(v, change) if is_dataclass(v) else change(v) for v in values))


def joined(records: Sequence[R]) -> R:
    """Records of arrays of one dimension, one after the other."""
    first = records[0]
    out = []
    for f in fields(cast(Any, first)):
        values = [getattr(r, f.name) for r in records]
        out.append(joined(values) if is_dataclass(values[0]) else np.concatenate(values))
    return type(first)(*out)


def broadcast(record: R, shape: tuple[int, ...]) -> R:
    """The record with every array copied to one shape."""
    return mapped(record, lambda x: np.broadcast_to(x, shape).copy())


def taken(record: R, index: Any) -> R:
    """The record with what every array has at some places."""
    return mapped(record, lambda x: x[index])
