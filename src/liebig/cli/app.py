"""The ``liebig`` command: assembles the questions, and turns errors into one message."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from liebig import __version__
from liebig.cli import backtest, compare, facts, forecast, levers, sensitivity, trends
from liebig.errors import LiebigError

__all__ = ["app", "run"]

app = typer.Typer(
    name="liebig",
    help="What limits AI: how far training runs can scale, what stops them, and what lifts the limit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="forecast")(forecast.forecast)
app.command(name="compare")(compare.compare)
app.add_typer(levers.app, name="levers")
app.command(name="sensitivity")(sensitivity.sensitivity)
app.command(name="trends")(trends.trends)
app.command(name="backtest")(backtest.backtest)
app.add_typer(facts.app, name="facts")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"liebig {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What limits AI: how far training runs can scale, what stops them, and what lifts the limit."""


def run() -> None:
    """Run the command line; errors of the user end with one message and exit code 2."""
    try:
        app()
    except LiebigError as error:
        _fail(str(error), 2)
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except BrokenPipeError:
        # the reader of a pipe has gone: not an error of ours, and nothing more can be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("LIEBIG_DEBUG"):
            raise
        _fail(
            f"internal error: {type(error).__name__}: {error}\n"
            "this is a fault of liebig; set LIEBIG_DEBUG=1 to see where, and please report it",
            1,
        )


def _fail(message: str, code: int) -> None:
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    head = typer.style("error:", fg="red", bold=True) if colour else "error:"
    typer.echo(f"{head} {message}", err=True)
    sys.exit(code)
