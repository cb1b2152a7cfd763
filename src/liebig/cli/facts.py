"""``liebig facts``: list, search, show and check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from liebig.cli import options as o
from liebig.cli.command import Answer, answers

if TYPE_CHECKING:
    from liebig.catalog import Catalog, FactRow
    from liebig.catalog.fields import Figure
    from liebig.evidence.forecast import Agreement

app = typer.Typer(
    help="The facts: every number with its source; search them, or check your own.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tables(incomplete: str) -> list[str]:
    from liebig.catalog import TABLES

    return [t for t in TABLES if t.startswith(incomplete)]


def _keys(incomplete: str) -> list[str]:
    from liebig.catalog import load_catalog

    return [n for n in load_catalog().parameters("2026") if incomplete in n]


@app.callback(invoke_without_command=True)
def _default(ctx: typer.Context) -> None:
    """The facts: every number with its source. Without a command: list the tables."""
    if ctx.invoked_subcommand is None:
        list_()


@app.command(name="list")
@answers()
def list_(
    table: Annotated[
        str | None, typer.Argument(help="A table (default: list the tables).", autocompletion=_tables)
    ] = None,
    facts: o.FactsOption = None,
    facts_file: o.FactsFileOption = None,
) -> Answer:
    """List the tables, or the facts of one."""
    from liebig.catalog import load_catalog
    from liebig.tables import Table

    catalog = load_catalog(facts_file or ())
    if table is None:
        return Answer(show=lambda: _show_tables(catalog), content=_needs_table, table=_needs_table)
    rows = catalog.table(table)
    if facts and table == "parameters":
        rows = tuple(catalog.parameters(facts).values())
    records = [r.model_dump() for r in rows]
    return Answer(
        show=lambda: _show_rows([(table, r) for r in rows]),
        content=lambda: records,
        table=lambda: Table.from_rows(records).to_csv(),
    )


def _needs_table() -> NoReturn:
    from liebig.errors import InputError

    raise InputError("--json and --csv need a table: liebig facts list TABLE")


def _show_tables(catalog: Catalog) -> None:
    from liebig.catalog import TABLES
    from liebig.cli.render import console, grid

    listing = grid("table", "rows", "what", right=(1,))
    for name, kind in TABLES.items():
        listing.add_row(name, str(len(catalog.table(name))), (kind.__doc__ or "").strip().splitlines()[0])
    console().print(listing)


@app.command()
@answers(outputs=("json",))
def search(
    words: Annotated[list[str], typer.Argument(help="Words that all must occur, in any column.")],
    facts_file: o.FactsFileOption = None,
) -> Answer:
    """Search all facts."""
    from liebig.catalog import load_catalog
    from liebig.errors import InputError

    hits = load_catalog(facts_file or ()).search(words)
    if not hits:
        raise InputError(f"no fact holds {' and '.join(map(repr, words))}; try fewer or shorter words")
    return Answer(show=lambda: _show_rows(hits), content=lambda: _records(hits))


def _records(hits: list[tuple[str, FactRow]]) -> list[dict[str, Any]]:
    return [{"table": t} | r.model_dump() for t, r in hits]


@app.command(short_help="Show a fact with its source.")
@answers(outputs=("json",))
def show(
    name: Annotated[str, typer.Argument(help="Key of a fact, e.g. run.duration_s, smr, gpt-4.", autocompletion=_keys)],
    facts_file: o.FactsFileOption = None,
) -> Answer:
    """Show a fact with its source, in every table and parameter set that has it."""
    from liebig.catalog import load_catalog

    catalog = load_catalog(facts_file or ())
    hits = _find(catalog, name)
    return Answer(show=lambda: _show_hits(catalog, hits), content=lambda: _records(hits))


def _show_hits(catalog: Catalog, hits: list[tuple[str, FactRow]]) -> None:
    from rich.text import Text

    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console

    out = console()
    for table, row in hits:
        out.print()
        whose = "" if catalog.is_builtin(table, row) else ", your file"
        out.print(Text.assemble((" · ".join(row.row_key), "bold"), (f"  {table}{whose}", "dim")))
        for column, value in row.model_dump().items():
            if value in ("", None) or column in row.key:
                continue
            text = f"{GRADES[value]} {value}" if column == "grade" else _text(value, row)
            out.print(f"  {column:18} {text}", soft_wrap=True, markup=False)


@app.command(short_help="Hold the forecast's parameters against the bundled tables.")
@answers()
def agree() -> Answer:
    """Parameters of the forecast beside what bundled tables of sites, chips, spending and models say of the same thing.

    A figure outside p5 to p95 of its parameter is marked, with the reason where one is stated.
    """
    from liebig.evidence.forecast import find_agreement

    found = find_agreement()
    return Answer(show=lambda: _show_agreement(found), content=found.to_dict, table=lambda: found.table().to_csv())


def _show_agreement(found: Agreement) -> None:
    from liebig.cli.render import console, grid

    out = console()
    out.print()
    out.print(found.summary(), soft_wrap=True)
    out.print()
    listing = grid("parameter", "p5", "p50", "p95", "table says", "", "how", right=(1, 2, 3, 4))
    for c in found.checks:
        ends = (f"{x:.4g}" for x in (c.p5, c.p50, c.p95, c.figure))
        how = f"{c.says}{f' ({c.reason})' if c.reason else ''}"
        listing.add_row(c.parameter, *ends, "" if c.inside else "✗", how)
    out.print(listing)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A table of facts: .csv, or .toml with [[table]] entries.")],
    table: Annotated[
        str | None, typer.Option("--table", help="Table (default: told by the columns).", autocompletion=_tables)
    ] = None,
) -> None:
    """Check your own table: all problems at once, with their lines."""
    from liebig.catalog import load_catalog, read_table
    from liebig.quantities import counted

    found = read_table(file, table)
    if table is None:
        load_catalog([file])
    for name, rows in found.items():
        typer.echo(f"{file}: {counted(len(rows), 'row')} of {name}, no problems")


def _find(catalog: Catalog, name: str) -> list[tuple[str, FactRow]]:
    from liebig.catalog import TABLES, resolve
    from liebig.errors import UnknownNameError

    wanted = name.lower()
    hits = [(t, r) for t in TABLES for r in catalog.table(t) if wanted in (k.lower() for k in r.row_key)]
    if hits:
        return hits
    ids = {r.row_key[0] for r in catalog.table("parameters")}
    try:
        full = resolve(name, ids)
    except UnknownNameError:
        keys = {r.row_key[0] for t in TABLES for r in catalog.table(t)}
        raise UnknownNameError("fact", name, sorted(keys), see="liebig facts search WORD") from None
    return [("parameters", r) for r in catalog.table("parameters") if r.row_key[0] == full]


def _text(value: Any, row: FactRow) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _show_rows(hits: list[tuple[str, FactRow]]) -> None:
    from liebig.catalog.rows import GRADES
    from liebig.cli.render import console, grid

    table = grid("table", "fact", "value", "unit", "as of", "", "source")
    for name, row in hits:
        table.add_row(
            name,
            " · ".join(row.row_key),
            _value(row.figure),
            row.figure.unit,
            row.as_of,
            GRADES[row.grade],
            _short(row.source),
        )
    console().print(table)


def _short(text: str, size: int = 60) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _value(figure: Figure) -> str:
    """The figure of a row, with its interval or the value that it is held against.

    >>> from liebig.catalog.fields import Figure
    >>> _value(Figure("p50", 2.0, "W", 1.0, 3.0)), _value(Figure("check_value", 3.0, "x", against=10.0))
    ('2 (1–3)', '3, claimed 10')
    """
    value = figure.value
    text = "" if value is None else value if isinstance(value, str) else f"{value:.4g}"
    if figure.low is not None and figure.high is not None:
        text = f"{text} ({figure.low:.4g}–{figure.high:.4g})".strip()
    if figure.against is not None:
        text += f", claimed {figure.against:.4g}"
    return text or _short(figure.reason, 40)
