"""Numbers for Prometheus, written by hand; workers share them through files in a folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Metrics", "read_numbers", "render", "sum_up"]

#: name: (kind, help, labels)
METRICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "liebig_requests_total": ("counter", "Requests answered", ("endpoint", "model", "status")),
    "liebig_request_seconds": ("histogram", "Time to the last byte of an answer, s", ("endpoint",)),
    "liebig_first_token_seconds": ("histogram", "Time to the first token of a stream, s", ("endpoint",)),
    "liebig_tokens_total": ("counter", "Tokens", ("model", "kind")),
    "liebig_usd_total": ("counter", "US dollars spent", ("model",)),
    "liebig_usd_saved_total": ("counter", "US dollars that the strongest model would have cost more", ()),
    "liebig_escalations_total": ("counter", "Answers of the weak model that did not stand", ()),
    "liebig_usage_estimated_total": ("counter", "Answers without a count of tokens", ("model",)),
    "liebig_upstream_failures_total": ("counter", "Attempts that failed", ("upstream", "kind")),
    "liebig_circuit_open": ("gauge", "Workers that do not ask an upstream because it failed", ("upstream",)),
    "liebig_queue": ("gauge", "Requests that wait for an upstream", ("upstream",)),
    "liebig_in_flight": ("gauge", "Requests being answered", ()),
    "liebig_ledger_unsaved": ("gauge", "Calls that wait to be written", ()),
}
#: Upper bounds of the histograms, seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

Labels = tuple[str, ...]
Numbers = dict[str, dict[Labels, Any]]


class Metrics:
    """What one worker has counted."""

    def __init__(self) -> None:
        self.numbers: Numbers = {name: {} for name in METRICS}
        self.gauges: Callable[[], Mapping[str, Mapping[Labels, float]]] = dict

    def add(self, name: str, labels: Labels = (), amount: float = 1.0) -> None:
        """Raise a counter."""
        series = self.numbers[name]
        series[labels] = series.get(labels, 0.0) + amount

    def observe(self, name: str, labels: Labels, value: float) -> None:
        """Put a value into a histogram."""
        series = self.numbers[name]
        cells = series.get(labels)
        if cells is None:
            cells = series[labels] = [0.0] * (len(BOUNDS) + 2)
        place = next((i for i, bound in enumerate(BOUNDS) if value <= bound), len(BOUNDS))
        cells[place] += 1.0
        cells[-1] += value

    def snapshot(self) -> Numbers:
        """Counters as they are, gauges as they are now."""
        now = self.gauges()
        return {name: dict(now.get(name, series)) for name, series in self.numbers.items()}

    def save(self, path: Path) -> None:
        """Write the numbers where other workers find them."""
        content = {n: [[list(k), v] for k, v in s.items()] for n, s in self.snapshot().items() if s}
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(content), encoding="utf-8")
        os.replace(fresh, path)


def read_numbers(path: Path) -> Numbers:
    """Numbers that a worker wrote; of one that is gone no gauges, and nothing where they cannot be read."""
    gone = path.name.endswith(".gone.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            n: {tuple(k): v for k, v in s}
            for n, s in content.items()
            if n in METRICS and not (gone and METRICS[n][0] == "gauge")
        }
    except (OSError, ValueError):
        return {}


def sum_up(parts: Iterable[Numbers]) -> Numbers:
    """Numbers of several workers in one.

    >>> a = {"liebig_in_flight": {(): 2.0}}
    >>> sum_up([a, a])["liebig_in_flight"]
    {(): 4.0}
    """
    out: Numbers = {}
    for part in parts:
        for name, series in part.items():
            into = out.setdefault(name, {})
            for labels, value in series.items():
                old = into.get(labels)
                if old is None:
                    into[labels] = list(value) if isinstance(value, list) else value
                elif isinstance(value, list):
                    into[labels] = [a + b for a, b in zip(old, value, strict=True)]
                else:
                    into[labels] = old + value
    return out


def render(numbers: Numbers) -> str:
    """The text that Prometheus reads.

    >>> print(render({"liebig_in_flight": {(): 2.0}}), end="")
    # HELP liebig_in_flight Requests being answered
    # TYPE liebig_in_flight gauge
    liebig_in_flight 2
    """
    lines = []
    for name, (kind, words, labels) in METRICS.items():
        series = numbers.get(name)
        if series is None:
            continue
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        for values, amount in sorted(series.items()):
            pairs = [f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True)]
            if kind != "histogram":
                lines.append(f"{name}{_braced(pairs)} {_number(amount)}")
                continue
            total = 0.0
            for bound, cell in zip((*BOUNDS, math.inf), amount[:-1], strict=True):
                total += cell
                edge = "+Inf" if bound == math.inf else f"{bound:g}"
                bucket = _braced([*pairs, f'le="{edge}"'])
                lines.append(f"{name}_bucket{bucket} {_number(total)}")
            lines.append(f"{name}_sum{_braced(pairs)} {_number(amount[-1])}")
            lines.append(f"{name}_count{_braced(pairs)} {_number(total)}")
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _braced(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _number(value: float) -> str:
    return f"{value:.12g}"
