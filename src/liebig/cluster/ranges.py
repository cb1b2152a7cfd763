"""What the numbers of a chip can be, in which unit, and which unit a number outside may have been meant in.

Held against what a user states; numbers of the table of chips lie within, and those that tests and searches make up
need not.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["out_of_range"]


@dataclass(frozen=True)
class _Range:
    """Least and most of a number, its unit, an example, and other units people write, each with its size in this one.

    ``or_zero`` is true where 0 says that there is none.
    """

    least: float
    most: float
    unit: str
    example: str
    others: tuple[tuple[str, float], ...] = ()
    or_zero: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number can be."""
        return self.least <= value <= self.most or (self.or_zero and value == 0.0)

    def words(self, value: float) -> str:
        """What was expected, and how to mend the number."""
        text = f"expected {'0 or ' if self.or_zero else ''}{self.least:g} to {self.most:g} {self.unit}, "
        text += f"such as {self.example}"
        for unit, size in self.others:
            # the first unit that leaves a number people would write
            if 1.0 <= abs(value) < 1e4 and self.holds(value * size):
                return f"{text}; {value:g} looks like {unit}: write {_written(value, size)}"
        return text


def _written(value: float, size: float) -> str:
    power = round(math.log10(size))
    if math.isclose(size, 10.0**power):
        return f"{value:g}e{power}"
    return f"{value * size:g}"


_FLOPS = (("TFLOP/s", 1e12),)
_BYTES = (("GB", 1e9),)
_LINK = (("GB/s", 1e9),)


def _peak(example: str) -> _Range:
    return _Range(1e8, 1e19, "FLOP/s", example, _FLOPS)


_RANGES: dict[str, _Range] = {
    "peak_bf16": _peak("989e12 for an H100"),
    "peak_fp16": _peak("989e12 for an H100"),
    "peak_fp32": _peak("67e12 for an H100"),
    "peak_tf32": _peak("495e12 for an H100"),
    "peak_fp8": _peak("1979e12 for an H100"),
    "peak_int8": _peak("1979e12 for an H100"),
    "peak_fp4": _peak("9e15 for a B200"),
    "memory_bytes": _Range(1e6, 1e15, "bytes", "80e9 for an H100", _BYTES),
    "memory_bandwidth": _Range(1e8, 1e18, "bytes/s", "3.35e12 for an H100", (("TB/s", 1e12),)),
    "on_chip_bytes": _Range(1e3, 1e13, "bytes", "128e6 for a TPU v6e", (("MB", 1e6),)),
    "tdp_w": _Range(1.0, 1e6, "W", "700 for an H100"),
    "system_w": _Range(1.0, 1e7, "W", "1275 for an H100 in its server"),
    "scale_up_bandwidth": _Range(1e6, 1e15, "bytes/s each way", "450e9 for an H100", _LINK, or_zero=True),
    "scale_out_bandwidth": _Range(
        1e6, 1e15, "bytes/s each way", "50e9 for 400 Gbit/s", (("Gbit/s", 0.125e9),), or_zero=True
    ),
    "host_bandwidth": _Range(1e6, 1e15, "bytes/s each way", "64e9 for PCIe 5", _LINK),
    "scale_up_domain": _Range(1, 1e6, "chips", "8 for an H100"),
    "chips_per_node": _Range(1, 1e6, "chips", "8 for an H100"),
    "cores": _Range(1, 1e4, "cores", "8 for a Trainium2"),
    "launch_s": _Range(1e-9, 1.0, "s", "4e-6 for a kernel on an H100", (("microseconds", 1e-6),), or_zero=True),
    "memory_level": _Range(1e-3, 1.5, "of the memory bandwidth", "0.9"),
    "matmul_level": _Range(1e-3, 100.0, "times the general curve", "0.8"),
    "flop_per_s": _Range(1e3, 1e20, "FLOP/s", "700e12", _FLOPS),
}


def out_of_range(fields: Mapping[str, Any], known: str = "") -> list[str]:
    """A sentence for each number of a chip that cannot be.

    Args:
        fields: numbers of a chip by name; what is no number is left to other checks.
        known: problems that were found already; fields that they name are left out.

    >>> out_of_range({"peak_bf16": 989e12, "memory_bytes": 80})
    ['memory_bytes: expected 1e+06 to 1e+15 bytes, such as 80e9 for an H100; 80 looks like GB: write 80e9']
    """
    out = []
    for name, value in _numbers(fields):
        allowed = _RANGES[name.partition(".")[0] if not name.endswith("flop_per_s") else "flop_per_s"]
        if f"{name}:" in known or allowed.holds(value):
            continue
        words = allowed.words(value)
        out.append(f"{name}: {words}" + ("" if f"{value:g} looks" in words else f" (got {value:g})"))
    return out


def _numbers(fields: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Numbers of fields and of tables below them; of measured speeds the least and the most."""
    out: list[tuple[str, float]] = []
    for name, value in fields.items():
        if name in ("matmul_measured", "attention_measured") and isinstance(value, Mapping):
            for precision, table in value.items():
                speeds = _flat(table.get("flop_per_s") if isinstance(table, Mapping) else None)
                out += [(f"{name}.{precision}.flop_per_s", x) for x in {min(speeds), max(speeds)}] if speeds else []
        elif isinstance(value, Mapping) and name in _RANGES:
            out += [(f"{name}.{k}", v) for k, v in value.items() if _is_number(v)]
        elif name in _RANGES and _is_number(value):
            out.append((name, float(value)))
    return out


def _flat(value: Any) -> list[float]:
    if isinstance(value, (list, tuple)):
        return [x for part in value for x in _flat(part)]
    return [float(value)] if _is_number(value) else []


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max  # others are refused before, as no number
