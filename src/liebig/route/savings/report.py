"""What routing saved: money, energy and carbon of the rows of a ledger against the strongest model alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from liebig.dates import utc_day, utc_text
from liebig.errors import InputError
from liebig.route.ledger.records import Row
from liebig.route.savings.drift import Drift, drift_of
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Saving", "Savings", "Tally", "report"]

Array = NDArray[np.float64]
By = Literal["total", "key", "model", "day"]

#: Calls of the strong and of other models below which the ratio of their lengths is not estimated.
FEWEST = 20
#: Draws of the bootstrap, and blocks of consecutive calls that it draws from.
DRAWS = 500
BLOCKS = 2_000
_AMOUNTS = ("usd", "wh", "g_co2")
_COLUMNS = (
    "at", "status", "prompt_tokens", "cached_tokens", "completion_tokens", "usd", "wh", "g_co2", "usd_strong",
    "wh_strong", "g_co2_strong", "escalated",
)  # fmt: skip


@dataclass(frozen=True)
class Saving:
    """What the calls of a group took, and what the strongest model alone would have taken (p10, p50, p90).

    ``calls_saved``, ``tokens_saved`` and ``usd_saved`` are shares: calls and tokens kept from the strongest model, and
    the median of the money that was not spent; None where there is nothing to divide by.
    """

    group: str
    calls: int
    errors: int
    prompt_tokens: int
    completion_tokens: int
    usd: float
    kwh: float
    g_co2: float
    usd_strong: Interval
    kwh_strong: Interval
    g_co2_strong: Interval
    calls_saved: float | None
    tokens_saved: float | None
    usd_saved: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {k: v.to_dict() if isinstance(v, Interval) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Savings:
    """A report: one item per group, and the total.

    ``length_ratio`` is that of completion tokens of the strongest model to those of the others (p10, p50, p90), None
    where there are too few calls to tell; strong-only then counts the tokens that the answers had.
    """

    by: By
    items: tuple[Saving, ...]
    total: Saving
    strong: str | None
    length_ratio: Interval | None
    start: float | None
    end: float | None
    drift: Drift | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know."""
        out = []
        if self.length_ratio is None and self.total.calls:
            out.append(
                f"fewer than {FEWEST} calls of the strongest model or of the others: the length of its answers is not "
                "known, strong-only is reckoned with the length of the answers given"
            )
        if self.drift is not None and self.drift.warning is not None:
            out.append(self.drift.warning)
        return tuple(out)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and texts, ready for JSON."""
        return {
            "by": self.by, "from": utc_text(self.start), "to": utc_text(self.end), "strong": self.strong,
            "length_ratio": None if self.length_ratio is None else self.length_ratio.to_dict(),
            "total": self.total.to_dict(),
            "items": [i.to_dict() for i in self.items],
            "drift": self.drift.to_dict() if self.drift else None, "warnings": list(self.warnings),
        }  # fmt: skip

    def table(self) -> Table:
        """One row per group; an interval as three columns, its median under the plain name."""
        rows = []
        for item in self.items:
            cells: dict[str, Any] = {}
            for name, value in vars(item).items():
                if isinstance(value, Interval):
                    cells |= value.columns(name, plain_median=True)
                else:
                    cells[name] = value
            rows.append(cells)
        return Table.from_rows(rows)


class Tally:
    """Rows as columns, about 100 bytes each: ``add`` them one by one, then ask for a ``report``."""

    def __init__(self, by: By = "total") -> None:
        if by not in ("total", "key", "model", "day"):
            raise InputError(f"by {by!r}: expected total, key, model or day")
        self.by = by
        self._columns = {name: array("d") for name in _COLUMNS}
        self._scores = array("d")
        self._models, self._groups = array("q"), array("q")
        self._model_names: dict[str, int] = {}
        self._group_names: dict[str, int] = {}

    def add(self, row: Row) -> None:
        """Take a row in."""
        for name, column in self._columns.items():
            column.append(float(getattr(row, name) or 0.0))
        if row.score is not None:
            self._scores.append(row.score)
        self._models.append(self._model_names.setdefault(row.model, len(self._model_names)))
        self._groups.append(self._group_names.setdefault(self._group(row), len(self._group_names)))

    def _group(self, row: Row) -> str:
        if self.by == "day":
            return utc_day(row.at)
        return {"total": "total", "key": row.key_id, "model": row.model}[self.by]

    def report(self, strong: str | None = None, calibration: Sequence[float] | Array | None = None) -> Savings:
        """The savings of the rows so far.

        Args:
            strong: name of the strongest model; by default the one whose calls cost what the strongest would have.
            calibration: scores of the prompts that the router was calibrated on.
        """
        c = {
            name: np.frombuffer(column, dtype=float) if column else np.zeros(0)
            for name, column in self._columns.items()
        }
        models = np.array(self._models, dtype=np.int64)
        groups = np.array(self._groups, dtype=np.int64)
        name = strong if strong is not None else self._strongest(c, models)
        by_strong = models == self._model_names.get(name, -1) if name is not None else np.zeros(len(models), bool)
        ratio = _length_ratio(c, by_strong)
        parts = {a: _completion_part(c, f"{a}_strong") for a in _AMOUNTS}
        items = [
            _saving(label, c, groups == code, by_strong, parts, ratio) for label, code in self._group_names.items()
        ]
        total = _saving("total", c, np.ones(len(groups), bool), by_strong, parts, ratio)
        drift = None
        if calibration is not None and len(self._scores) and len(calibration):
            drift = drift_of(np.array(self._scores), np.asarray(calibration, dtype=float))
        return Savings(
            self.by, tuple(sorted(items, key=lambda i: i.group)), total, name,
            None if ratio is None else Interval.of(ratio),
            float(c["at"].min()) if len(groups) else None, float(c["at"].max()) if len(groups) else None, drift,
        )  # fmt: skip

    def _strongest(self, c: Mapping[str, Array], models: NDArray[np.int64]) -> str | None:
        told = (c["escalated"] == 0) & (c["usd_strong"] > 0) & (c["completion_tokens"] > 0)
        same = told & np.isclose(c["usd"], c["usd_strong"], rtol=1e-6, atol=0.0)
        best: tuple[int, str | None] = (0, None)
        for name, code in self._model_names.items():
            own = told & (models == code)
            if own.any() and same[own].mean() > 0.99:
                best = max(best, (int(own.sum()), name), key=lambda b: b[0])
        return best[1]


def report(
    rows: Iterable[Row],
    by: By = "total",
    *,
    strong: str | None = None,
    calibration: Sequence[float] | Array | None = None,
) -> Savings:
    """The report of rows; see ``Tally.report`` for the arguments.

    >>> row = Row("1", "k", 0.0, "chat", "auto", "w", model="weak", status=200, completion_tokens=100, usd=0.1,
    ...           usd_strong=1.0)
    >>> report([row]).total.usd_strong
    Interval(p10=1.0, p50=1.0, p90=1.0)
    """
    tally = Tally(by)
    for row in rows:
        tally.add(row)
    return tally.report(strong, calibration)


def _length_ratio(c: Mapping[str, Array], by_strong: NDArray[np.bool_]) -> Array | None:
    """Draws of mean completion tokens of the strongest model over those of the others, by bootstrap over calls.

    It takes the prompts of both to be alike: where the router sends the hard ones to the strongest model, whose answers
    are longer for that, the ratio comes out too high.
    """
    told = (c["completion_tokens"] > 0) & (c["status"] >= 200) & (c["status"] < 300)
    draws = []
    rng = np.random.default_rng(0)
    for which in (told & by_strong, told & ~by_strong):
        tokens = c["completion_tokens"][which]
        if len(tokens) < FEWEST:
            return None
        blocks = np.array_split(tokens, min(len(tokens), BLOCKS))
        sums, counts = np.array([b.sum() for b in blocks]), np.array([len(b) for b in blocks])
        weights = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=DRAWS)
        draws.append((weights @ sums) / (weights @ counts))
    return np.asarray(draws[0] / draws[1])


def _completion_part(c: Mapping[str, Array], amount: str) -> Array:
    """Share of an amount of the strongest model that is due to completion tokens, per call.

    Amounts are linear in the tokens of each kind, so a non-negative fit gives back the prices.
    """
    from scipy.optimize import nnls

    kinds = np.stack([c["prompt_tokens"] - c["cached_tokens"], c["cached_tokens"], c["completion_tokens"]], axis=1)
    told = (kinds.sum(axis=1) > 0) & (c[amount] > 0)
    if not told.any():
        return np.zeros(len(kinds))
    used = kinds[told]
    scale = np.maximum(used.max(axis=0), 1.0)
    prices = nnls((used / scale).T @ (used / scale), (used / scale).T @ c[amount][told])[0] / scale
    fitted = kinds @ prices
    return np.divide(kinds[:, 2] * prices[2], fitted, out=np.zeros(len(kinds)), where=fitted > 0)


def _saving(
    label: str, c: Mapping[str, Array], which: NDArray[np.bool_], by_strong: NDArray[np.bool_],
    parts: Mapping[str, Array], ratio: Array | None,
) -> Saving:  # fmt: skip
    strong_only: dict[str, Interval] = {}
    for name in _AMOUNTS:
        amount = c[f"{name}_strong"]
        longer = float((amount * parts[name])[which & ~by_strong].sum())
        level = float(amount[which].sum())
        strong_only[name] = Interval.exactly(level) if ratio is None else Interval.of(level + longer * (ratio - 1.0))
    spent = {name: float(c[name][which].sum()) for name in _AMOUNTS}
    prompt, completion = (c[f"{n}_tokens"] for n in ("prompt", "completion"))
    told = which & (c["status"] >= 200) & (c["status"] < 300)
    weak, tokens = told & ~by_strong, prompt + completion
    usd = strong_only["usd"]
    return Saving(
        label, int(which.sum()), int((which & ~told).sum()), int(prompt[which].sum()), int(completion[which].sum()),
        spent["usd"], spent["wh"] / 1e3, spent["g_co2"],
        usd, strong_only["wh"].scaled(1e-3), strong_only["g_co2"],
        _share(weak.sum(), told.sum()), _share(tokens[weak].sum(), tokens[told].sum()),
        _share(usd.p50 - spent["usd"], usd.p50),
    )  # fmt: skip


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
