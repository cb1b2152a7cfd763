"""``liebig route train``, ``calibrate``, ``evaluate`` and ``label``."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, Written, answers

if TYPE_CHECKING:
    from liebig.route.learn.assess import Assessment
    from liebig.route.router import LearnedRouter, RuleRouter

DataArgument = Annotated[Path, typer.Argument(help="Labelled requests (.jsonl, .json or .csv, also .gz).")]
RouterArgument = Annotated[str, typer.Argument(help="A router's file, or default, cascade, length, task, random.")]
ModelsOption = Annotated[
    str | None, typer.Option("--models", help="Models, weakest first; by default all, by quality.", metavar="A,B")
]
QualityOption = Annotated[
    list[float] | None, typer.Option("--quality", help="Share of the strongest model's quality to promise.")
]
ConfidenceOption = Annotated[float, typer.Option("--confidence", help="With which the promise holds.")]


def _names(text: str | None) -> list[str]:
    return [n.strip() for n in (text or "").split(",") if n.strip()]


@answers(outputs=("json",))
def train(
    data: DataArgument,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File of the router (.npz).", metavar="FILE"), Written(".npz")
    ],
    models: ModelsOption = None,
    kind: Annotated[str, typer.Option("--kind", help="linear, nearest, boosted or combined.")] = "combined",
    look: Annotated[
        bool, typer.Option("--cascade", help="Look at the weakest model's answer (the data must hold it).")
    ] = False,
    holdout: Annotated[
        float, typer.Option("--holdout", help="Share of rows kept for calibration; 0 trains on all.", min=0, max=0.9)
    ] = 0.4,
    quality: QualityOption = None,
    confidence: ConfidenceOption = 0.9,
) -> Answer:
    """Train a router on your traffic, and calibrate it on rows that it has not seen."""
    import numpy as np

    from liebig.route.learn.calibrate import QUALITIES
    from liebig.route.learn.calibrate import calibrate as calibrate_router
    from liebig.route.learn.data import read_labelled
    from liebig.route.router import train_router

    rows = read_labelled(data, _names(models)).usable()
    order = np.random.default_rng(0).permutation(len(rows))
    kept = round(holdout * len(rows))
    router, _ = train_router(rows.at(order[kept:]), kind, rows.models[0] if look else "")
    done: LearnedRouter | RuleRouter = router
    if kept:
        done = calibrate_router(router, rows.at(order[:kept]), quality or QUALITIES, confidence)
    _save(done, out)
    title = f"{done.name} router for {', '.join(done.models)}, trained on {len(rows) - kept} rows"
    return Answer(
        show=lambda: _show_router(done, title),
        content=lambda: {"router": str(out), "trained_on": len(rows) - kept, **_described(done)},
    )


@answers(outputs=("json",))
def calibrate(
    router: RouterArgument,
    data: DataArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write here; by default over the router.", metavar="FILE")
    ] = None,
    models: ModelsOption = None,
    quality: QualityOption = None,
    confidence: ConfidenceOption = 0.9,
) -> Answer:
    """Thresholds with a promise: at least this share of the strongest model's quality, at this confidence."""
    from liebig.errors import InputError
    from liebig.route.learn.calibrate import QUALITIES
    from liebig.route.learn.calibrate import calibrate as calibrate_router
    from liebig.route.learn.data import read_labelled
    from liebig.route.rules import RULES

    if out is None and router in RULES:
        raise InputError(f"{router} is built in; say with --out FILE.npz where its calibrated copy goes")
    target = out or Path(router)
    o.check_output(target, (".npz",), [data])
    rows = read_labelled(data, _names(models))
    done = calibrate_router(_load(router, rows.models), rows, quality or QUALITIES, confidence)
    _save(done, target)
    return Answer(
        show=lambda: _show_router(done, f"{done.name} router for {', '.join(done.models)}"),
        content=lambda: {"router": str(target), **_described(done)},
        notes=lambda: [f"wrote {target}"],
    )


def _load(name: str, models: tuple[str, ...]) -> LearnedRouter | RuleRouter:
    """A router; a built-in one chooses among the models that have labels, a trained one among its own."""
    from liebig.route.router import load_router
    from liebig.route.rules import RULES

    return load_router(name, models if name in RULES else ())


def _save(router: LearnedRouter | RuleRouter, path: Path) -> None:
    from liebig.route.router import LearnedRouter, save_rule

    if isinstance(router, LearnedRouter):
        router.save(path)
    else:
        save_rule(router, path)


def _described(router: LearnedRouter | RuleRouter) -> dict[str, Any]:
    return {
        "kind": router.name, "models": list(router.models), "looks_at": router.looks_at,
        "calibrated": [
            {**vars(c), "threshold": None if c.threshold == float("-inf") else c.threshold} for c in router.calibrated
        ],
    }  # fmt: skip


def _show_router(router: LearnedRouter | RuleRouter, title: str) -> None:
    from liebig.cli.render import console, grid

    out = console()
    out.print(title, style="bold")
    if not router.calibrated:
        out.print("not calibrated: run liebig route calibrate with rows that it was not trained on")
        return
    table = grid("quality", "confidence", "to weaker models", "labels", "", right=(0, 1, 2, 3))
    for c in router.calibrated:
        remark = f"about {c.missing} labels more are needed for any saving" if c.missing else ""
        if not c.weak_share and not c.missing:
            remark = "no saving is in sight at this quality"
        table.add_row(f"≥ {c.quality:.0%}", f"{c.confidence:.0%}", f"{c.weak_share:.0%}", str(c.labels), remark)
    out.print(table)


@answers(outputs=("plot", "json", "csv"))
def evaluate(
    router: Annotated[
        str, typer.Argument(help="A router's file, or default, cascade, length, task, random.")
    ] = "default",
    data: Annotated[Path | None, typer.Argument(help="Labelled requests (.jsonl, .json or .csv, also .gz).")] = None,
    suite: Annotated[
        str | None, typer.Option("--suite", help="Run a published protocol instead: routellm.", metavar="NAME")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--suite-data", help="Folder with the outcomes of the suite.", metavar="DIR")
    ] = None,
    models: ModelsOption = None,
    price: Annotated[
        str | None, typer.Option("--price", help="USD per million tokens of weak,strong where rows tell no cost.")
    ] = None,
    splits: Annotated[int, typer.Option("--splits", help="Random splits for learned routers.", min=1, max=200)] = 10,
    draws: Annotated[int, typer.Option("--draws", help="Draws of the bootstrap.", min=10, max=10_000)] = 200,
) -> Answer:
    """How much quality a router buys with how many calls of the strong model, next to chance, length and an oracle."""
    from liebig.errors import InputError, UnknownNameError

    if suite is not None:
        if suite != "routellm":
            raise UnknownNameError("suite", suite, ("routellm",))
        if folder is None:
            raise InputError("--suite routellm needs --suite-data DIR with routellm_outcomes.csv.gz")
        return _of_suite(folder, splits, draws)
    if data is None:
        raise InputError("no labelled requests; give a file, or --suite routellm with --suite-data DIR")
    from liebig.route.learn.assess import assess
    from liebig.route.learn.data import read_labelled
    from liebig.route.learn.plot import draw_curves

    rows = read_labelled(data, _names(models))
    found = assess(_load(router, rows.models), rows, draws, _prices(price))
    return Answer(
        show=lambda: _show_assessment(found),
        content=found.to_dict,
        table=lambda: _csv(found.rows),
        draw=lambda path: draw_curves(found, path),
    )


def _prices(text: str | None) -> tuple[float, float] | None:
    from liebig.errors import InputError

    if text is None:
        return None
    try:
        weak, strong = (float(p) for p in text.split(","))
    except ValueError:
        raise InputError(f"--price {text!r}: expected two numbers, e.g. --price 0.2,5") from None
    if not (0 <= weak < float("inf") and 0 <= strong < float("inf")):
        raise InputError(f"--price {text!r}: prices must not be negative")
    return weak, strong


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    from liebig.tables import Table

    return Table.from_rows([_flat(r) for r in rows]).to_csv()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    out = {k: v for k, v in row.items() if not isinstance(v, (dict, tuple))}
    intervals = {k: v for k, v in row.items() if isinstance(v, tuple)} | row.get("intervals", {})
    for name, interval in intervals.items():
        out |= interval.columns(name)
    return out


def _of_suite(folder: Path, splits: int, draws: int) -> Answer:
    """A published protocol; run when a form is asked for, so that a picture is refused at once."""

    @functools.cache
    def rows() -> list[dict[str, Any]]:
        from liebig.cli.render import console
        from liebig.route.learn.suite import run_suite

        with console(err=True).status("reading outcomes") as status:
            return run_suite(folder, splits, draws, lambda text: status.update(text))

    return Answer(
        show=lambda: _show_suite(rows()),
        content=lambda: {"suite": "routellm", "rows": rows()},
        table=lambda: _csv(rows()),
    )


def _show_suite(rows: Sequence[dict[str, Any]]) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    table = grid("set", "router", "labels", "APGR", "80 %", "by bins", "CPT50", "CPT80", right=(2, 3, 4, 5, 6, 7))
    for r in rows:
        low, _, high = r["intervals"]["apgr"]
        band = format_interval((low, None, high), write=".3f")
        binned = r.get("apgr_by_bins")
        table.add_row(
            r["set"], r["router"], str(r["labels"] or "–"), f"{r['apgr']:.3f}", band,
            "–" if binned is None else f"{binned:.3f}", f"{100 * r['cpt50']:.1f}", f"{100 * r['cpt80']:.1f}",
        )  # fmt: skip
    out = console()
    out.print(table)
    out.print(
        "  APGR: area under the recovered gap, 0.5 by chance; by bins: as the original code takes it, – where scores\n"
        "  are tied; CPT: calls to the strong model (%) that recover 50 and 80 % of the gap; learned: mean over splits",
        style="dim",
    )


def _show_assessment(found: Assessment) -> None:
    from liebig.cli.render import console, grid
    from liebig.quantities import format_interval

    out = console()
    first = found.rows[0]
    if "calls_saved" in first:
        spared = format_interval(first["calls_saved"], write=".0%")
        out.print(
            f"At 95 % of {found.strong}'s quality, {first['router']} spares {spared} of calls.",
            style="bold",
        )
    has = [n for n in ("tokens_saved", "usd_saved") if n in first]
    head = ["router", "APGR", "80 %", "CPT50", "CPT80", "calls saved", *(n.replace("_", " ") for n in has)]
    table = grid(*head, right=tuple(range(1, len(head))))
    for r in found.rows:
        low, _, high = r["intervals"]["apgr"]
        band = format_interval((low, None, high), write=".3f")
        cells = [r["router"], f"{r['apgr']:.3f}", band]
        cells += [f"{100 * r['cpt50']:.0f}", f"{100 * r['cpt80']:.0f}"]
        cells += [format_interval(r[n], write=".0%") for n in ("calls_saved", *has)]
        table.add_row(*cells)
    out.print(table)
    out.print(
        f"  {first['requests']} requests ({found.left_out} more were used in training); quality of {found.weak} "
        f"{first['weak']:.3g}, of {found.strong} {first['strong']:.3g}",
        style="dim",
    )


@answers(outputs=("json",))
def label(
    prompts: Annotated[Path, typer.Argument(help="Requests (.jsonl, .json or .csv), labelled or not.")],
    count: Annotated[int, typer.Option("--count", "-n", help="How many to draw.", min=1)] = 100,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write them here (.jsonl).", metavar="FILE")] = None,
    router: Annotated[str | None, typer.Option("--router", help="A router whose doubt is asked.")] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="Grade two answers by this model: URL#MODEL.", metavar="URL#MODEL")
    ] = None,
    key_env: Annotated[str, typer.Option("--judge-key-env", help="Environment variable with the judge's key.")] = "",
    models: ModelsOption = None,
) -> Answer:
    """Draw the prompts whose labels teach most; a judge model can grade the answers that stand beside them."""
    import json

    from liebig.route.learn.sample import draw_rows, judge_rows, read_rows

    o.check_output(out, (".jsonl",), [prompts])
    rows = read_rows(prompts)
    taken = draw_rows(rows, count, router, _names(models))
    if judge:
        from liebig.cli.render import progress_bar

        with progress_bar("asking the judge") as progress:
            taken = judge_rows(taken, judge, key_env, _names(models), progress)
    text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in taken)
    if out:
        o.write_text(out, text)
    return Answer(
        show=lambda: typer.echo("" if out else text, nl=False),
        content=lambda: {"drawn": len(taken), "of": len(rows), "rows": taken},
        notes=lambda: [f"wrote {len(taken)} of {len(rows)} requests to {out}"] if out else [],
    )
