"""What a key has spent and holds: arithmetic on one row per key, the same for every kind of ledger."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from operator import attrgetter

from liebig.errors import InputError, RangeError
from liebig.route.ledger.columns import columns_of
from liebig.route.ledger.records import Call, Key, Period, Refused

__all__ = ["ACCOUNT", "Account", "nano_usd", "stamps"]


def nano_usd(usd: float) -> int:
    """USD in whole 1e-9 USD, so that sums are exact.

    >>> nano_usd(0.0000025)
    2500
    """
    if not 0 <= usd <= 1e6:
        raise RangeError(f"cost {usd!r} USD of a call: expected 0 to 1e6")
    return round(usd * 1e9)


def stamps(at: float) -> tuple[int, int, int, int]:
    """Number of the minute, day, week (from Monday) and month of a time since 1970, in UTC.

    >>> stamps(0.0)
    (0, 0, 0, 23640)
    >>> stamps(4 * 86400.0)[2]
    1
    """
    day = int(at // 86400)
    when = time.gmtime(at)
    return int(at // 60), day, (day + 3) // 7, when.tm_year * 12 + when.tm_mon - 1


def _period_end(period: Period, at: float) -> float | None:
    if period == "total":
        return None
    day = int(at // 86400)
    if period == "day":
        return (day + 1) * 86400.0
    if period == "week":
        return (((day + 3) // 7 + 1) * 7 - 3) * 86400.0
    month = stamps(at)[3]
    while stamps(day * 86400.0)[3] == month:
        day += 1
    return day * 86400.0


@dataclass(slots=True)
class Account:
    """Spend of the total and of the day, week and month that run, what is in flight, and two minutes of rates.

    Money in 1e-9 USD; ``day``, ``week``, ``month`` and ``minute`` are the numbers from ``stamps``.
    """

    key_id: str
    flight: int = 0
    flight_nusd: int = 0
    total_nusd: int = 0
    day: int = 0
    day_nusd: int = 0
    week: int = 0
    week_nusd: int = 0
    month: int = 0
    month_nusd: int = 0
    minute: int = 0
    calls: int = 0
    tokens: int = 0
    calls_before: int = 0
    tokens_before: int = 0

    def roll(self, at: float) -> None:
        """Start the periods that a time lies in; a time before them changes nothing."""
        minute, day, week, month = stamps(at)
        if minute > self.minute:
            follows = minute == self.minute + 1
            self.calls_before, self.tokens_before = (self.calls, self.tokens) if follows else (0, 0)
            self.minute, self.calls, self.tokens = minute, 0, 0
        if day > self.day:
            self.day, self.day_nusd = day, 0
        if week > self.week:
            self.week, self.week_nusd = week, 0
        if month > self.month:
            self.month, self.month_nusd = month, 0

    def spent_nusd(self, period: str, at: float) -> int:
        """Spent in the period that a time lies in; 0 for one that is not the current one."""
        if period == "total":
            return self.total_nusd
        _, day, week, month = stamps(at)
        now = {"day": day, "week": week, "month": month}.get(period)
        if now is None:
            raise InputError(f"period {period!r}: expected day, week, month or total")
        return int(getattr(self, f"{period}_nusd")) if getattr(self, period) == now else 0

    def refusal(self, call: Call, key: Key) -> Refused | None:
        """Why a call may not start now, None when it may; ``roll`` first.

        The rate is that of a minute that slides: the last whole minute counts with the part that is still in it.
        """
        if key.budget_usd is not None:
            spent, budget = self.spent_nusd(key.budget_period, call.at), nano_usd_budget(key.budget_usd)
            if spent + self.flight_nusd >= budget:
                return _over_budget(key, call.at, spent >= budget)
        if key.rpm is not None:
            wait = self._wait(call.at, self.calls, self.calls_before, 1, key.rpm)
            if wait:
                return _too_fast(f"key {key.name!r}: more than {key.rpm} calls a minute", wait)
        if key.tpm is not None:
            wait = self._wait(call.at, self.tokens, self.tokens_before, call.estimate_tokens, key.tpm)
            if wait == math.inf:
                return _too_fast(
                    f"key {key.name!r}: a call of about {call.estimate_tokens} tokens is above its {key.tpm} tokens a "
                    "minute; ask for fewer",
                    None,
                )
            if wait:
                return _too_fast(f"key {key.name!r}: more than {key.tpm} tokens a minute", wait)
        return None

    def _wait(self, at: float, now: int, before: int, more: int, most: int) -> float:
        """Seconds until ``more`` fit under ``most``; 0 when they fit now, infinite when they never do."""
        into = max(0.0, at - self.minute * 60.0)
        if now + before * max(0.0, 1 - into / 60) + more <= most:
            return 0.0
        if more > most:
            return math.inf
        if now + more <= most:
            return 60 * (1 - (most - more - now) / before) - into
        return 60 - into + (60 * (1 - (most - more) / now))

    def begin(self, call: Call) -> None:
        """Hold the estimate of a call and count it; ``roll`` first."""
        self.flight += 1
        self.flight_nusd += nano_usd(call.estimate_usd)
        self.calls += 1
        self.tokens += call.estimate_tokens

    def undo(self, call: Call) -> None:
        """Take back a ``begin`` that was not stored."""
        self.flight -= 1
        self.flight_nusd -= nano_usd(call.estimate_usd)
        self.calls -= 1
        self.tokens -= call.estimate_tokens

    def finish(self, at: float, held_nusd: int, held_tokens: int, nusd: int, tokens: int) -> None:
        """Free what was held for a call begun at a time, and book what it took."""
        self.flight = max(0, self.flight - 1)
        self.flight_nusd = max(0, self.flight_nusd - held_nusd) if self.flight else 0
        self.spend(at, nusd)
        minute = int(at // 60)
        if minute == self.minute:
            self.tokens = max(0, self.tokens + tokens - held_tokens)
        elif minute == self.minute - 1:
            self.tokens_before = max(0, self.tokens_before + tokens - held_tokens)

    def spend(self, at: float, nusd: int) -> None:
        """Book money in the periods that a time lies in, where they are the current ones."""
        _, day, week, month = stamps(at)
        self.total_nusd += nusd
        if day == self.day:
            self.day_nusd += nusd
        if week == self.week:
            self.week_nusd += nusd
        if month == self.month:
            self.month_nusd += nusd

    def values(self) -> tuple[str | int, ...]:
        """What is stored, in the order of ``ACCOUNT``."""
        stored: tuple[str | int, ...] = _VALUES(self)
        return stored


#: Columns of an account in every ledger.
ACCOUNT = columns_of(Account)
_VALUES = attrgetter(*(c.name for c in ACCOUNT))


def nano_usd_budget(usd: float) -> int:
    """A budget in 1e-9 USD, rounded down."""
    return math.floor(usd * 1e9 + 1e-6)


def _over_budget(key: Key, at: float, spent: bool) -> Refused:
    budget = f"key {key.name!r}: the budget of {key.budget_usd:g} USD" + (
        "" if key.budget_period == "total" else f" per {key.budget_period}"
    )
    if not spent:
        text = f"{budget} is taken by calls in flight; try again when they have ended"
        return Refused(text, status=429, code="insufficient_quota", retry_after_s=1.0)
    end = _period_end(key.budget_period, at)
    return Refused(
        f"{budget} is spent; raise it with: liebig route keys update",
        status=429,
        code="insufficient_quota",
        retry_after_s=None if end is None else end - at,
    )


def _too_fast(text: str, wait_s: float | None) -> Refused:
    after = None if wait_s is None else max(wait_s, 0.05)
    return Refused(text, status=429, code="rate_limit_exceeded", retry_after_s=after)
