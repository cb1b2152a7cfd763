"""Structural switches: the model with one assumption replaced, by name.

Structure matters more than any one number, so each defensible alternative has a name and can be
switched on in a forecast or compared in ``liebig sensitivity --switches``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from liebig.errors import ConflictError, UnknownNameError
from liebig.limits import LIMITS, Structure

__all__ = ["Switch", "apply_switches", "switches"]


@dataclass(frozen=True)
class Switch:
    """A named alternative: what it says, and what it does to the structure.

    ``correlations`` and ``medians`` act outside the limits: on the sampling, and on how the
    minimum is reported.
    """

    description: str
    change: Callable[[Structure], Structure] = lambda s: s
    correlations: bool = True
    min_of_medians: bool = False
    observed_allocation: bool = False

    @property
    def of_structure(self) -> bool:
        """True when it acts on the structure alone."""
        return self.correlations and not (self.min_of_medians or self.observed_allocation)


def _without(limit: str) -> Callable[[Structure], Structure]:
    return lambda s: replace(s, limits=tuple(n for n in s.limits if n != limit))


_ALL = "all-limits"
_EQUATIONS: Mapping[str, Switch] = {
    "single-campus": Switch("the run stays on one campus", lambda s: replace(s, single_campus=True)),
    "text-only": Switch("images, video and audio teach nothing", lambda s: replace(s, multimodal=False)),
    "min-of-medians": Switch("report the lowest median instead of the median of the lowest", min_of_medians=True),
    "observed-allocation": Switch(
        "labs give their final run the share observed, a third of the feasible one", observed_allocation=True
    ),
    "no-correlations": Switch("all parameters independent", correlations=False),
    "face-value-epochs": Switch("a repeated token is worth a fresh one", lambda s: replace(s, repetition_decay=False)),
    "repetition-decay": Switch("repeated tokens lose their worth", lambda s: replace(s, repetition_decay=True)),
    "no-retirement": Switch("chips last for ever", lambda s: replace(s, retirement=False)),
    "latency-literal": Switch("Epoch's latency table read literally", lambda s: replace(s, latency="literal")),
    "latency-calibrated": Switch(
        "Epoch's latency table with the anchor that meets its interval", lambda s: replace(s, latency="calibrated")
    ),
    "latency-mechanism": Switch("the latency wall that the planner finds", lambda s: replace(s, latency="mechanism")),
    "infinite-bandwidth": Switch(
        "traffic between sites never limits", lambda s: replace(s, inter_site_bandwidth=False)
    ),
}
_CONTRADICTIONS = (
    ("face-value-epochs", "repetition-decay"),
    ("latency-literal", "latency-calibrated"),
    ("latency-literal", "latency-mechanism"),
    ("latency-calibrated", "latency-mechanism"),
)


def switches() -> dict[str, Switch]:
    """All switches: those that leave a limit out, one that takes all limits in, and other equations.

    >>> switches()["no-water"].description
    'water is no object'
    """
    limits = {limit.switch: Switch(limit.without, _without(limit.name)) for limit in LIMITS.values()}
    every = Switch("all limits, also in a set that has fewer", lambda s: replace(s, limits=tuple(LIMITS)))
    return {**limits, _ALL: every, **_EQUATIONS}


def apply_switches(names: tuple[str, ...], structure: Structure) -> tuple[Structure, tuple[Switch, ...]]:
    """The structure with all switches applied, and the switches.

    Raises:
        UnknownNameError: no such switch.
        ConflictError: two that contradict each other, or none of the limits is left.
    """
    known = switches()
    for name in names:
        if name not in known:
            raise UnknownNameError("switch", name, known, see="liebig sensitivity --list-switches")
    for a, b in _CONTRADICTIONS:
        if a in names and b in names:
            raise ConflictError(f"switches {a!r} and {b!r} contradict each other; leave one out")
    # limits are added before they are taken away, whatever the order of the names
    for name in sorted(names, key=lambda n: n != _ALL):
        structure = known[name].change(structure)
    if not structure.limits:
        raise ConflictError("the switches leave no limit at all; keep at least one")
    return structure, tuple(known[name] for name in names)
