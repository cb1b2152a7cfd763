"""Exceptions of liebig.

Every error a user can cause derives from :class:`LiebigError` and tells what was wrong,
what was expected and how to mend it.  The command line turns each into one message and
exit code 2; the page turns each into a 4xx answer.

* LiebigError
    * InputError -- a value the user gave cannot be used

        * UnknownNameError -- no parameter, lever, set, chip ... of that name
        * UnitError -- a quantity that does not parse or has the wrong dimension
        * RangeError -- a number outside what is possible
        * ConflictError -- two statements that cannot both hold

    * DistributionError -- quantiles that no distribution of the family has
    * TableError -- a facts table with one or more bad rows; lists them all
    * ScenarioError -- a scenario file that cannot be read
    * MissingExtraError -- a feature whose optional dependency is not installed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "ConflictError",
    "DistributionError",
    "InputError",
    "LiebigError",
    "MissingExtraError",
    "RangeError",
    "ScenarioError",
    "TableError",
    "UnitError",
    "UnknownNameError",
    "nearest_names",
    "shown",
]


class LiebigError(Exception):
    """Base of all errors that liebig raises on purpose."""


class InputError(LiebigError):
    """A value given by the user cannot be used."""


class UnitError(InputError):
    """A quantity does not parse, or has the wrong dimension."""


class RangeError(InputError):
    """A number lies outside what is possible."""


class ConflictError(InputError):
    """Two statements of the user contradict each other."""


class DistributionError(InputError):
    """No distribution of the requested family has the given quantiles."""


class ScenarioError(InputError):
    """A scenario file cannot be read or understood."""


class MissingExtraError(LiebigError):
    """An optional dependency is needed and absent.

    >>> print(MissingExtraError("plots", "plot"))
    an optional dependency of plots is not installed; mend it with: pip install 'liebig[plot]'
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"an optional dependency of {feature} is not installed; mend it with: pip install 'liebig[{extra}]'"
        )


class UnknownNameError(InputError):
    """A name that nothing in the catalogue bears; lists the nearest valid names.

    >>> print(UnknownNameError("lever", "fp4-trainin", ["fp4-training", "routing"], see="liebig levers list"))
    unknown lever 'fp4-trainin'; did you mean 'fp4-training'? (all names: liebig levers list)
    """

    def __init__(self, kind: str, name: str, valid: Iterable[str], *, see: str | None = None) -> None:
        names = list(valid)
        near = nearest_names(name, names)
        if near:
            hint = "did you mean " + " or ".join(repr(n) for n in near) + "?"
        elif len(names) <= 12:
            hint = "valid names: " + ", ".join(names)
        else:
            hint = f"none of the {len(names)} known names is close"
        where = f" (all names: {see})" if see else ""
        super().__init__(f"unknown {kind} {shown(name)}; {hint}{where}")


class TableError(InputError):
    r"""A table with bad rows.  ``problems`` holds one sentence for each.

    >>> str(TableError("my.csv", ["line 2: p50 is empty"]))
    'my.csv: 1 problem\n  line 2: p50 is empty'
    """

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.name = name
        self.problems = tuple(problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__("\n  ".join([f"{name}: {len(self.problems)} {noun}", *self.problems]))


def shown(value: object, size: int = 60) -> str:
    """What a user gave, for a message: quoted, and cut after ``size`` characters.

    >>> shown("10 GW"), shown("a" * 99, 9)
    ("'10 GW'", "'aaaaaaa…")
    """
    text = repr(value)
    return text if len(text) <= size else text[: size - 1] + "…"


def nearest_names(name: str, valid: Sequence[str], n: int = 3) -> list[str]:
    """Up to ``n`` valid names that look like ``name``, best first.

    A name that is a part of a valid one counts as close, so that ``campus`` finds
    ``power.campus_w``.

    >>> nearest_names("campus", ["power.campus_w", "chips.stock_h100e"])
    ['power.campus_w']
    >>> nearest_names("H101", ["H100-SXM", "MI300X"])
    ['H100-SXM']
    """
    low = name.lower()
    inside = [v for v in valid if low and low in v.lower()]
    close = difflib.get_close_matches(low, [v.lower() for v in valid], n=n, cutoff=0.6)
    by_low = {v.lower(): v for v in valid}
    out = list(dict.fromkeys(inside[:n] + [by_low[c] for c in close]))
    if not out:  # the first word of a longer name
        words = [v.lower().replace(".", "-").partition("-")[0] for v in valid]
        near = difflib.get_close_matches(low, list(dict.fromkeys(words)), n=n, cutoff=0.7)
        out = [v for c in near for v, w in zip(valid, words, strict=True) if w == c]
    return out[:n]
