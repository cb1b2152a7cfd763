"""``liebig validate``: predictions against published measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.evidence.training.memory_verdicts import MemoryScore
    from liebig.evidence.training.runs import RunScored
    from liebig.evidence.training.score import Scored
    from liebig.evidence.training.validate import Validation

app = typer.Typer(
    help="How good predictions are, against published measurements.", no_args_is_help=True, rich_markup_mode=None
)

RunsOption = Annotated[
    Path | None, typer.Option("--runs", help="Score this table instead (CSV in the documented format).", metavar="FILE")
]
CalibrationOption = Annotated[
    Path | None, typer.Option("--calibration", help="Use this calibration (from liebig calibrate).", metavar="FILE")
]


@app.command("training")
@answers(outputs=("html", "json", "csv"))
def training(
    runs: RunsOption = None,
    calibration: CalibrationOption = None,
    leave: Annotated[str, typer.Option("--leave", help="Leave out each source or each chip in turn.")] = "source",
) -> Answer:
    """Time of a step: each source predicted by a calibration on all others, next to one constant MFU."""
    from liebig.cli.render import progress_bar
    from liebig.errors import ConflictError, UnknownNameError
    from liebig.evidence.training import builtin_cases, validate_training
    from liebig.evidence.training.report import validation_report
    from liebig.tables import Table

    if leave not in ("source", "chip"):
        raise UnknownNameError("group to leave out", leave, ("source", "chip"))
    if runs:
        return _of_rows(runs, calibration)
    if calibration is not None:
        raise ConflictError("--calibration is scored on rows of your own; add --runs FILE")
    with progress_bar(f"leaving out each {leave}") as progress:
        result = validate_training(builtin_cases(), leave, progress=progress)
    kinds = ("source", "chip", "precision", "size", "software")
    return Answer(
        show=lambda: _show(result),
        content=lambda: {
            "summary": result.summary(),
            "left_out": leave,
            "rows": _rows(result),
            "search": result.regrets(),
            "notes": list(result.notes()),
            **{f"by_{k}": [g.to_dict() for g in result.groups(k)] for k in kinds},
        },
        table=lambda: Table.from_rows(_rows(result)).to_csv(),
        report=lambda: validation_report(result),
        notes=lambda: result.notes(),
    )


def _of_rows(runs: Path, calibration: Path | None) -> Answer:
    """Rows of the user against predictions."""
    from liebig.cluster.borrowed import borrowed_by_rows
    from liebig.evidence.training import read_rows, score_rows
    from liebig.evidence.training.report import scored_report
    from liebig.step.calibration import load_calibration

    scored = score_rows(read_rows(runs), load_calibration(calibration) if calibration else None)
    notes = borrowed_by_rows(s.borrowed for s in scored)
    return Answer(
        show=lambda: _show_scored(scored),
        content=lambda: {"rows": [s.to_dict() for s in scored], "summary": _summary(scored), "notes": list(notes)},
        table=lambda: _scored_csv(scored),
        report=lambda: scored_report(scored),
        notes=lambda: notes,
    )


def _scored_csv(scored: Sequence[Scored | RunScored]) -> str:
    from liebig.tables import Table

    return Table.from_rows([{**s.to_dict(), "assumed": "; ".join(s.assumed)} for s in scored]).to_csv()


def _rows(result: Validation) -> list[dict[str, Any]]:
    return [
        {
            "row_id": case.row_id,
            "source": case.source,
            "chip": case.chip.name if case.chip else "",
            "software": case.software.name if case.software else "",
            "measured_s": float(result.table.measured_s[i]),
            "predicted_s": float(result.p50[i]),
            "p10_s": float(result.p10[i]),
            "p90_s": float(result.p90[i]),
            "error": float(result.error[i]),
            "constant_mfu_s": float(result.baseline[i]),
        }
        for i, case in enumerate(result.table.cases)
    ]


def _show(result: Validation) -> None:
    from liebig.cli.render import console, grid

    out = console()
    summary = result.summary()
    for kind, title in (
        ("source", "By source"),
        ("chip", "By chip"),
        ("precision", "By family and precision"),
        ("size", "By size"),
    ):
        out.print(title, style="bold")
        head = (kind, "rows", "error", "bias", "in 80 %", "constant MFU", "own MFU")
        table = grid(*head, right=(1, 2, 3, 4, 5, 6))
        for g in result.groups(kind):
            table.add_row(
                g.name,
                str(g.rows),
                f"{100 * g.error:.1f} %",
                f"{100 * g.bias:+.1f} %",
                f"{100 * g.coverage:.0f} %",
                f"{100 * g.constant_mfu:.0f} %",
                f"{100 * g.constant_mfu_fitted:.1f} %",
            )
        out.print(table)
        out.print()
    out.print(
        f"Median over {summary['sources']:.0f} sources {100 * summary['median_error_over_sources']:.1f} %, "
        f"mean {100 * summary['mean_error_over_sources']:.1f} %; bias {100 * summary['bias']:+.1f} %; "
        f"80 % interval holds {100 * summary['coverage']:.0f} % of left-out rows"
    )
    _show_regrets(result)
    out.print(
        "  error: mean absolute error of the time of a step; "
        "constant MFU: one per family and precision from the other sources;\n"
        "  own MFU: the same, fitted to the very rows it is scored on",
        style="dim",
    )


def _show_regrets(result: Validation) -> None:
    """How good the layout is that is ranked first, by source."""
    from statistics import mean, median

    from liebig.cli.render import console, grid

    found = result.regrets()
    table = grid("sweeps of layouts", "sweeps", "regret, median", "mean", "largest", right=(1, 2, 3, 4))
    for source in dict.fromkeys(r["source"] for r in found):
        regrets = [r["regret"] for r in found if r["source"] == source]
        cells = [f"{100 * x:.1f} %" for x in (median(regrets), mean(regrets), max(regrets))]
        table.add_row(source, str(len(regrets)), *cells)
    console().print(table)


def _summary(scored: list[Scored]) -> dict[str, Any]:
    errors = [abs(s.error) for s in scored if s.error is not None]
    inside = [s.p10 <= s.measured <= s.p90 for s in scored if s.measured and s.p10 is not None and s.p90 is not None]
    return {
        "rows": len(scored),
        "predicted": sum(s.predicted is not None for s in scored),
        "scored": len(errors),
        "mean_absolute_error": sum(errors) / len(errors) if errors else None,
        "coverage": sum(inside) / len(inside) if inside else None,
    }


def _show_scored(scored: list[Scored]) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    table = grid("row", "quantity", "predicted (p10–p90)", "measured", "error", right=(3, 4))
    for s in scored:
        if s.predicted is None:
            table.add_row(s.row_id, "–", s.reason, "", "")
            continue
        error = "" if s.error is None else f"{100 * s.error:+.1f} %"
        measured = "" if s.measured is None else f"{s.measured:.4g}"
        table.add_row(s.row_id, s.quantity, format_interval((s.p10, s.predicted, s.p90), write=".4g"), measured, error)
    out.print(table)
    summary = _summary(scored)
    mean, cover = summary["mean_absolute_error"], summary["coverage"]
    if mean is not None and cover is not None:
        out.print(
            f"{summary['scored']} of {summary['rows']} rows scored: "
            f"mean absolute error of the step {100 * mean:.1f} %, "
            f"{100 * cover:.0f} % in the 80 % interval"
        )


@app.command("memory")
@answers(outputs=("html", "json", "csv"))
def memory_verdicts(
    runs: RunsOption = None,
) -> Answer:
    """Does it fit?  Verdicts against configurations that fitted or ran out of memory."""
    from liebig.evidence.training import read_rows, score_memory
    from liebig.evidence.training.published import builtin_rows
    from liebig.evidence.training.report import memory_report
    from liebig.tables import Table

    score = score_memory(read_rows(runs) if runs else builtin_rows("memory_fit"))
    return Answer(
        show=lambda: _show_memory(score),
        content=lambda: {"summary": score.summary(), "rows": [v.to_dict() for v in score.verdicts]},
        table=lambda: Table.from_rows([v.to_dict() for v in score.verdicts]).to_csv(),
        report=lambda: memory_report(score),
    )


def _show_memory(score: MemoryScore) -> None:
    from liebig.cli.render import console, grid

    table = grid("model", "rows", "correct", "failures called fits", "fits called failures", right=(1, 2, 3, 4))
    models = sorted({v.model for v in score.verdicts})
    for name in [*models, "all"]:
        part = type(score)(tuple(v for v in score.verdicts if name in (v.model, "all"))).summary()
        if part["rows"]:
            table.add_row(
                name,
                f"{part['rows']:.0f}",
                f"{100 * part['correct']:.1f} %",
                f"{100 * part['failures_called_fits']:.1f} %",
                f"{100 * part['fits_called_failures']:.1f} %",
            )
    console().print(table)


@app.command("runs")
@answers(outputs=("html", "json", "csv"))
def full_runs(
    runs: RunsOption = None,
    calibration: CalibrationOption = None,
) -> Answer:
    """Chip-hours and energy of whole published runs, from model, tokens and machine; the layout is searched for."""
    from liebig.cli.render import progress_bar
    from liebig.cluster.borrowed import borrowed_by_rows
    from liebig.evidence.training import builtin_rows, read_rows, score_runs
    from liebig.evidence.training.report import runs_report
    from liebig.evidence.training.runs import summary_of
    from liebig.step.calibration import load_calibration

    known = load_calibration(calibration) if calibration else None
    rows = read_rows(runs) if runs else builtin_rows("runs")
    with progress_bar("searching layouts of published runs") as progress:
        scored = score_runs(rows, known, progress=progress)
    notes = borrowed_by_rows(s.borrowed for s in scored)
    return Answer(
        show=lambda: _show_runs(scored),
        content=lambda: {
            "summary": summary_of(scored),
            "rows": [s.to_dict() for s in scored],
            "notes": list(notes),
        },
        table=lambda: _scored_csv(scored),
        report=lambda: runs_report(scored),
        notes=lambda: notes,
    )


def _show_runs(scored: list[RunScored]) -> None:
    from liebig.cli.render import console, grid
    from liebig.evidence.training.runs import summary_of
    from liebig.quantities import format_interval

    out = console()
    table = grid("run", "quantity", "predicted (p10–p90)", "published", "error", "constant MFU", right=(3, 4, 5))
    for s in scored:
        if s.predicted is None:
            table.add_row(s.row_id, s.quantity, s.reason, "", "", "")
            continue
        cells = ["" if v is None else f"{100 * v:+.0f} %" for v in (s.error, s.error_of_constant_mfu)]
        measured = "" if s.measured is None else f"{s.measured:,.3g}"
        table.add_row(
            s.row_id, s.quantity, format_interval((s.p10, s.predicted, s.p90), write=",.3g"), measured, *cells
        )  # fmt: skip
    out.print(table)
    for quantity, found in summary_of(scored).items():
        base = found["median_error_of_constant_mfu"]
        words = "" if base is None else f", {100 * base:.0f} % by one MFU per chip"
        out.print(
            f"{quantity}: {found['scored']} of {found['rows']} scored, median error "
            f"{100 * (found['median_error'] or 0.0):.0f} %{words}; 80 % interval holds "
            f"{100 * (found['coverage'] or 0.0):.0f} %"
        )
