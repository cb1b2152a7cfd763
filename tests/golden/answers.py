"""Recorded answers: how they are written, read and compared.

An answer is a name such as ``2026-base/minimum/2030/p50`` with a number or a short text.  A file holds one answer a
line, with the parts that share a name up to the last ``/`` in one object, so that a diff shows what moved.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["TOLERANCE", "Answers", "Move", "compare", "read", "report", "rounded", "write"]

Value = float | int | str | bool | None
Answers = Mapping[str, Value]
#: Relative change that counts as none.  Numbers that differ in the last bit may round to six digits that lie 1e-5
#: apart.  Processors and libraries alone move answers by less than 2e-6: measured without vector instructions and with
#: another kernel of BLAS, and for forecasts, plans and access with NumPy 1.26 and SciPy 1.15.  Outputs print three
#: digits, so nothing that a reader sees slips through.
TOLERANCE = 5e-5
#: Below this a number is zero: what is left when equal numbers are subtracted.
ZERO = 1e-12
_DIGITS = 6


def rounded(value: object) -> Value:
    """A number to six significant digits, or a text as it is.

    Infinity and what is not a number are texts, because JSON has no word for them.

    >>> rounded(2.71828182846), rounded(np.float64(1e-15)), rounded(float("nan")), rounded("power")
    (2.71828, 0.0, 'nan', 'power')
    """
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, np.integer)) and abs(int(value)) < 10**_DIGITS:
        return int(value)
    if isinstance(value, str):
        return value
    if not isinstance(value, (int, float, np.integer, np.floating, np.ndarray)):
        raise TypeError(f"{value!r}: expected a number or a text")
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    return 0.0 if abs(number) < ZERO else float(f"{number:.{_DIGITS}g}")


@dataclass(frozen=True)
class Move:
    """An answer that is no longer what was recorded; None in ``old`` or ``new`` where there is no such answer."""

    name: str
    old: tuple[Value] | None
    new: tuple[Value] | None

    @property
    def size(self) -> float:
        """Relative change of a number; infinite for one that comes, goes, leaves zero, or for a text."""
        if self.old is None or self.new is None:
            return math.inf
        return _change(self.old[0], self.new[0])

    def __str__(self) -> str:
        if self.old is None or self.new is None:
            value, word = (self.new, "added") if self.new is not None else (self.old, "removed")
            assert value is not None
            return f"{self.name}: {word} ({_shown(value[0])})"
        old, new = self.old[0], self.new[0]
        line = f"{self.name}: {_shown(old)} → {_shown(new)}"
        if not math.isfinite(self.size):
            return line
        assert isinstance(old, (int, float))
        assert isinstance(new, (int, float))
        return f"{line} ({100 * (new - old) / abs(old):+.3g} %)"


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Value) -> str:
    """A value as JSON, large numbers with an exponent.

    >>> _json(85899300000.0), _json("power"), _json(2.0), _json(None)
    ('8.58993e+10', '"power"', '2', 'null')
    """
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _change(old: Value, new: Value) -> float:
    if not (_number(old) and _number(new)):
        return 0.0 if old == new and type(old) is type(new) else math.inf
    assert old is not None
    assert new is not None
    apart = abs(float(new) - float(old))
    if apart <= ZERO:
        return 0.0
    return apart / abs(float(old)) if old else math.inf


def compare(old: Answers, new: Answers, tolerance: float = TOLERANCE) -> list[Move]:
    """What moved by more than the tolerance, was added or removed; the largest changes first.

    >>> [str(m) for m in compare({"a": 1.0, "b": "power"}, {"a": 1.1, "b": "chips"})]
    ['b: power → chips', 'a: 1 → 1.1 (+10 %)']
    """
    moves = []
    for name in {**old, **new}:
        before = (rounded(old[name]),) if name in old else None
        after = (rounded(new[name]),) if name in new else None
        move = Move(name, before, after)
        if move.size > tolerance:
            moves.append(move)
    return sorted(moves, key=lambda m: (-m.size, m.name))


def report(topic: str, moves: list[Move], most: int = 20) -> Iterator[str]:
    """Lines that say how many answers moved, and the largest moves."""
    added, removed = sum(m.old is None for m in moves), sum(m.new is None for m in moves)
    counts = {"moved": len(moves) - added - removed, "added": added, "removed": removed}
    yield f"{topic}: " + (", ".join(f"{n} {word}" for word, n in counts.items() if n) or "nothing moved")
    for move in moves[:most]:
        yield f"  {topic}/{move}"
    if len(moves) > most:
        yield f"  and {len(moves) - most} more, no larger; by part: {_by_part(moves)}"


def _by_part(moves: list[Move], most: int = 8) -> str:
    """How many moves there are of each last part of a name, and the largest change of a number among them."""
    sizes: dict[str, list[float]] = {}
    for move in moves:
        sizes.setdefault(move.name.rpartition("/")[2], []).append(move.size)
    words = []
    for part, found in sorted(sizes.items(), key=lambda item: -len(item[1])):
        finite = [size for size in found if math.isfinite(size)]
        words.append(f"{len(found)} {part}" + (f" (up to {100 * max(finite):.2g} %)" if finite else ""))
    return ", ".join(words[:most]) + (" …" if len(words) > most else "")


def write(path: Path, answers: Answers) -> None:
    """Write answers, sorted by name, the parts of one in one line."""
    lines: dict[str, dict[str, Value]] = {}
    for name in sorted(answers):
        head, _, part = name.rpartition("/")
        lines.setdefault(head, {})[part] = rounded(answers[name])
    body = ",\n".join(
        f"{_json(head)}: {{{', '.join(f'{_json(part)}: {_json(value)}' for part, value in parts.items())}}}"
        for head, parts in lines.items()
    )
    path.write_text(f"{{\n{body}\n}}\n", encoding="utf-8")


def read(path: Path) -> dict[str, Value]:
    """Answers of a file; none when there is no such file."""
    if not path.exists():
        return {}
    lines = json.loads(path.read_text(encoding="utf-8"))
    return {f"{head}/{part}": value for head, parts in lines.items() for part, value in parts.items()}
