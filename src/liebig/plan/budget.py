"""What a budget of money, power and time trains: the best model, its tokens and loss, and which budget binds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liebig.errors import InputError
from liebig.plan.budget_search import BudgetInput, Means, best_count, loss_of, means_of
from liebig.plan.inputs import setup_of
from liebig.plan.loss import loss
from liebig.plan.result import TrainingPlan
from liebig.plan.train import plan_of
from liebig.reading import made
from liebig.tables import Table
from liebig.uncertainty import Interval

__all__ = ["Budget", "BudgetInput", "find_budget", "make_budget_input"]

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Budget:
    """The best model of a budget; ``frontier`` has one row per size tried, ``binds`` names what is used up.

    ``idle_chips`` are chips that the budget allows and that would not lower the loss: divided among all of them, the
    batch would leave more of each idle.
    """

    given: BudgetInput
    chips: int
    days: float
    usd: float
    power_w: float
    binds: str
    headroom: dict[str, float]
    parameters: float
    tokens: Interval
    loss: Interval
    plan: TrainingPlan
    frontier: tuple[dict[str, Any], ...]
    idle_chips: int = 0

    def table(self) -> Table:
        """The frontier, tidy: parameters, tokens, loss, utilisation."""
        return Table.from_rows(list(self.frontier))

    def summary(self) -> str:
        """The answer in a sentence."""
        from liebig.plan.words import money
        from liebig.quantities import format_interval, format_quantity

        n = self.parameters
        return (
            f"The best model is one of {format_quantity(n, 'parameters', 3)} on {self.tokens[1] / 1e12:.3g}T tokens "
            f"({self.tokens[0] / 1e12:.3g}–{self.tokens[2] / 1e12:.3g}), "
            f"expected loss {format_interval(self.loss, write='.3g')}: "
            f"{self.chips:,} {self.plan.chip.name} for {self.days:.3g} days, {money(self.usd)}, "
            f"{self.power_w / 1e6:.3g} MW. {_bind(self.binds)}.{self._idle_words()}"
        )

    def _idle_words(self) -> str:
        if not self.idle_chips:
            return ""
        return (
            f" The budget allows {self.idle_chips:,} chips more, which would not lower the loss: divided among all of "
            f"them, a batch near {self.plan.batch:,} sequences would leave more of each idle."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "summary": self.summary(),
            "given": self.given.model_dump(),
            "chips": self.chips,
            "idle_chips": self.idle_chips,
            "days": self.days,
            "usd": self.usd,
            "power_w": self.power_w,
            "binds": self.binds,
            "headroom": self.headroom,
            "parameters": self.parameters,
            "tokens": self.tokens.to_dict(),
            "loss": self.loss.to_dict(),
            "plan": self.plan.to_dict(),
            "frontier": list(self.frontier),
            "notes": list(self.plan.notes),
        }


def make_budget_input(**options: Any) -> BudgetInput:
    """An input from options.

    Raises:
        InputError: an option cannot be, or nothing limits the run.
    """
    given = made(BudgetInput, options, noun="option")
    if given.usd is None and given.chips is None and given.power_w is None:
        raise InputError(
            "nothing limits the run; give at least one of usd, power and chips (days may be added to each)"
        )
    return given


def find_budget(given: BudgetInput | None = None, progress: Progress | None = None, **options: Any) -> Budget:
    """The model of least loss that the budgets train.

    Sizes are tried along a grid, the same for every budget; each has its best layout, and trains on as many tokens as
    the time allows.  Fewer chips than the budgets allow are tried too, so that a larger budget buys no worse a model.

    Args:
        given: the budgets, or None to make them from the options.
        progress: called with the share done.
        options: fields of ``BudgetInput``.

    Raises:
        InputError: nothing limits the run, or the budget pays for nothing.

    >>> b = find_budget(chips=64, days=10, usd_per_chip_hour=2.0, seq_len=2048)
    >>> b.binds, 1e9 < b.parameters < 2e10
    ('chips and days', True)
    """
    given = given or make_budget_input(**options)
    allowed = means_of(given)
    means, tried = best_count(given, allowed, progress)
    best = min(tried, key=loss_of)
    rows = [t[0] for t in tried]
    row, chosen, found = best
    chosen = chosen.model_copy(update={"tokens": row["tokens"]})
    plan = plan_of(chosen, setup_of(chosen), found)
    spread = [row["tokens"] * plan.step_s[1] / s * g / plan.goodput.p50 for s, g in _interval_bounds(plan)]
    tokens = Interval(spread[0], row["tokens"], spread[1])
    losses = Interval(_loss(row, tokens.p90), row["loss"], _loss(row, tokens.p10))
    headroom = _headroom(given, means)
    idle = 0 if headroom.get("money", math.inf) <= 1.03 else max(allowed.chips - means.chips, 0)
    return Budget(
        given, means.chips, means.days, means.usd, means.power_w, "batch size" if idle else _binding(headroom),
        headroom, row["parameters"], tokens, losses, plan, tuple(rows), idle,
    )  # fmt: skip


def _bind(names: str) -> str:
    """Who binds, in a sentence.

    >>> _bind("money"), _bind("money and days")
    ('Money binds', 'Money and days bind')
    """
    many = " and " in names or names in ("days", "chips")
    return f"{names.capitalize()} bind" if many else f"{names.capitalize()} binds"


def _binding(headroom: dict[str, float]) -> str:
    """Budgets that are used up, within what rounding to whole servers leaves."""
    least = min(headroom.values())
    return " and ".join(k for k, v in headroom.items() if v <= 1.03 * least)


def _interval_bounds(plan: TrainingPlan) -> list[tuple[float, float]]:
    """Slow and fast ends: seconds of a step, goodput."""
    return [(plan.step_s[2], plan.goodput.p10), (plan.step_s[0], plan.goodput.p90)]


def _loss(row: dict[str, Any], tokens: float) -> float:
    """Loss with other tokens; the two laws differ, and their difference is part of the interval."""
    both = [float(loss(name, row["parameters"], tokens)) for name in ("hoffmann", "besiroglu")]
    return min(both) if tokens > row["tokens"] else max(both)


def _headroom(given: BudgetInput, means: Means) -> dict[str, float]:
    """Budget over use, for the days and each budget given; 1 where it is used up but for rounding to whole servers."""
    out = {}
    if given.usd is not None:
        out["money"] = given.usd / means.usd
    if given.power_w is not None:
        out["power"] = max(given.power_w / (means.power_w * means.rounded), 1.0)
    if given.chips is not None:
        out["chips"] = max(given.chips / (means.chips * means.rounded), 1.0)
    out["days"] = given.days / means.days
    if given.usd is not None and means.days >= given.days and means.rounded < 1.1:
        out["money"] /= means.rounded  # the days end before the money only because chips were rounded
    return out
