"""What an answer about a chip rests on that was timed on other chips, or on none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from liebig.cluster.attention import attention_family
from liebig.cluster.chip import Chip
from liebig.cluster.chip import chip as find
from liebig.cluster.collectives import curves_family, link_share
from liebig.cluster.fabric import Fabric, fabric_of
from liebig.cluster.families import family_of, is_systolic
from liebig.cluster.kernels import level_of, table_of
from liebig.cluster.stated import notes_on_stated, notes_on_units
from liebig.cluster.throttling import REFERENCE
from liebig.quantities import counted

__all__ = ["Borrowing", "borrowed_by_rows", "borrowed_words", "borrowings", "notes_on"]


@dataclass(frozen=True)
class Borrowing:
    """Something that was not timed on a chip's family, and what stands in for it.

    ``lender`` is a family, or empty for a model; ``level`` is the share of the roofline, of the peak or of the
    link at which it stands in, next to the lender.
    """

    what: str
    lender: str
    level: float
    words: str


def borrowings(chip: Chip, fabric: Fabric | None = None, precision: str = "bf16") -> tuple[Borrowing, ...]:
    """What stands in for timings that the family of a chip does not have.

    Args:
        chip: the accelerator.
        fabric: its network; what is usual for it when left out.
        precision: of the matrix products.

    >>> from liebig.cluster import chip
    >>> [(b.what, b.lender, round(b.level, 2)) for b in borrowings(chip("MI300X"))]  # doctest: +NORMALIZE_WHITESPACE
    [('matrix products', 'H100', 0.64), ('attention', 'H100', 1.0), ('collectives', 'H100', 1.0),
     ('throttling', 'H100', 1.0)]
    >>> borrowings(chip("H100-SXM"))
    ()
    """
    fabric = fabric_of(chip) if fabric is None else fabric
    found = [_products(chip, precision), _attention(chip), _collectives(chip, fabric), _throttling(chip)]
    return tuple(b for b in found if b is not None)


def notes_on(chip: Chip, fabric: Fabric | None = None, precision: str = "bf16") -> tuple[str, ...]:
    """The same as sentences, for the notes beside an answer, and what stated numbers of the chip leave behind.

    >>> from liebig.cluster import chip
    >>> notes_on(chip("A100-SXM-80GB"), precision="fp8")  # doctest: +NORMALIZE_WHITESPACE
    ('A100-SXM-80GB: fp8 matrix products are borrowed from H100, at 1.23 times its share of the roofline',
     'A100-SXM-80GB: it has no fp8 units; products run at the rate of bf16')
    """
    lent = tuple(f"{chip.name}: {b.words}" for b in borrowings(chip, fabric, precision))
    return lent + notes_on_units(chip, precision) + notes_on_stated(chip)


def borrowed_words(chip: Chip, precision: str = "bf16") -> str:
    """The same in a line, for a table of many chips; empty where everything was timed.

    >>> from liebig.cluster import chip
    >>> borrowed_words(chip("TPU-v4")), borrowed_words(chip("H100-SXM"))
    ('TPU-v4: matrix products of a model, attention of H100, collectives of a model', '')
    """
    parts = [f"{b.what} of {b.lender or 'a model'}" for b in borrowings(chip, None, precision)]
    return f"{chip.name}: {', '.join(parts)}" if parts else ""


def borrowed_by_rows(words: Iterable[str]) -> tuple[str, ...]:
    """A note for each chip of a table that rests on borrowed timings, with its number of rows, most first.

    Args:
        words: of ``borrowed_words``, one for each row.

    >>> borrowed_by_rows(["", "MI300X: attention of H100", "MI300X: attention of H100"])
    ('2 rows on MI300X: attention of H100',)
    """
    counts = Counter(w for w in words if w)
    return tuple(f"{counted(n, 'row')} on {w}" for w, n in counts.most_common())


def _products(chip: Chip, precision: str) -> Borrowing | None:
    if chip.measured:
        return None
    row = family_of(chip)
    if is_systolic(chip):
        level = row.peak_share
        words = f"no matrix product was timed; a model of systolic arrays that reach {100 * level:.0f} % of the peak"
        return Borrowing("matrix products", "", level, words)
    lender, level = table_of(chip, precision)[0], level_of(chip, precision)
    if lender == chip.family:
        return None
    words = f"{precision} matrix products are borrowed from {lender}, at {level:.2f} times its share of the roofline"
    return Borrowing("matrix products", lender, level, words)


def _attention(chip: Chip) -> Borrowing | None:
    lender = attention_family(chip)
    if chip.attention_measured or lender == chip.family:
        return None
    return Borrowing("attention", lender, 1.0, f"attention is borrowed from {lender}, at the same share of the peak")


def _collectives(chip: Chip, fabric: Fabric) -> Borrowing | None:
    lender = curves_family(chip, fabric)
    if fabric.domain < 2 or (lender and lender == chip.family):  # a chip without a family has timed nothing
        return None
    if lender:
        words = f"collectives within a domain are borrowed from {lender}, scaled to the link"
        return Borrowing("collectives", lender, 1.0, words)
    level = link_share(fabric.inner_kind)
    words = f"no collective was timed; large messages are taken to reach {100 * level:.0f} % of the link in a domain"
    return Borrowing("collectives", "", level, words)


def _throttling(chip: Chip) -> Borrowing | None:
    if chip.measured or is_systolic(chip) or family_of(chip).generation:
        return None
    lender = family_of(find(REFERENCE)).family
    words = f"how far the clock falls in a step is borrowed from {lender}: energy per FLOP is not known"
    return Borrowing("throttling", lender, 1.0, words)
