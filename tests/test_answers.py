"""Commands that answer do so through one decorator: its options, its refusals, its files and notes."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

import liebig.cli
from liebig.cli import plan_options
from liebig.cli.app import app
from liebig.step.pipeline import SCHEDULE_NAMES

from .conftest import Cli


def _commands(app: typer.Typer, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Callable[..., object]]]:
    """Every command and callback of an application, with the words that call it."""
    if app.registered_callback and app.registered_callback.callback:
        yield " ".join(words), app.registered_callback.callback
    for command in app.registered_commands:
        assert command.callback
        yield " ".join((*words, command.name or command.callback.__name__)), command.callback
    for group in app.registered_groups:
        assert group.typer_instance
        yield from _commands(group.typer_instance, (*words, group.name or ""))


def _flags(function: Callable[..., object]) -> set[str]:
    """Names of the options in a function's signature."""
    kinds = [p.annotation for p in inspect.signature(function, eval_str=True).parameters.values()]
    marks = [m for kind in kinds for m in getattr(kind, "__metadata__", ())]
    options = [m for m in marks if isinstance(m, typer.models.OptionInfo)]
    # Typer takes the first name for a default until the command is built
    return {flag for m in options for flag in (m.default, *(m.param_decls or ())) if isinstance(flag, str)}


#: Forms of an answer, which the decorator "answers" handles.
FORMS = {"--json", "--csv", "--plot", "--html"}
#: Commands that handle them by hand.
BY_HAND = {"calibrate": "a callback, which runs before the commands below it too: then nothing is to be checked"}


def test_forms_of_an_answer_are_handled_in_one_place() -> None:
    found = dict(_commands(app))
    assert len(found) > 30
    answering = {name for name, function in found.items() if _flags(function) & FORMS}
    by_hand = {name for name in answering if _flags(inspect.unwrap(found[name])) & FORMS}
    assert by_hand == set(BY_HAND)
    assert len(answering) > 25
    assert all(found[name] is not inspect.unwrap(found[name]) for name in answering - by_hand)


def test_only_the_decorator_prints_json_and_notes() -> None:
    for path in Path(liebig.cli.__file__).parent.glob("*.py"):
        if path.name in ("options.py", "render.py", "command.py", "calibrate.py"):  # three define; see BY_HAND
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
        by_hand = names & {"print_json", "JsonOption", "CsvOption", "PlotOption", "HtmlOption"}
        assert not by_hand, f"{path.name}: {by_hand}; use the decorator 'answers'"
        imported = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "liebig.cli.render"]
        assert "notes" not in {a.name for n in imported for a in n.names}, f"{path.name}: give notes to the Answer"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["facts", "list", "--json"], "--json and --csv need a table"),
        (["sensitivity", "--list-switches", "--plot", "s.svg"], "--plot s.svg: this answer has no such form"),
        (["sensitivity", "--switches", "--year", "1999", "--plot", "s.svg"], "this answer has no such form"),
        (["route", "evaluate", "--suite", "routellm", "--suite-data", ".", "--plot", "s.svg"], "has no such form"),
        (["plan", "sweep", "-m", "7B", "--out", "s.csv"], "s.csv: expected a file name that ends in .jsonl"),
        (["route", "report", "-c", "g.toml", "--lever", "none/l.json"], "the folder none does not exist"),
        (["calibrate", "chip", "--out", "chip.csv"], "ends in .toml"),
        (["calibrate", "--runs", "r.csv", "--out", "c.toml"], "ends in .json"),
    ],
)
def test_outputs_that_are_refused_before_the_work(cli: Cli, args: list[str], message: str) -> None:
    assert message in cli.fails(*args)


def test_a_file_that_any_option_names_is_not_overwritten(cli: Cli) -> None:
    (cli.folder / "mine.csv").write_text("no chip", encoding="utf-8")
    for words in (["plan", "train", "-m", "7B", "--chip", "mine.csv"], ["route", "evaluate", "mine.csv", "none.csv"]):
        assert "would be overwritten" in cli.fails(*words, "--csv", "mine.csv")


SCENARIO = 'levers = ["diloco@2038"]\n[set]\n"demand.elasticity" = 1.5\n"trend.flop" = "1e27 FLOP"\n'
FEW = ("scenario.toml", "--samples", "64")


@pytest.mark.parametrize(
    ("args", "unused"),
    [
        (["forecast", *FEW, "--until", "2030"], {"demand.elasticity", "diloco"}),
        (["levers", "rank", *FEW], {"demand.elasticity", "trend.flop", "diloco"}),
        (["levers", "package", *FEW, "--size", "1"], {"demand.elasticity", "trend.flop", "diloco"}),
        (["levers", "rebound", *FEW], {"trend.flop", "diloco"}),
        (["sensitivity", *FEW], {"demand.elasticity", "trend.flop", "diloco"}),
        (["sensitivity", *FEW, "--switches"], {"demand.elasticity", "trend.flop"}),  # looks as far as 2040
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_what_changes_nothing_of_the_question_is_said(cli: Cli, args: list[str], unused: set[str]) -> None:
    (cli.folder / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    for form in ((), ("--json",)):
        notes = cli(*args, *form).stderr.splitlines()
        assert {n.removeprefix("note: ").split()[0].rstrip(",") for n in notes} == unused
        assert len(notes) == len(unused)


def test_remarks_on_a_scenario_are_printed_by_every_question(cli: Cli) -> None:
    said = cli("forecast", "--samples", "64", "--lever", "multimodal-data").stderr
    assert "already in the base" in said
    for words in (["levers", "rank"], ["levers", "package", "--size", "1"], ["sensitivity"]):
        assert cli(*words, "--samples", "64", "--lever", "multimodal-data").stderr == said


@pytest.mark.parametrize("words", [["levers", "rank"], ["levers", "rebound"], ["sensitivity"]])
def test_a_scenario_that_states_nothing_has_no_notes(cli: Cli, words: list[str]) -> None:
    assert cli(*words, "--samples", "64").stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sensitivity", "--switches", "--independent"], "--independent is about parameters"),
        (["validate", "training", "--calibration", "none.json"], "add --runs FILE"),
    ],
)
def test_an_option_that_could_alter_nothing_is_refused(cli: Cli, words: list[str], said: str) -> None:
    assert said in cli.fails(*words)


def test_help_names_every_schedule() -> None:
    (option,) = plan_options.ScheduleOption.__metadata__
    assert set(re.findall(r"[\w-]+", option.help)) >= set(SCHEDULE_NAMES)


def test_the_page_without_its_packages_says_what_to_install() -> None:
    missing = "import sys; sys.modules |= dict.fromkeys(['anyio', 'fastapi', 'starlette', 'uvicorn']); "
    code = f"{missing} sys.argv = ['liebig', 'app']; from liebig.cli.app import run; run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'liebig[web]'" in done.stderr
