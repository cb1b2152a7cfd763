"""One colour per limit, everywhere: terminal, pictures, pages."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXPECTED_COLOUR", "LIMIT_COLOURS"]

#: Limit -> colour; safe for colour-blind readers.  Source: M. Okabe & K. Ito, "Color universal design", 2008.
LIMIT_COLOURS: Mapping[str, str] = {
    "power": "#E69F00",
    "chips": "#0072B2",
    "data": "#009E73",
    "latency": "#CC79A7",
    "capital": "#D55E00",
    "water": "#56B4E9",
}
#: The expected run, on a light ground.
EXPECTED_COLOUR = "#000000"
