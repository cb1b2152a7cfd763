"""Commands that answer do so through one decorator: its options, its refusals, its files and notes."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

import liebig.cli
from liebig import forecast
from liebig.catalog import Catalog
from liebig.cli import plan_options
from liebig.cli.app import app
from liebig.forecast import ForecastInput, levers, sensitivity
from liebig.forecast import world as worlds
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
        done = cli(*args, *form)
        notes = [n.removeprefix("note: ") for n in done.stderr.splitlines()]
        assert {n.split()[0].rstrip(",") for n in notes} == unused
        assert len(notes) == len(unused)
    assert json.loads(done.stdout)["notes"] == notes


@pytest.mark.parametrize(
    "ask",
    [forecast.rank_levers, partial(forecast.best_package, 1), forecast.rebound, forecast.find_sensitivity,
     lambda year, **options: forecast.compare_switches((year,), **options)],
    ids=["rank", "package", "rebound", "sensitivity", "switches"],
)  # fmt: skip
def test_notes_are_part_of_the_result_and_the_world_is_built_once(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[ForecastInput] = []

    def build(inputs: ForecastInput, catalog: Catalog) -> worlds.World:
        built.append(inputs)
        return worlds.build_world(inputs, catalog)

    for module in (levers, sensitivity):
        monkeypatch.setattr(module, "build_world", build)
    found = ask(2030, samples=64, levers=["diloco@2038"])
    assert [note.split()[0] for note in found.notes] == ["diloco"]
    assert found.to_dict()["notes"] == list(found.notes)
    assert [given.switches for given in built].count(()) == 1


PLANNED = ("-m", "7B", "--chip", "TPU-v4", "--json")
RUN = """row_id,model,chip,n_chips,seq_len,global_batch_seqs,iter_time_s,tokens_b,chip_hours
a,Llama2-7B,TPU-v4,64,4096,256,3,2000,184320
"""
ODD = """id,set,name,role,distribution,p50,unit,source,as_of,licence,grade
odd.number,all,a number that no limit reads,model,point,1,ratio,mine,2026,fact,judgement
"""
#: Function that gives notes to an answer -> a command whose answer has some.
WITH_NOTES = {
    "compare.compare": ["compare", "scenario.toml", "scenario.toml", "--samples", "64", "--json"],
    "forecast.forecast": ["forecast", *FEW, "--json"],
    "forecast._reach": ["forecast", *FEW, "--at", "1e28", "--json"],
    "levers.rank": ["levers", "rank", *FEW, "--json"],
    "levers.show": ["levers", "show", "fp4-training", "--facts-file", "odd.csv", "--json"],
    "levers.package": ["levers", "package", *FEW, "--size", "1", "--json"],
    "levers.rebound": ["levers", "rebound", *FEW, "--json"],
    "plan.train": ["plan", "train", *PLANNED, "-n", "8", "--no-headroom"],
    "plan_budget.budget": ["plan", "budget", "--chip", "TPU-v4", "--usd", "1M", "--days", "30", "--json"],
    "plan_scale.scale": ["plan", "scale", *PLANNED[2:], "--from", "1e24", "--to", "1e25", "--per-decade", "1"],
    "plan_search.search_layouts": ["plan", "search", *PLANNED, "-n", "8"],
    "plan_sweep.sweep": ["plan", "sweep", *PLANNED, "-n", "8", "--workers", "1"],
    "sensitivity.sensitivity": ["sensitivity", *FEW, "--json"],
    "sensitivity._of_switches": ["sensitivity", *FEW, "--switches", "--json"],
    "validate._of_rows": ["validate", "training", "--runs", "run.csv", "--json"],
    "validate.full_runs": ["validate", "runs", "--runs", "run.csv", "--json"],
}


def test_every_command_with_notes_is_known_here() -> None:
    found = set()
    for path in Path(liebig.cli.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
            marks = {k.arg: k.value for n in ast.walk(function) if isinstance(n, ast.Call) for k in n.keywords}
            if "notes" in marks and "wrote" not in ast.unparse(marks["notes"]):
                found.add(f"{path.stem}.{function.name}")
    assert found - {"validate.training"} == set(WITH_NOTES)  # training: minutes of fits; its rows are the same function


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "validate._of_rows" else n for n in WITH_NOTES]
)
def test_notes_stand_in_the_json(cli: Cli, name: str) -> None:
    """The fixture holds the notes against the JSON; here they must be there."""
    (cli.folder / "scenario.toml").write_text(SCENARIO, encoding="utf-8")
    (cli.folder / "run.csv").write_text(RUN, encoding="utf-8")
    (cli.folder / "odd.csv").write_text(ODD, encoding="utf-8")
    done = cli(*WITH_NOTES[name])
    assert "note: " in done.stderr
    assert json.loads(done.stdout)["notes"]


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


def test_help_of_a_group_names_its_commands() -> None:
    """Where a group lists its commands after a colon, by the names that can be called."""
    tops = [app, *(g.typer_instance for g in app.registered_groups)]
    groups = [(g.name, g.typer_instance) for top in tops for g in top.registered_groups]
    assert len(groups) > 5
    listing = 0
    for name, group in groups:
        words = re.findall(r"\w+", group.info.help.partition(":")[2])
        able = {c.name or c.callback.__name__ for c in group.registered_commands}
        if 2 * len(able & set(words)) > len(words):
            listing += 1
            assert set(words) == able, name
    assert listing
