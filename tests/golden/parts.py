"""What producers of answers share: a topic, and ways to take a result apart into names and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from golden.answers import Answers

__all__ = ["EXAMPLES", "Topic", "flat", "levels", "of_fields", "of_rows"]

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Topic:
    """A file of answers: what computes them, and whether that takes more than a few seconds."""

    answers: Callable[[], Answers]
    slow: bool = False


def levels(name: str, values: Sequence[float]) -> dict[str, Any]:
    """p10, p50 and p90 of three values, or of five from p10 to p90."""
    low, middle, high = values[0], values[len(values) // 2], values[-1]
    return {f"{name}/p10": low, f"{name}/p50": middle, f"{name}/p90": high}


def flat(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and texts of nested mappings under a name."""
    out: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            out |= flat(f"{name}/{key}", value)
        elif isinstance(value, (list, tuple)):
            out |= {f"{name}/{key}/{i}": v for i, v in enumerate(value)}
        else:
            out[f"{name}/{key}"] = value
    return out


def of_fields(name: str, record: Any) -> dict[str, Any]:
    """Parts of a sum that are worth a ten-thousandth of the largest; one that appears is an answer that is added."""
    values = {f.name: float(getattr(record, f.name)) for f in fields(record)}
    least = 1e-4 * max(abs(v) for v in values.values())
    return {f"{name}/{part}": value for part, value in values.items() if abs(value) > least}


def of_rows(name: str, rows: Iterable[Mapping[str, Any]], key: str, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Some columns (or all) of rows that one column names."""
    out: dict[str, Any] = {}
    for row in rows:
        for column in columns or [c for c in row if c != key]:
            out[f"{name}/{row[key]}/{column}"] = row[column]
    return out
