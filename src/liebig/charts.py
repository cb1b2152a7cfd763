"""What all pictures share: Vega-Lite through altair (extra ``plot``), fonts, files, axes in powers of ten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from liebig.errors import InputError, MissingExtraError
from liebig.files import write_atomic
from liebig.palette import FAINT, INK, RULE, SOFT, WHITE
from liebig.quantities import format_scientific

__all__ = ["FONT", "WIDTH", "altair", "check_plotting", "finish", "power_axis", "save", "to_svg"]

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
WIDTH = 720


def check_plotting() -> None:
    """Raise MissingExtraError when altair or vl-convert is absent."""
    try:
        import altair
        import vl_convert
    except ImportError:
        raise MissingExtraError("plots", "plot") from None
    del altair, vl_convert


def altair() -> Any:
    """The module altair.

    Raises:
        MissingExtraError: it is not installed.
    """
    check_plotting()
    import altair as loaded

    return loaded


def save(chart: Any, path: Path) -> None:
    """Write .svg, .png or .html (self-contained), whole or not at all.

    Raises:
        InputError: another suffix, or the file cannot be written.
    """
    import vl_convert

    spec = chart.to_json()
    kind = path.suffix.lower()
    if kind == ".svg":
        content = vl_convert.vegalite_to_svg(spec).encode("utf-8")
    elif kind == ".png":
        content = vl_convert.vegalite_to_png(spec, scale=2)
    elif kind == ".html":
        # a title may hold "</script>"; an invisible joiner keeps it from ending the page's script
        spec = spec.replace("</", "<\u2060/")
        content = vl_convert.vegalite_to_html(spec, bundle=True).encode("utf-8")
    else:
        raise InputError(f"{path}: expected a file name that ends in .svg, .png or .html")
    write_atomic(path, content)


def finish(chart: Any) -> Any:
    """The chart in the house's style."""
    return (
        chart.configure(font=FONT, background=WHITE, padding=12)
        .configure_view(stroke=None)
        .configure_axis(grid=True, gridColor=FAINT, domainColor=RULE, tickColor=RULE, labelColor=INK)
        .configure_title(anchor="start", fontSize=15, fontWeight=600, subtitleColor=SOFT, subtitleFontSize=12)
    )


def power_axis(alt: Any, low: float, high: float, title: str) -> Any:
    """An axis of log10 values with labels such as 10²⁹."""
    ticks = list(range(int(np.floor(low)), int(np.ceil(high)) + 1))
    step = max(1, len(ticks) // 8)
    table = ",".join(f"'{t}':'{format_scientific(10.0**t, 1).replace('1×', '')}'" for t in ticks)
    return alt.Axis(values=ticks[::step], labelExpr="{" + table + "}[datum.value]", title=title)


def to_svg(chart: Any) -> str:
    """The chart as the text of an SVG picture."""
    check_plotting()
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_json()))
