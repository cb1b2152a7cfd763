"""What budgets pay for, and the number of chips and the size of model that make the best of them."""

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
from liebig.plan.inputs import (
    DATE,
    PlanDate,
    TrainingInput,
    chip_of,
    make_training_input,
    precision_on,
    setup_of,
    site_of,
)
from liebig.plan.loss import loss
from liebig.site.money import owned_usd_per_chip_hour, rental_usd_per_chip_hour
from liebig.site.power import chip_power_w, server_power_w
from liebig.step.search import Found, search
from liebig.transformer.architecture import architecture_of_size
from liebig.transformer.arithmetic import flops_per_token

__all__ = ["TYPICAL_SHARES", "BudgetInput", "Means", "Tried", "best_count", "loss_of", "means_of"]

Progress = Callable[[float], None]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
HOURS_PER_DAY = 24.0
#: A run is planned for at most this long unless days are given: as long as runs at the frontier take.
USUAL_DAYS = 90.0
#: Most chips that are tried over those that the money pays for all days.
MORE_CHIPS = 16
#: Activity shares by which the power of a chip is judged before a layout is known.
TYPICAL_SHARES = {"matmul": 0.6, "attention": 0.08, "memory": 0.08, "tensor": 0.1, "bubble": 0.08, "data": 0.06}
#: Most of the peak that a layout is taken to use: numbers of chips that would need more are not tried.
MOST_USED = 0.9
#: Sizes of models that are tried, per factor of ten: the same for every budget, so that a larger one buys no less.
PER_DECADE = 6
#: Numbers of chips that are tried between two powers of two.
PER_OCTAVE = 8


class BudgetInput(BaseModel):
    """Any of money, power, days and chips; at least one of money, chips and power.

    >>> BudgetInput(usd=5e6, power_w=2e6, days=90).chip
    'H100-SXM'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Amount | None = Field(default=None, description="money for the run, US dollars")
    power_w: Amount | None = Field(default=None, description="power of the site, watts")
    days: Annotated[float, Field(gt=0, le=3650)] = Field(default=USUAL_DAYS, description="how long it may take")
    chips: Annotated[int, Field(ge=1, le=10**8)] | None = Field(default=None, description="chips at hand")
    chip: str | dict[str, Any] = Field(default="H100-SXM", description="name, file or numbers of the accelerator")
    precision: str = Field(default="bf16", description="of the matrix products")
    seq_len: Annotated[int, Field(ge=128, le=10**7)] = Field(default=8192, description="tokens of a sequence")
    software: str = Field(default="modern", description="profile of the framework")
    site: str | dict[str, Any] = Field(default="us-average", description="name or numbers of the place")
    date: PlanDate = Field(default=DATE, description="when it runs: YYYY, YYYY-MM or YYYY-MM-DD")
    terms: Literal["reserved", "on-demand", "1-year", "3-year", "spot", "market", "owned"] = Field(
        default="reserved", description="how the chips are paid for"
    )
    usd_per_chip_hour: Amount | None = Field(default=None, description="price, when you know it")
    law: Literal["hoffmann", "besiroglu"] = Field(default="besiroglu", description="scaling law of the loss")
    calibration: str | None = Field(default=None, description="file of a calibration")


@dataclass(frozen=True)
class Means:
    """Chips and days that the budgets allow, and how much of each is used."""

    chips: int
    days: float
    price: float
    server_w: float
    pue: float
    #: Chips that the budgets allow, before rounding to whole servers, over those of whole servers.
    rounded: float
    #: Most chips that power, chips at hand and money allow, the last for less time.
    most: int

    def with_chips(self, chips: int, given: BudgetInput) -> Means:
        """The same budgets spent on another number of chips: for less time where money ends the run."""
        days = given.days
        if given.usd is not None:
            days = min(days, given.usd / (self.price * HOURS_PER_DAY * chips))
        return replace(self, chips=chips, days=days)

    @property
    def usd(self) -> float:
        """US dollars that the run takes."""
        return self.chips * self.days * HOURS_PER_DAY * self.price

    @property
    def power_w(self) -> float:
        """Power of the site, W."""
        return self.chips * self.server_w * self.pue


def means_of(given: BudgetInput) -> Means:
    """As many chips as the budgets pay for all days.

    Raises:
        InputError: they do not pay for one chip for a day.
    """
    machine, place = chip_of(given.chip), site_of(given.site)
    server_w = float(server_power_w(machine, chip_power_w(machine, TYPICAL_SHARES)))
    if given.usd_per_chip_hour is not None:
        price = given.usd_per_chip_hour
    elif given.terms == "owned":
        price = owned_usd_per_chip_hour(machine, decimal_year(given.date), server_w, place)
    else:
        price = rental_usd_per_chip_hour(machine, given.date, "" if given.terms == "reserved" else given.terms).p50
    bounds = [math.inf if given.chips is None else float(given.chips)]
    if given.power_w is not None:
        bounds.append(given.power_w / (server_w * place.pue))
    chip_days = math.inf if given.usd is None else given.usd / (price * HOURS_PER_DAY)
    bound = min(*bounds, chip_days / given.days)
    # one chip for some days, where the money does not pay for one for all of them
    chips = _round_down(bound, machine.chips_per_node) or int(min(*bounds, chip_days) >= 1.0)
    if not chips:
        raise InputError(
            f"the budget does not pay for one {machine.name} for a day (USD {price:.3g} per hour, "
            f"{server_w * place.pue / 1e3:.2g} kW): give more money or power"
        )
    most = _round_down(min(*bounds, MORE_CHIPS * chips, chip_days), machine.chips_per_node)
    days = min(given.days, chip_days / chips)
    return Means(chips, days, price, server_w, place.pue, max(bound / chips, 1.0), max(most, chips))


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
Tried = tuple[dict[str, Any], TrainingInput, Found]


def _one(given: BudgetInput, means: Means, parameters: float) -> Tried | None:
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


def loss_of(tried: Tried) -> float:
    """Expected loss of a model that was tried, nats per token."""
    return float(tried[0]["loss"])


class _Sizes:
    """The models that were tried on a number of chips; each is planned once."""

    def __init__(self, given: BudgetInput, means: Means) -> None:
        self._given, self.means = given, means
        machine = chip_of(given.chip)
        peak = machine.peak(precision_on(machine, given.precision))
        flop = means.chips * peak * 0.4 * means.days * 86_400.0
        middle = math.sqrt(flop / 120.0)
        least, most = max(middle / 30.0, 2e7), min(max(middle * 10.0, 1e8), 1e15)
        steps = range(math.ceil(PER_DECADE * math.log10(least)), math.floor(PER_DECADE * math.log10(most)) + 1)
        self.sizes = [10.0 ** (k / PER_DECADE) for k in steps]
        self._tried: dict[int, Tried | None] = {}

    def _at(self, i: int) -> Tried | None:
        if i not in self._tried:
            self._tried[i] = _one(self._given, self.means, self.sizes[i])
        return self._tried[i]

    def _loss_at(self, i: int) -> float:
        tried = self._at(i)
        return math.inf if tried is None else loss_of(tried)

    def best(self) -> Tried | None:
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

    def all(self, progress: Progress | None) -> list[Tried]:
        """Models of all sizes; those that do not fit are left out."""
        out = []
        for i in range(len(self.sizes)):
            found = self._at(i)
            if found is not None:
                out.append(found)
            if progress is not None:
                progress((i + 1) / len(self.sizes))
        return out


def best_count(given: BudgetInput, allowed: Means, progress: Progress | None) -> tuple[Means, list[Tried]]:
    """The number of chips whose best model has the least loss, and what models of all sizes come to on it.

    First as many as the budgets pay for all days are tried, three numbers in each factor of two above and below, then
    those around the best of them.  A number is left out where its chips, used as well as any, could not do the work
    that was found.

    Raises:
        InputError: no model fits on any number.
    """
    counts: dict[int, tuple[_Sizes, Tried | None]] = {}

    def loss_with(chips: int) -> float:
        if chips not in counts:
            sizes = _Sizes(given, allowed.with_chips(chips, given))
            counts[chips] = sizes, sizes.best()
        tried = counts[chips][1]
        return math.inf if tried is None else loss_of(tried)

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
    for chips in reversed(_coarse_below(allowed.most + 1)):
        if chips > allowed.chips and worse < 4:
            loss_with(chips)
            worse = 0 if best() == chips else worse + 1
    if worse < 4:
        loss_with(allowed.most)
    for chips in _coarse_below(allowed.chips):
        if not may_do(chips):
            break
        loss_with(chips)
    for chips in _between(best(), allowed.most):
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
