"""What a budget of money, power and time trains: the best model, its tokens and loss, and which budget binds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from liebig.dates import decimal_year
from liebig.errors import InputError
from liebig.plan.defaults import default_batch
from liebig.plan.goodput import goodput
from liebig.plan.inputs import DATE, TrainingInput, chip_of, make_training_input, precision_on, setup_of, site_of
from liebig.plan.loss import loss
from liebig.plan.result import TrainingPlan
from liebig.plan.train import plan_of
from liebig.reading import made
from liebig.site.money import owned_usd_per_chip_hour, rental_usd_per_chip_hour
from liebig.site.power import chip_power_w, server_power_w
from liebig.step.search import Found, search
from liebig.tables import Table
from liebig.transformer.architecture import architecture_of_size
from liebig.transformer.arithmetic import flops_per_token
from liebig.uncertainty import Interval

__all__ = ["Budget", "BudgetInput", "find_budget", "make_budget_input"]

Progress = Callable[[float], None]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
HOURS_PER_DAY = 24.0
#: Without a limit on days, runs are planned for at most this long.
LONGEST_DAYS = 365.0
#: With money alone, chips are as many as it pays for in this time.
USUAL_DAYS = 90.0
#: Where money and days are given, most chips over those that the money pays for all days.
MORE_CHIPS = 16
#: Activity shares by which the power of a chip is judged before a layout is known.
TYPICAL_SHARES = {"matmul": 0.6, "attention": 0.08, "memory": 0.08, "tensor": 0.1, "bubble": 0.08, "data": 0.06}
#: Where fewer chips would run for longer for the same money, they are tried only below this utilisation.
BUSY = 0.3
#: Most of the peak that a layout is taken to use: numbers of chips that would need more are not tried.
MOST_USED = 0.9
#: Sizes of models that are tried, per factor of ten: the same for every budget, so that a larger one buys no less.
PER_DECADE = 6
#: Numbers of chips that are tried between two powers of two.
PER_OCTAVE = 8


class BudgetInput(BaseModel):
    """Any of money, power, days and chips; at least one of money, chips, or power with days.

    >>> BudgetInput(usd=5e6, power_w=2e6, days=90).chip
    'H100-SXM'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Amount | None = Field(default=None, description="money for the run, US dollars")
    power_w: Amount | None = Field(default=None, description="power of the site, watts")
    days: Annotated[float, Field(gt=0, le=3650)] | None = Field(default=None, description="how long it may take")
    chips: Annotated[int, Field(ge=1, le=10**8)] | None = Field(default=None, description="chips at hand")
    chip: str | dict[str, Any] = Field(default="H100-SXM", description="name, file or numbers of the accelerator")
    precision: str = Field(default="bf16", description="of the matrix products")
    seq_len: Annotated[int, Field(ge=128, le=10**7)] = Field(default=8192, description="tokens of a sequence")
    software: str = Field(default="modern", description="profile of the framework")
    site: str | dict[str, Any] = Field(default="us-average", description="name or numbers of the place")
    date: str = Field(default=DATE, description="when it runs", pattern=r"^\d{4}(-\d{2}){0,2}$")
    terms: Literal["reserved", "on-demand", "1-year", "3-year", "spot", "market", "owned"] = Field(
        default="reserved", description="how the chips are paid for"
    )
    usd_per_chip_hour: Amount | None = Field(default=None, description="price, when you know it")
    law: Literal["hoffmann", "besiroglu"] = Field(default="besiroglu", description="scaling law of the loss")
    calibration: str | None = Field(default=None, description="file of a calibration")


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


@dataclass(frozen=True)
class _Means:
    """Chips and days that the budgets allow, and how much of each is used."""

    chips: int
    days: float
    price: float
    server_w: float
    pue: float
    #: Chips that the budgets allow, before rounding to whole servers, over those of whole servers.
    rounded: float
    #: Larger numbers of chips, that the money pays for a shorter time.
    more: tuple[int, ...] = ()

    def with_chips(self, chips: int, given: BudgetInput) -> _Means:
        """The same budgets spent on fewer chips, for longer where money ends the run, or on more for less time."""
        if chips == self.chips:
            return self
        days = given.days or LONGEST_DAYS
        if given.usd is not None:
            days = min(days, given.usd / (self.price * HOURS_PER_DAY * chips))
        return replace(self, chips=chips, days=days)

    @property
    def usd(self) -> float:
        return self.chips * self.days * HOURS_PER_DAY * self.price

    @property
    def power_w(self) -> float:
        return self.chips * self.server_w * self.pue


def _means(given: BudgetInput) -> _Means:
    machine, place = chip_of(given.chip), site_of(given.site)
    server_w = float(server_power_w(machine, chip_power_w(machine, TYPICAL_SHARES)))
    if given.usd_per_chip_hour is not None:
        price = given.usd_per_chip_hour
    elif given.terms == "owned":
        price = owned_usd_per_chip_hour(machine, decimal_year(given.date), server_w, place)
    else:
        price = rental_usd_per_chip_hour(machine, given.date, "" if given.terms == "reserved" else given.terms).p50
    days = given.days or LONGEST_DAYS
    bounds = [math.inf if given.chips is None else float(given.chips)]
    if given.power_w is not None:
        bounds.append(given.power_w / (server_w * place.pue))
    chip_days = math.inf if given.usd is None else given.usd / (price * HOURS_PER_DAY)
    money_alone = given.days is None and given.power_w is None and given.chips is None
    bound = min(*bounds, chip_days / (USUAL_DAYS if money_alone else days))
    # one chip for some days, where the money does not pay for one for all of them
    chips = _round_down(bound, machine.chips_per_node) or int(min(*bounds, chip_days) >= 1.0)
    if not chips:
        raise InputError(
            f"the budget does not pay for one {machine.name} for a day (USD {price:.3g} per hour, "
            f"{server_w * place.pue / 1e3:.2g} kW): give more money or power"
        )
    more = []
    if given.days is not None and bound < min(bounds):  # money is what limits the chips
        most = int(min(MORE_CHIPS * chips, *bounds, chip_days))
        more = [n for n in _coarse_below(most + 1) if n > chips][::-1]
    days = min(days, chip_days / chips)
    return _Means(chips, days, price, server_w, place.pue, max(bound / chips, 1.0), tuple(more))


def _round_down(count: float, node: int) -> int:
    """Whole servers, and a number with many divisors where it is large; fewer chips than a server has as they are."""
    n = int(count)
    if n < node:
        return n
    servers = n // node
    for size in (64, 32, 16, 8, 4, 2):
        if servers >= 4 * size:
            servers = servers // size * size
            break
    return servers * node


#: A row of the frontier, the input that it stands for, and its layout.
_Tried = tuple[dict[str, Any], TrainingInput, Found]


def _one(given: BudgetInput, means: _Means, parameters: float) -> _Tried | None:
    """What a model of a size comes to, or None when it does not fit."""
    model = architecture_of_size(parameters)
    sequences = default_batch(parameters, given.seq_len, means.chips)
    fields = {k: v for k, v in model.model_dump(exclude={"name"}).items() if v is not None}
    options = make_training_input(
        model={"name": model.name, **fields}, seq_len=given.seq_len, batch=sequences, precision=given.precision,
        chip=given.chip, chips=means.chips, software=given.software, site=given.site, date=given.date,
        terms=given.terms, usd_per_chip_hour=given.usd_per_chip_hour, calibration=given.calibration,
    )  # fmt: skip
    setup = setup_of(options)
    try:
        found = search(
            setup.model, setup.chip, setup.fabric, setup.software, setup.precision, means.chips, sequences,
            given.seq_len, setup.calibration, setup.space, keep=1,
        )  # fmt: skip
    except InputError:
        return None
    kept = goodput(means.chips, model.parameters)
    seconds = means.days * 86_400.0 * kept.p50
    tokens = seconds / float(found.step_s[0]) * sequences * given.seq_len
    used = float(flops_per_token(model.shape, given.seq_len)) * tokens
    row = {
        "parameters": model.parameters,
        "tokens": tokens,
        "loss": float(loss(given.law, model.parameters, tokens)),
        "mfu": used / (seconds * means.chips * setup.chip.peak(setup.precision)),
        "tokens_per_parameter": tokens / model.parameters,
    }
    return row, options, found


def _loss_of(tried: _Tried) -> float:
    return float(tried[0]["loss"])


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
    allowed = _means(given)
    means, tried = _best_count(given, allowed, progress)
    best = min(tried, key=_loss_of)
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


class _Sizes:
    """The models that were tried on a number of chips; each is planned once."""

    def __init__(self, given: BudgetInput, means: _Means) -> None:
        self._given, self.means = given, means
        machine = chip_of(given.chip)
        peak = machine.peak(precision_on(machine, given.precision))
        flop = means.chips * peak * 0.4 * means.days * 86_400.0
        middle = math.sqrt(flop / 120.0)
        least, most = max(middle / 30.0, 2e7), min(max(middle * 10.0, 1e8), 1e15)
        steps = range(math.ceil(PER_DECADE * math.log10(least)), math.floor(PER_DECADE * math.log10(most)) + 1)
        self.sizes = [10.0 ** (k / PER_DECADE) for k in steps]
        self._tried: dict[int, _Tried | None] = {}

    def _at(self, i: int) -> _Tried | None:
        if i not in self._tried:
            self._tried[i] = _one(self._given, self.means, self.sizes[i])
        return self._tried[i]

    def _loss_at(self, i: int) -> float:
        tried = self._at(i)
        return math.inf if tried is None else _loss_of(tried)

    def best(self) -> _Tried | None:
        """The model of least loss, sought from the size that this much computing usually trains best.

        Loss falls and rises again with size, with a ripple: two sizes beyond the best must be worse.
        """
        at = min(range(len(self.sizes)), key=lambda i: abs(i - 0.6 * len(self.sizes)))
        while self._at(at) is None and at > 0:
            at -= 1
        while True:
            near = range(max(at - 2, 0), min(at + 3, len(self.sizes)))
            lower = min(near, key=self._loss_at)
            if lower == at or self._loss_at(lower) >= self._loss_at(at):
                return self._at(at)
            at = lower

    def all(self, progress: Progress | None) -> list[_Tried]:
        """Models of all sizes; those that do not fit are left out."""
        out = []
        for i in range(len(self.sizes)):
            found = self._at(i)
            if found is not None:
                out.append(found)
            if progress is not None:
                progress((i + 1) / len(self.sizes))
        return out


def _best_count(given: BudgetInput, allowed: _Means, progress: Progress | None) -> tuple[_Means, list[_Tried]]:
    """The number of chips whose best model has the least loss, and what models of all sizes come to on it.

    First all chips are tried and three numbers in each factor of two below, then those around the best of them.  A
    number is left out where its chips, used as well as any, could not do the work that was found.

    Raises:
        InputError: no model fits on any number.
    """
    counts: dict[int, tuple[_Sizes, _Tried | None]] = {}

    def loss_with(chips: int) -> float:
        if chips not in counts:
            sizes = _Sizes(given, allowed.with_chips(chips, given))
            counts[chips] = sizes, sizes.best()
        tried = counts[chips][1]
        return math.inf if tried is None else _loss_of(tried)

    def best() -> int:
        return min(counts, key=lambda chips: (loss_with(chips), chips))

    def used() -> float:
        tried = counts[best()][1]
        return 0.0 if tried is None else float(tried[0]["mfu"])

    def may_do(chips: int) -> bool:
        """Whether so many chips, used as well as any, could do the work of the best."""
        return chips >= best() * used() / MOST_USED

    loss_with(allowed.chips)
    worse = 0  # more chips for less time: until that has not helped four times
    for chips in allowed.more:
        loss_with(chips)
        worse = 0 if best() == chips else worse + 1
        if worse == 4:
            break
    longer = given.usd is not None and given.days is None
    for chips in _coarse_below(allowed.chips):
        if not may_do(chips) or (longer and used() > BUSY):
            break
        loss_with(chips)
    if best() < allowed.chips or not longer:
        for chips in _between(best(), max(allowed.chips, best())):
            if may_do(chips):
                loss_with(chips)
    sizes, tried = counts[best()]
    if tried is None:
        raise InputError(
            f"no model of 20 million parameters or more fits on {allowed.chips:,} {chip_of(given.chip).name} with "
            f"sequences of {given.seq_len:,} tokens; give more chips, a shorter seq_len or a chip with more memory"
        )
    return sizes.means, sizes.all(progress)


def _coarse_below(chips: int) -> list[int]:
    """1, 1.25 and 1.5 times powers of two below a number, the largest first.

    >>> _coarse_below(50), _coarse_below(4)
    ([48, 40, 32, 24, 20, 16, 12, 10, 8, 6, 5, 4, 3, 2, 1], [3, 2, 1])
    """
    powers = [2**k for k in range(chips.bit_length())]
    return sorted({p * k // 4 for p in powers for k in (4, 5, 6) if p * k // 4 < chips}, reverse=True)


def _between(best: int, most: int) -> list[int]:
    """Numbers of chips around the best so far, up to twice and down to half of it, the most first.

    All of them are eighths of a power of two, whatever the budget.

    >>> _between(100, 100)
    [96, 88, 80, 72, 64, 60, 56, 52]
    >>> _between(64, 100)
    [96, 88, 80, 72, 60, 56, 52, 48, 44, 40, 36]
    """
    power = 2 ** int(math.log2(best))
    eighths = range(PER_OCTAVE, 2 * PER_OCTAVE)
    numbers = {k * power * twice // (2 * PER_OCTAVE) for twice in (1, 2, 4) for k in eighths}
    return sorted((n for n in numbers if best / 2 < n <= min(most, 2 * best) and n != best), reverse=True)


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


def _headroom(given: BudgetInput, means: _Means) -> dict[str, float]:
    """Budget over use, for each budget that was given; 1 where it is used up but for rounding to whole servers."""
    out = {}
    if given.usd is not None:
        out["money"] = given.usd / means.usd
    if given.power_w is not None:
        out["power"] = given.power_w / (means.power_w * means.rounded)
    if given.chips is not None:
        out["chips"] = given.chips / (means.chips * means.rounded)
    if given.days is not None:
        out["days"] = given.days / means.days
    if given.usd is not None and given.days is not None and means.days >= given.days and means.rounded < 1.1:
        out["money"] /= means.rounded  # the days end before the money only because chips were rounded
    return out
