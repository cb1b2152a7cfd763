"""Numbers of a chip that are not what they seem: stated ones that others contradict, and units that it lacks."""

from __future__ import annotations

from liebig.catalog import constant
from liebig.cluster.chip import Chip, from_data_sheet
from liebig.cluster.families import is_systolic

__all__ = ["notes_on_stated", "notes_on_units"]

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


def notes_on_units(chip: Chip, precision: str) -> tuple[str, ...]:
    """Sentences on a precision that a chip has no units for, and on a peak that may be that of its vector units.

    Databases print the peak of vector units where they know no other; matrix units, which most chips have
    from 2018 on, do four times as much and more.

    >>> from liebig.cluster.chip import chip
    >>> notes_on_units(chip("A100-SXM-80GB"), "fp8"), notes_on_units(chip("H100-SXM"), "fp8")
    (('A100-SXM-80GB: it has no fp8 units; products run at the rate of bf16',), ())
    """
    found = []
    runs_as = chip.runs_as(precision)
    if runs_as != precision:
        found.append(f"it has no {precision} units; products run at the rate of {runs_as}")
    if precision in ("fp32", "tf32") and not (chip.peak_fp32 or chip.peak_tf32):
        share = constant(f"chip.{precision}_share")
        found.append(f"its {precision} rate is not known; products run at {share:g} of that of bf16")
    vectors = not from_data_sheet(chip) and chip.release >= "2018"
    if vectors and chip.peak_bf16 <= 2.05 * (chip.peak_fp32 or 0.0):
        found.append(
            f"the {chip.peak_bf16 / 1e12:.3g} TFLOP/s that the table has in 16 bits may be those of its vector units; "
            "if its matrix units do more, state peak_bf16 in a chip of your own"
        )
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
