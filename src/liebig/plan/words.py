"""Money of a plan as people write it."""

from __future__ import annotations

__all__ = ["money"]


def money(usd: float) -> str:
    """US dollars for people.

    >>> money(5.34e7), money(950.0)
    ('USD 53M', 'USD 950')
    """
    for least, letter in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if usd >= least * 0.995:
            value = usd / (1e3 if letter == "k" else least)
            return f"USD {value:.2g}{letter}" if value < 99.5 else f"USD {value:.0f}{letter}"
    return f"USD {usd:.3g}"
