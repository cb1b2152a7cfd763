"""Drawing in the terminal: numbers, sparklines, the barrel, progress."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from liebig.palette import SKY_BLUE

__all__ = [
    "barrel",
    "console",
    "grid",
    "limit_colour",
    "notes",
    "progress_bar",
    "sparkline",
]

_BARS = "▁▂▃▄▅▆▇█"
_WATER = SKY_BLUE


def console(*, err: bool = False) -> Console:
    """A console that keeps its lines whole when the output is not a terminal.

    No markup: titles and facts of a user may hold brackets.
    """
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, markup=False, width=None if stream.isatty() else 140, soft_wrap=False)


def grid(*headings: str, right: Sequence[int] = ()) -> RichTable:
    """An open table: a rule under the head, no boxes."""
    table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i in right else "left", no_wrap=i in right)
    return table


def limit_colour(name: str) -> str:
    """Colour of a limit; none for the name of anything else.

    >>> limit_colour("power"), limit_colour("expected")
    ('#E69F00', '')
    """
    from liebig.limits import LIMITS

    return LIMITS[name].colour if name in LIMITS else ""


def sparkline(values: Sequence[float], low: float, high: float) -> str:
    """A row of bars on a logarithmic scale from ``low`` to ``high``.

    >>> sparkline([1, 10, 100], 1, 100)
    '▁▅█'
    """
    span = math.log(high / low) or 1.0
    out = []
    for value in values:
        if not math.isfinite(value) or value <= 0:
            out.append("█" if value > 0 else " ")
            continue
        place = math.log(value / low) / span * (len(_BARS) - 1)
        out.append(_BARS[min(len(_BARS) - 1, max(0, math.floor(place + 0.5)))])
    return "".join(out)


def barrel(heights: Mapping[str, float], binding: str, rows: int = 8) -> Text:
    """The barrel: one stave for each limit, the water at the lowest.

    Args:
        heights: limit -> headroom on a logarithmic scale; the lowest stave sets the water.
        binding: the limit named under the water line.
        rows: lines of the tallest stave, each of eight steps.
    """
    finite = [h for h in heights.values() if math.isfinite(h)]
    top, floor = max(finite), min(0.0, min(finite) - 0.5)
    span = (top - floor) or 1.0
    steps = {n: max(1, round((min(h, top) - floor) / span * rows * 8)) for n, h in heights.items()}
    surface = (min(steps.values()) - 1) // 8
    text = Text()
    width = max(9, *(len(n) + 2 for n in heights))
    for line in range(rows - 1, -1, -1):
        text.append("  ")
        gap = "≈" if line == surface else "░" if line < surface else " "
        for name, height in steps.items():
            filled = min(8, max(0, height - 8 * line))
            if filled:
                text.append(_BARS[filled - 1] * (width - 2), style=limit_colour(name))
            else:
                text.append(gap * (width - 2), style=_WATER)
            text.append(gap * 2, style=_WATER)
        text.append("\n")
    text.append("  ")
    for name in heights:
        style = f"bold {limit_colour(name)}" if name == binding else limit_colour(name)
        text.append(name.ljust(width), style=style)
    text.append("\n  ")
    for name in heights:
        text.append(("▲ binds" if name == binding else "").ljust(width), style="bold")
    return text


def notes(lines: Sequence[str]) -> None:
    """Print notes to the error stream, so that they never mix with data."""
    out = console(err=True)
    for line in lines:
        out.print(f"note: {line}", style="dim", soft_wrap=True)


@contextmanager
def progress_bar(what: str, *, show: bool = True) -> Iterator[Callable[[float], None] | None]:
    """A progress bar on the error stream when a person looks at it; yields what reports the share done."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console(err=True), transient=True
    )
    with bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)
