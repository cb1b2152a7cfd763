"""One decorator for commands that answer: scenario options, --json, --csv, --plot, --html, notes.

A command computes its answer and says how it can be shown; the decorator adds the options, refuses outputs that cannot
be written before any work is done, and writes what was asked for.  A file that is not a form of the answer (a trained
router, results as they come) is written by the command, and its option is marked ``Written``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer

from liebig.cli import options as o
from liebig.errors import ConflictError

if TYPE_CHECKING:
    from liebig.forecast import ForecastInput

__all__ = ["Answer", "Scenario", "Written", "answers"]


@dataclass(frozen=True)
class Answer:
    """What a command found, in the forms in which it can be shown; each is made only when asked for.

    Args:
        show: prints it for people.
        content: plain values for ``--json``.
        table: text of a CSV file.
        draw: writes a picture.
        report: text of an HTML page.
        notes: what the user should know besides, printed last; ``content`` holds the same.
    """

    show: Callable[[], None]
    content: Callable[[], Any]
    table: Callable[[], str] | None = None
    draw: Callable[[Path], None] | None = None
    report: Callable[[], str] | None = None
    notes: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True)
class Written:
    """Marks an option as a file that the command writes: checked before the work, named after it.

    Stands in the option's type: ``Annotated[Path, typer.Option("--out"), Written(".npz")]``.

    Args:
        suffix: ending of the file's name.
    """

    suffix: str


@dataclass(frozen=True)
class Scenario:
    """The scenario options of a command as they were written."""

    options: Mapping[str, Any] = field(default_factory=dict)

    def inputs(self, samples: int | None = None, **more: Any) -> ForecastInput:
        """The checked input.

        Args:
            samples: to use where none were asked for.
            more: fields of ``ForecastInput`` that other options of the command give.

        Raises:
            InputError: an option cannot be used.
        """
        given = dict(self.options)
        if samples is not None and given.get("samples") is None:
            given["samples"] = samples
        return o.collect(given.pop("scenario", None), **given, **more)


#: Option of a scenario -> what it takes and its default; the name is the one that ``options.collect`` knows.
_SCENARIO: dict[str, tuple[Any, Any]] = {
    "scenario": (o.ScenarioArgument, None),
    "facts": (o.FactsOption, None),
    "set_": (o.SetOption, None),
    "pin": (o.PinOption, None),
    "add": (o.AddOption, None),
    "lever": (o.LeverOption, None),
    "switch": (o.SwitchOption, None),
    "facts_file": (o.FactsFileOption, None),
    "samples": (o.SamplesOption, None),
    "seed": (o.SeedOption, None),
}
HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write a report with pictures.", metavar="FILE")]
#: Output -> its option, its default, and the endings that its files may have.
_OUTPUTS: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
    "json": (o.JsonOption, False, ()),
    "csv": (o.CsvOption, None, (".csv",)),
    "plot": (o.PlotOption, None, (".svg", ".png", ".html")),
    "html": (HtmlOption, None, (".html",)),
}


def answers(
    *, scenario: bool | Sequence[str] = False, outputs: Sequence[str] = ("json", "csv")
) -> Callable[[Callable[..., Answer]], Callable[..., None]]:
    """Turn a function that returns an ``Answer`` into a command.

    Args:
        scenario: whether the function's first argument is a ``Scenario``; or the names of the scenario options that
            the command has.
        outputs: of ``json``, ``csv``, ``plot`` and ``html``.
    """
    names = tuple(_SCENARIO) if scenario is True else tuple(scenario or ())

    def wrap(function: Callable[..., Answer]) -> Callable[..., None]:
        own = _command_parameters(function, bool(names))
        made = {p.name: m.suffix for p in own for m in _marks(p) if isinstance(m, Written)}
        added = [_parameter(n, *_SCENARIO[n]) for n in names]
        last = [_parameter(n, *_OUTPUTS[n][:2]) for n in outputs]
        arguments = [p for p in (*added, *own) if _is_argument(p)]
        signature = inspect.Signature(
            [*arguments, *(p for p in own if p not in arguments), *(p for p in added if p not in arguments), *last]
        )

        @functools.wraps(function)
        def command(*args: Any, **kwargs: Any) -> None:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = dict(bound.arguments)
            written = {n: given.pop(n) for n in outputs}
            files = {n: given[n] for n in made}
            endings = {n: _OUTPUTS[n][2] for n in outputs} | {n: (suffix,) for n, suffix in made.items()}
            _check({**written, **files}, endings, _texts({n: v for n, v in given.items() if n not in made}))
            first = [Scenario({n: given.pop(n) for n in names})] if names else []
            _write(function(*first, **given), written, [path for path in files.values() if path is not None])

        command.__signature__ = signature  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
        return command

    return wrap


def _command_parameters(function: Callable[..., Answer], with_scenario: bool) -> list[inspect.Parameter]:
    """The function's parameters with their types in place of texts, without that of the scenario."""
    space = getattr(function, "__globals__", {})
    out = []
    for p in list(inspect.signature(function).parameters.values())[int(with_scenario) :]:
        kind = eval(p.annotation, space) if isinstance(p.annotation, str) else p.annotation
        out.append(p.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
    return out


def _parameter(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _marks(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """What stands beside the type of a parameter: its option or argument, ``Written``."""
    kind = parameter.annotation
    return tuple(kind.__metadata__) if get_origin(kind) is Annotated else ()


def _is_argument(parameter: inspect.Parameter) -> bool:
    """True for what is written without an option's name."""
    return any(isinstance(m, typer.models.ArgumentInfo) for m in _marks(parameter))


def _texts(values: Mapping[str, Any]) -> list[str | Path]:
    """All texts among the values of options: any of them may name a file that the command reads.

    >>> _texts({"chip": "mine.toml", "facts_file": ["a.csv", "b.csv"], "year": 2030})
    ['mine.toml', 'a.csv', 'b.csv']
    """
    many = [value if isinstance(value, (list, tuple)) else [value] for value in values.values()]
    return [v for value in many for v in value if isinstance(v, (str, Path))]


def _check(written: Mapping[str, Any], endings: Mapping[str, tuple[str, ...]], read: Sequence[str | Path]) -> None:
    """Refuse outputs that cannot be written, and pictures that cannot be drawn, before any work is done."""
    for name, path in written.items():
        if isinstance(path, Path):
            o.check_output(path, endings[name], read)
    if written.get("plot") is not None or written.get("html") is not None:
        from liebig.charts import check_plotting

        check_plotting()


def _write(answer: Answer, written: Mapping[str, Any], made: Sequence[Path]) -> None:
    """Write files, then print the answer, then notes.

    Args:
        answer: what was found.
        written: output -> what was asked for.
        made: files that the command has written.

    Raises:
        ConflictError: a form is asked for that this answer does not have.
    """
    from liebig.cli.render import notes

    forms: dict[str, Any] = {"csv": answer.table, "html": answer.report, "plot": answer.draw}
    asked = {name: path for name, path in written.items() if name in forms and path is not None}
    for name, path in asked.items():
        if forms[name] is None:
            raise ConflictError(f"--{name} {path}: this answer has no such form; leave the option out")
    for name, path in asked.items():
        if name == "plot":
            forms[name](path)
        else:
            o.write_text(path, forms[name]())
    if written.get("json"):
        o.print_json(answer.content())
    else:
        answer.show()
    notes([f"wrote {path}" for path in (*asked.values(), *made)])
    notes(answer.notes())
