"""Numbers that a user states of a chip: others that contradict them, and fields that no plan reads."""

from __future__ import annotations

from liebig.cluster.chip import Chip
from liebig.cluster.families import is_systolic

__all__ = ["notes_on_stated"]

#: Peaks of a precision, and of narrower ones that chips do not run slower.
_NARROWER = {
    "peak_fp32": ("peak_tf32",),
    "peak_tf32": ("peak_bf16",),
    "peak_bf16": ("peak_fp16", "peak_fp8", "peak_int8", "peak_fp4"),
    "peak_fp8": ("peak_fp4",),
}
#: Fields that only published runs are completed with.
_UNREAD = ("cores", "host_bandwidth")


def notes_on_stated(chip: Chip) -> tuple[str, ...]:
    """Sentences on stated numbers that others contradict or that change nothing; none for a chip of the table.

    >>> from liebig.cluster.chip import chip_from_fields
    >>> notes_on_stated(chip_from_fields({"name": "ours", "like": "H100-SXM", "tdp_w": 500, "cores": 4}))
    ('ours: tdp_w is 500 W, but system_w still 1275 W as of H100-SXM', 'ours: cores changes nothing in a plan')
    """
    stated = chip.stated
    found = [*_peaks(chip, stated), *_power(chip, stated)]
    unread = [f for f in (*_UNREAD, *(() if is_systolic(chip) else ("on_chip_bytes",))) if f in stated]
    found += [f"{name} changes nothing in a plan" for name in unread]
    return tuple(f"{chip.name}: {words}" for words in found)


def _peaks(chip: Chip, stated: frozenset[str]) -> list[str]:
    out = []
    for wide, narrow in _NARROWER.items():
        peak = getattr(chip, wide) or 0.0
        slower = [n for n in narrow if 0 < (getattr(chip, n) or 0.0) < peak and stated & {wide, n}]
        if slower:
            named = ", ".join(_peak_words(chip, n, stated) for n in slower)
            out.append(f"{_peak_words(chip, wide, stated)} is more than {named}")
    return out


def _power(chip: Chip, stated: frozenset[str]) -> list[str]:
    rated, system = chip.tdp_w, chip.system_w
    if not (rated and system and stated & {"tdp_w", "system_w"}):
        return []
    if system <= rated:
        return [f"system_w {system:g} W is not above tdp_w {rated:g} W; a usual share for the server stands in for it"]
    if "system_w" in stated:
        return []
    return [f"tdp_w is {rated:g} W, but system_w still {system:g} W as of {chip.base_name}"]


def _peak_words(chip: Chip, name: str, stated: frozenset[str]) -> str:
    left = "" if name in stated else f", still as of {chip.base_name}"
    return f"{name} ({getattr(chip, name):.4g} FLOP/s{left})"
