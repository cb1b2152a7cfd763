"""Dates: what a text says about time, and times as text."""

from __future__ import annotations

import time

__all__ = ["utc_text"]


def utc_text(at: float | None) -> str | None:
    """Seconds since 1970 as text in UTC; None stays None.

    >>> utc_text(0.0)
    '1970-01-01T00:00:00Z'
    """
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
