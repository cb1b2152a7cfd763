"""The ``liebig`` command: assembles the questions, and turns errors into one message."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter
from typing import Annotated, Any

import typer
import typer.core

from liebig import __version__
from liebig.cli import (
    access,
    app_page,
    backtest,
    calibrate,
    compare,
    facts,
    forecast,
    levers,
    plan,
    route,
    sensitivity,
    trends,
    validate,
)
from liebig.errors import ConflictError, InputError, LiebigError
from liebig.palette import ALERT

__all__ = ["app", "run"]


class _Questions(typer.core.TyperGroup):
    """The commands, whose options are refused in the same words as names in files and requests."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is asked for, and the words that are left for it.

        Raises:
            ConflictError: an option that takes one value stands there twice.
        """
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_repeated(ctx, command, list(rest))
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for.

        Raises:
            InputError: a value that is none of its option's type.
        """
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            found = getattr(error.__cause__, "errors", None)  # of pydantic's ValidationError
            if found is None or error.param is None:
                raise
            from liebig.problems import sentences

            name = error.param.opts[0] if error.param.param_type_name == "option" else error.param.name
            problem = found(include_url=False)[0]
            raise InputError(sentences([{**problem, "loc": (name,)}], {})[0]) from None


def _refuse_repeated(parent: Any, command: Any, words: list[str]) -> None:
    """No option that takes one value may be given twice: the last would win without a word."""
    ctx = type(parent)(command, info_name=command.name, parent=parent)
    try:
        _, left, order = command.make_parser(ctx).parse_args(args=words)
    except typer.TyperException:  # is told when the command itself reads them
        return
    single = [p for p in order if p.param_type_name == "option" and not (p.is_flag or p.multiple or p.count)]
    for param, times in Counter(single).items():
        if times > 1:
            raise ConflictError(f"{max(param.opts, key=len)} is given {times} times; give it once")
    below = command.get_command(ctx, left[0]) if left and hasattr(command, "get_command") else None
    if below is not None:
        _refuse_repeated(ctx, below, left[1:])


app = typer.Typer(
    name="liebig",
    cls=_Questions,
    help="What limits AI: how far training runs can scale, what stops them, and what lifts the limit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: its rich form takes as long to import as all else together
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("forecast", short_help="Ceilings year by year, and which limit binds.")(forecast.forecast)
app.command("compare", short_help="Two scenarios in the same futures.")(compare.compare)
app.add_typer(levers.app, name="levers", short_help="Remedies: rank, list, show, package, rebound.")
app.command("sensitivity", short_help="Which numbers and assumptions matter most.")(sensitivity.sensitivity)
app.command("trends", short_help="Refit the trends from the bundled data.")(trends.trends)
app.command("backtest", short_help="How good past forecasts would have been.")(backtest.backtest)
app.add_typer(plan.app, name="plan", short_help="A training run: time, memory, best layout.")
app.add_typer(validate.app, name="validate", short_help="Predicted steps and memory against published ones.")
app.add_typer(calibrate.app, name="calibrate", short_help="Fit a plan's constants to your own runs.")
app.add_typer(route.app, name="route", short_help="Answer each prompt with the cheapest good-enough model.")
app.command("app", short_help="The page: forecast, plan, access, levers in the browser.")(app_page.page)
app.command("access", short_help="Who can afford it: countries, clubs, budgets.")(access.access)
app.add_typer(facts.app, name="facts", short_help="The numbers and their sources; check your own.")


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
    _use_utf8()
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
    except OSError as error:
        # a full disk, or an output that was closed: nothing that liebig could mend
        _fail(f"cannot write the output: {error.strerror or error}", 1)
    except Exception as error:
        if os.environ.get("LIEBIG_DEBUG"):
            raise
        detail = " ".join(str(error).split())[:300]
        named = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
        _fail(
            f"internal error: {named}; this is a fault of liebig: please report it with the command and what it prints "
            "when run again with LIEBIG_DEBUG=1",
            1,
        )


def _use_utf8() -> None:
    """Files and pipes get UTF-8 whatever the code page; a terminal that lacks a sign shows '?'."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace", encoding=None if stream.isatty() else "utf-8")


def _fail(message: str, code: int) -> None:
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    head = typer.style("error:", fg=ALERT, bold=True) if colour else "error:"
    typer.echo(f"{head} {message}", err=True)
    sys.exit(code)
