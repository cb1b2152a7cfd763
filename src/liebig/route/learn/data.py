"""Labelled traffic: prompts with the quality of each model's answer, from JSON Lines or CSV.

JSON Lines: ``{"prompt": "...", "quality": {"small": 0, "large": 1}, "answer": {...}, "cost": {...}, "tokens": {...}}``,
with ``messages`` in place of ``prompt`` for whole conversations.  CSV: columns ``prompt``, ``quality:small`` and so on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.errors import InputError
from liebig.reading import json_of, read_csv, read_json_lines
from liebig.route.request import Answer, Request, request_of_chat

__all__ = ["Labelled", "answer_from", "labelled_from", "parts_of_row", "read_labelled", "read_raw", "request_of_row"]

Array = NDArray[np.float64]
_KINDS = ("quality", "answer", "cost", "tokens")


@dataclass(frozen=True)
class Labelled:
    """Requests with the quality of each model's answer.

    Args:
        models: weakest first.
        requests: with the answers that are known.
        quality: shape ``(n, models)``, in the user's unit; nan where not labelled.
        cost: USD of each answer, shape ``(n, models)``; nan where unknown.
        tokens: of each answer, shape ``(n, models)``; nan where unknown.
    """

    models: tuple[str, ...]
    requests: tuple[Request, ...]
    quality: Array
    cost: Array
    tokens: Array

    def __len__(self) -> int:
        """Requests."""
        return len(self.requests)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """True where every model has a label."""
        return np.asarray(np.isfinite(self.quality).all(axis=1))

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Labelled:
        """Some of the rows."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Labelled(
            self.models, tuple(self.requests[i] for i in at), self.quality[at], self.cost[at], self.tokens[at]
        )

    def of(self, models: Sequence[str]) -> Labelled:
        """The columns of some models, in the order given.

        Raises:
            InputError: there are no labels of one.
        """
        absent = [m for m in models if m not in self.models]
        if absent:
            raise InputError(f"no labels of {', '.join(absent)}; there are labels of {', '.join(self.models)}")
        order = [self.models.index(m) for m in models]
        return Labelled(
            tuple(models), self.requests, self.quality[:, order], self.cost[:, order], self.tokens[:, order]
        )

    def usable(self) -> Labelled:
        """Rows whose labels are complete.

        Raises:
            InputError: none is.
        """
        if not self.labelled.any():
            raise InputError(
                f"no row has a quality for each of {', '.join(self.models)}; `liebig route label` helps to label some"
            )
        return self.at(self.labelled)


def read_labelled(path: str | Path, models: Sequence[str] = ()) -> Labelled:
    """Labelled requests from a file (``.jsonl``, ``.json``, ``.csv``, each also ``.gz``).

    Args:
        path: of the file.
        models: to read, weakest first; by default all, by their mean quality.

    Raises:
        InputError: cannot be read; up to ten bad rows are named.
    """
    return labelled_from(read_raw(path), models, str(path))


def read_raw(path: str | Path) -> list[Any]:
    """Rows of a file as they stand.

    Raises:
        InputError: cannot be read.
    """
    path = Path(path)
    what = "labelled requests: .jsonl, .json or .csv, plain or .gz"
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".csv"):
        return list(read_csv(path, what))
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return read_json_lines(path, what)
    raise InputError(f"{path}: expected a name that ends in .jsonl, .json or .csv")


def labelled_from(rows: Iterable[Any], models: Sequence[str] = (), where: str = "rows") -> Labelled:
    """Labelled requests from rows that are already read.

    Raises:
        InputError: up to ten bad rows are named; no model, or one that is asked for and absent.

    >>> found = labelled_from([{"prompt": "2+2?", "quality": {"large": 1, "small": 0}}])
    >>> found.models, found.quality.tolist()
    (('small', 'large'), [[0.0, 1.0]])
    """
    read, problems = [], []
    for number, row in enumerate(rows, start=1):
        try:
            read.append(_row(row))
        except InputError as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise InputError(f"{where}: " + "; ".join(problems[:10]) + more)
    known = list(dict.fromkeys(m for _, parts in read for m in (*parts["quality"], *parts["answer"])))
    absent = [m for m in models if m not in known]
    if not read or not known or absent:
        what = f"no quality of {', '.join(absent)}" if absent else "no row with a quality"
        raise InputError(f"{where}: {what}; there is {', '.join(known) or 'none'}")
    names = list(models) or known
    tables = {
        k: np.array([[p[k].get(m, math.nan) for m in names] for _, p in read]) for k in ("quality", "cost", "tokens")
    }
    if not models:
        level = [np.nanmean(c) if np.isfinite(c).any() else math.inf for c in tables["quality"].T]
        order = np.argsort(level, kind="stable")
        names, tables = [names[i] for i in order], {k: t[:, order] for k, t in tables.items()}
    return Labelled(tuple(names), tuple(r for r, _ in read), tables["quality"], tables["cost"], tables["tokens"])


def _row(row: Any) -> tuple[Request, dict[str, dict[str, Any]]]:
    if not isinstance(row, Mapping):
        raise InputError(f"expected an object, got {type(row).__name__}")
    parts = parts_of_row(row)
    for kind in ("quality", "cost", "tokens"):
        parts[kind] = {m: _number(v, f"{kind} of {m}") for m, v in parts[kind].items()}
    answers = {m: answer_from(v) for m, v in parts["answer"].items()}
    return replace(request_of_row(row), answers=answers), parts


def parts_of_row(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """``quality``, ``answer``, ``cost`` and ``tokens`` of a row by model, as they stand; empty where there are none.

    >>> parts_of_row({"quality:small": "1", "answer": {"large": "4"}})["answer"]
    {'large': '4'}
    """
    parts: dict[str, dict[str, Any]] = {k: {} for k in _KINDS}
    for column, value in row.items():
        kind, mark, model = str(column).partition(":")
        if mark and kind in _KINDS and value not in ("", None):
            parts[kind][model.strip()] = value
        elif kind in _KINDS and isinstance(value, Mapping):
            parts[kind] |= {str(m): v for m, v in value.items() if v not in ("", None)}
    return parts


def request_of_row(row: Mapping[str, Any]) -> Request:
    """The request of a row, from its messages or its prompt.

    Raises:
        InputError: neither is there, or messages are not JSON.
    """
    messages = row.get("messages")
    if isinstance(messages, str) and messages.strip():
        messages = json_of(messages, "messages")
    if isinstance(messages, list):
        return request_of_chat({"messages": messages})
    prompt = row.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("no prompt and no messages")
    return Request(prompt)


def _number(value: Any, what: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise InputError(f"{what} is {value!r:.40}; expected a number")
    return found


def answer_from(value: Any) -> Answer:
    """An answer from a text, or from an object with text, logprobs, samples, finish and tokens."""
    if isinstance(value, Mapping):
        logprobs = value.get("logprobs") or ()
        samples = value.get("samples") or ()
        return Answer(
            str(value.get("text") or ""), tuple(float(x) for x in logprobs), tuple(str(s) for s in samples),
            str(value.get("finish") or ""), int(value.get("tokens") or 0),
        )  # fmt: skip
    return Answer(str(value))
