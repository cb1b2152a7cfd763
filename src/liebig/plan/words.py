"""A plan in words: figures come from the run, never from a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liebig.quantities import format_quantity

if TYPE_CHECKING:
    from liebig.plan.run import Triple
    from liebig.plan.train import TrainingPlan

__all__ = ["interval", "summary_of"]


def interval(triple: Triple, form: str = ".3g") -> str:
    """p50 (p10–p90), two significant digits or as given.

    >>> interval((1.0, 2.0, 3.0))
    '2 (1–3)'
    """
    low, middle, high = triple
    return f"{middle:{form}} ({low:{form}}–{high:{form}})"


def money(usd: float) -> str:
    """US dollars for people.

    >>> money(5.34e7), money(950.0)
    ('USD 53M', 'USD 950')
    """
    for least, letter in ((1e9, "B"), (1e6, "M"), (1e4, "k")):
        if usd >= least * 0.995:
            value = usd / (1e3 if letter == "k" else least)
            return f"USD {value:.2g}{letter}" if value < 99.5 else f"USD {value:.0f}{letter}"
    return f"USD {usd:.3g}"


def summary_of(plan: TrainingPlan) -> str:
    """How long, how much, where the time goes and what fills the memory."""
    run = plan.run
    rows = sorted(plan.breakdown_table().rows(), key=lambda r: -r["seconds"])
    losses = [r for r in rows if r["part"] not in ("matmul", "attention", "memory", "head", "recompute")]
    worst = losses[0]
    full = float(plan.memory.total) / plan.chip.memory_bytes
    return (
        f"{plan.model.name} on {plan.given.chips:,} {plan.chip.name}: {interval(run.days)} days for "
        f"{format_quantity(plan.tokens, 'tokens')}, {money(run.usd[1])} "
        f"({money(run.usd[0])[4:]}–{money(run.usd[2])[4:]}), "
        f"{format_quantity(run.site_power_w[1], 'W')} and {run.energy_mwh[1]:,.3g} MWh. Best layout: "
        f"{plan.layout_words()}; a step takes {interval(plan.step_s)} s at {100 * plan.utilisation():.0f} % MFU. "
        f"Beyond computing, most time goes to {worst['part']} ({100 * worst['share']:.0f} %); memory is "
        f"{100 * full:.0f} % full."
    )
