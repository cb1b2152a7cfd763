"""The command line as a user meets it: right and wrong input, files, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import typing
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from liebig.catalog import load_catalog
from liebig.catalog.rows import ClaimRow
from liebig.cli.app import app
from steady import PATIENCE_S

from .conftest import Cli

FAST = ("--samples", "256")


def test_help_of_every_command(cli: Cli) -> None:
    root = cli("--help").stdout
    for command in ("forecast", "compare", "levers", "sensitivity", "trends", "backtest", "facts"):
        assert command in root
    for command in (["levers", "package"], ["forecast"], ["facts", "check"]):
        assert "Usage" in cli(*command, "--help").stdout
    assert re.fullmatch(r"liebig \d+\.\d+\.\d+\n", cli("--version").stdout)


def test_forecast_in_the_terminal(cli: Cli) -> None:
    out = cli("forecast", *FAST).stdout
    assert out.lstrip().startswith("In 2030 the largest feasible run is")
    assert "▲ binds" in out
    assert "≈" in out
    assert out.count("◄") == 17  # one for each year, and the line that explains it
    for limit in ("power", "chips", "data", "latency", "capital", "water"):
        assert re.search(rf"^  {limit} +[▁▂▃▄▅▆▇█]{{16}}", out, re.MULTILINE), limit
    assert "A run at the ceiling of 2030" in out
    assert "Precision:" in out
    assert "Effective FLOP of 2030" in out


def test_forecast_as_json_and_files(cli: Cli) -> None:
    done = cli("forecast", "--json", "--csv", "f.csv", "--plot", "f.svg", *FAST)
    answer = json.loads(done.stdout)
    assert [y["year"] for y in answer["years"]] == list(range(2025, 2041))
    for year in answer["years"]:
        assert sum(year["binding_probability"].values()) == pytest.approx(1.0)
        assert year["minimum"]["p10"] <= year["minimum"]["p50"] <= year["minimum"]["p90"]
    assert all(p["source"] and p["grade"] for p in answer["parameters"])
    rows = list(csv.DictReader(io.StringIO((cli.folder / "f.csv").read_text(encoding="utf-8"))))
    assert {r["quantity"] for r in rows} >= {"ceiling", "minimum", "expected", "trend", "run_power_w"}
    minimum = next(r for r in rows if r["year"] == "2030" and r["quantity"] == "minimum")
    assert float(minimum["p50"]) == answer["years"][5]["minimum"]["p50"]
    picture = (cli.folder / "f.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert "#E69F00" in picture
    assert "wrote f.csv" in done.stderr


def test_the_same_seed_gives_the_same_bytes(cli: Cli) -> None:
    first, again, other = (cli("forecast", "--json", "--year", "2030", "--seed", s, *FAST).stdout for s in "334")
    assert first == again != other


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["forecast", *FAST], 0),
        (["plan", "train", "-m", "Llama2-7B", "-n", "64", "--no-headroom", "--json"], 0),
        (["access", "Kenya", *FAST], 0),
        (["route", "evaluate", "length", "traffic.jsonl", "--json"], 0),
        (["forecast", "--set", "power.campsu_w=10GW"], 2),
        (["nonsense"], 2),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_a_process_answers_as_the_command_in_this_one(cli: Cli, args: list[str], code: int) -> None:
    """Other tests run the command inside their process; what they see is what a user sees."""
    traffic = Path(__file__).parents[1] / "examples" / "routing" / "traffic.jsonl"
    (cli.folder / "traffic.jsonl").write_bytes(traffic.read_bytes())
    here, alone = cli(*args, code=code), cli.process(*args, code=code)
    assert (alone.stdout, bool(alone.stderr)) == (here.stdout, bool(here.stderr))
    assert alone.stderr.replace("python -m liebig", "liebig") == _as_a_program(here.stderr)


def _as_a_program(text: str) -> str:
    """What is printed on how to call the command, with the name that a program has."""
    return re.sub(r"python -m \S*liebig", "liebig", text)


@pytest.mark.parametrize("suffix", [".png", ".html"])
def test_pictures(cli: Cli, suffix: str) -> None:
    cli("forecast", "--until", "2030", "--plot", f"f{suffix}", *FAST)
    content = (cli.folder / f"f{suffix}").read_bytes()
    assert content.startswith(b"\x89PNG") if suffix == ".png" else b"<html" in content.lower()
    if suffix == ".html":
        assert b'src="http' not in content  # opens without a network


def test_options_reach_the_model(cli: Cli) -> None:
    def minimum(*args: str) -> dict[str, float]:
        answer = json.loads(cli("forecast", "--json", "--year", "2030", *FAST, *args).stdout)
        return answer["years"][0]

    base = minimum()
    assert minimum("--pin", "duration=365d")["minimum"]["p50"] > base["minimum"]["p50"]
    assert minimum("--set", "power.campus_w=100GW", "--switch", "single-campus") != base
    assert minimum("--lever", "fp4-training,synthetic-data@2027")["minimum"]["p50"] > base["minimum"]["p50"]
    more = minimum("--add", "power.smr=100 GW from 2029")
    assert more["ceilings"]["power"]["p50"] > base["ceilings"]["power"]["p50"]
    assert set(minimum("--facts", "epoch-2024")["ceilings"]) == {"power", "chips", "data", "latency"}


def test_scenario_files_and_compare(cli: Cli) -> None:
    (cli.folder / "a.toml").write_text('title = "Base"\nsamples = 256\n')
    (cli.folder / "b.toml").write_text(
        'title = "Reactors"\nsamples = 256\nlevers = ["fp4-training"]\n[add]\n"power.smr_w" = "50 GW from 2030"\n'
    )
    assert "In 2030" in cli("forecast", "b.toml").stdout
    out = cli("compare", "a.toml", "b.toml", "--csv", "c.csv", "--plot", "c.svg").stdout
    assert "Base" in out
    assert "Reactors" in out
    rows = list(csv.DictReader(io.StringIO((cli.folder / "c.csv").read_text(encoding="utf-8"))))
    assert float(rows[-1]["ratio_of_medians"]) > 1
    answer = json.loads(cli("compare", "a.toml", "b.toml", "--json").stdout)
    assert len(answer["years"]) == 16


def test_levers(cli: Cli) -> None:
    done = cli("levers", "rank", "--json", "--csv", "r.csv", "--plot", "r.svg", *FAST)
    effects = json.loads(done.stdout)["levers"]
    assert len(effects) == 45
    assert (cli.folder / "r.svg").exists()
    assert len((cli.folder / "r.csv").read_text(encoding="utf-8").splitlines()) == 46
    assert "wafer-scale" in cli("levers", "rank", "--top", "10", *FAST).stdout
    assert "claim" in cli("levers", "show", "power-capping").stdout
    assert "nuclear-restarts" in cli("levers", "list").stdout
    package = json.loads(cli("levers", "package", "--size", "2", "--json", *FAST).stdout)
    assert len(package["levers"]) == 2
    assert package["exact"] is True
    rebound = cli("levers", "rebound", "--elasticity", "1.5", *FAST).stdout
    assert "after, with rebound" in rebound
    assert "inference-quantisation" in rebound


def test_sensitivity(cli: Cli) -> None:
    answer = json.loads(cli("sensitivity", "--json", *FAST).stdout)
    assert answer["tornado"][0]["swing"] >= answer["tornado"][1]["swing"] > 1
    assert "single-campus" in cli("sensitivity", "--list-switches").stdout
    assert "text-only" in cli("sensitivity", "--switches", *FAST).stdout


def test_trends_and_backtest(cli: Cli) -> None:
    out = cli("trends").stdout
    assert "compute" in out
    assert "published" in out.lower()
    assert "coverage" in cli("backtest").stdout.lower()


def test_facts(cli: Cli) -> None:
    assert "parameters" in cli("facts", "list").stdout
    shown = cli("facts", "show", "run.duration_s").stdout
    assert "source" in shown
    assert "https://" in shown
    assert "H100" in cli("facts", "search", "H100").stdout
    claim = next(r for r in load_catalog().rows("claims", ClaimRow) if r.claim_value and r.check_value)
    assert f"claimed {claim.claim_value:.4g}" in cli("facts", "search", claim.id, claim.claim[:20]).stdout
    (cli.folder / "mine.csv").write_text(
        "id,p10,p50,p90,unit,source,as_of,licence,grade\npower.campus_w,3,8,12,GW,own survey,2026-11,own,measured\n"
    )
    assert "mine.csv" in cli("facts", "check", "mine.csv").stdout
    mine = json.loads(cli("forecast", "--facts-file", "mine.csv", "--json", "--year", "2030", *FAST).stdout)
    used = next(p for p in mine["parameters"] if p["id"] == "power.campus_w")
    assert used["source"] == "own survey"
    assert used["values"] == [3e9, 8e9, 12e9]


METALOG = "1d..1.1d..900d"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--set", "power.campsu_w=10GW"], "unknown parameter 'power.campsu_w'; did you mean 'power.campus_w'"),
        (["--lever", "fp4-trainign"], "did you mean 'fp4-training'"),
        (["--lever", "fp4-training@2050"], "the forecast ends in 2040"),
        (["--lever", "fp4-training@m.json"], "no such file"),
        (["--lever", "fp4-training,fp4-training"], "given twice"),
        (["--set", "power.campus_w=10km"], "'km' does not measure the same thing as 'W'"),
        (["--set", "power.campus_w=10GGW"], "unknown unit 'GGW'"),
        (["--set", "power.campus_w"], "expected NAME=VALUE"),
        (["--set", "power.campus_w=nan"], "power.campus_w"),
        (["--set", "run.share=1.5"], "out of range"),
        (["--set", "campus=5,5 GW"], "write a decimal point"),
        (["--set", "cooling.pue=0.5"], "out of range"),
        (["--set", "data.growth=1e30"], "out of range"),
        (["--add", "data.epochs=-50 from 2026"], "out of range"),
        (["--add", "power.smr_w=-100 GW from 2027"], "out of range"),
        (["--add", "data.quality=5 from 2027"], "out of range"),
        (["--add", "power.smr=1 GW from 1000"], "expected a date of the forecast, 2020 or later"),
        (["--add", "power.smr=1 GW from 2030", "--add", "power.smr_w=1 GW from 2031"], "both add to power.smr_w"),
        (["--pin", "duration=abc"], "run.duration_s: 'abc' is not a quantity"),
        (["--set", "power.campus_w=1e90 W"], "too large to compute with"),
        (["--add", "power.smr=1e90 W from 2030"], "too large to compute with"),
        (["--year", "2050"], "year = 2050 is out of range; the parameter set 2026 covers 2025 to 2040"),
        (["--from", "2050"], "start = 2050 is out of range; the parameter set 2026 covers 2025 to 2040"),
        (["--until", "2050"], "until = 2050 is out of range; the parameter set 2026 covers 2025 to 2040"),
        (["--from", "2035", "--until", "2030"], "is after until"),
        (["--year", "2030", "--until", "2035"], "--year shows one year"),
        (["--pin", "duration=200d", "--pin", "run.duration_s=100d"], "given twice"),
        (["--pin", "duration=200d", "--set", "duration=100d"], "given twice"),
        (["--set", f"duration={METALOG}"], "the middle must lie between"),
        (["--add", "power.smr=10GW"], "expected 'AMOUNT from YEAR'"),
        (["--add", "power.smr=10 GW from 2060"], "the forecast ends in 2040"),
        (["--samples", "0"], "samples: expected a number greater than or equal to 16 (got 0)"),
        (["--seed", "-1"], "seed: expected a number greater than or equal to 0 (got -1)"),
        (["--samples", "many"], "--samples"),
        (["--csv", "none/x.csv"], "the folder none does not exist"),
        (["--csv", "x.txt"], "ends in .csv"),
        (["--plot", "x.pdf"], ".svg or .png or .html"),
        (["--facts", "2025"], "unknown parameter set '2025'; did you mean '2026'"),
        (["--switch", "text-olny"], "did you mean 'text-only'"),
        (["none.toml"], "none.toml: no such file; expected a scenario"),
        (["--facts-file", "none.csv"], "none.csv: no such file"),
    ],
)
def test_bad_forecasts(cli: Cli, args: list[str], message: str) -> None:
    error = cli.fails("forecast", "--csv", "out.csv", *args) if "--csv" not in args else cli.fails("forecast", *args)
    assert message in error


def test_bad_files(cli: Cli) -> None:
    (cli.folder / "bad.toml").write_text("title = 'x'\n[scenario\n")
    assert "line 2" in cli.fails("forecast", "bad.toml", "--csv", "out.csv")
    (cli.folder / "odd.toml").write_text("sampels = 100\n[set]\nrun = 3\n")
    assert "sampels" in cli.fails("forecast", "odd.toml")
    (cli.folder / "nan.csv").write_text(
        "id,p10,p50,p90,unit,source,as_of,licence,grade\nrun.share,0.1,nan,0.4,fraction,x,2026,own,measured\n"
    )
    for command in (["facts", "check", "nan.csv"], ["forecast", "--facts-file", "nan.csv", "--csv", "out.csv"]):
        error = cli.fails(*command)
        assert "nan.csv: 1 problem" in error
        assert "line 2" in error


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["compare", "a.toml", "b.toml"], "a.toml: no such file; expected a scenario"),
        (["levers", "show", "fp5"], "unknown lever 'fp5'"),
        (["levers", "rank", "--year", "1999"], "covers 2025 to 2040"),
        (["levers", "package", "--size", "0"], "--size"),
        (["levers", "rebound", "--elasticity", "-1"], "elasticity"),
        (["sensitivity", "--year", "2100"], "covers 2025 to 2040"),
        (["trends", "--top", "0"], "top = 0"),
        (["facts", "show", "nothing-like-it"], "unknown fact"),
        (["facts", "list", "rockets"], "unknown table 'rockets'"),
        (["forecats"], "forecats"),
    ],
)
def test_other_bad_input(cli: Cli, args: list[str], message: str) -> None:
    assert message in cli.fails(*args)


def test_an_output_that_cannot_be_written_leaves_nothing(cli: Cli) -> None:
    (cli.folder / "x.csv").mkdir()
    assert "is a folder" in cli.fails("forecast", "--csv", "x.csv", *FAST)


def test_completion_knows_levers_and_parameters() -> None:
    from liebig.cli import options

    assert options._complete_levers("moe,fp4") == ["moe,fp4-training"]
    assert "power.campus_w=" in options._complete_parameters("campus")
    assert options._complete_switches("text") == ["text-only"]
    assert options._complete_sets("ep") == ["epoch-2024"]


def test_a_table_that_is_read_is_not_overwritten(cli: Cli) -> None:
    own = cli.folder / "own.csv"
    text = "id,name,p50,unit,source,as_of,licence,grade\nrun.share,share,0.2,fraction,own count,2026,own,measured\n"
    own.write_text(text, encoding="utf-8")
    assert "would be overwritten" in cli("forecast", "--facts-file", "own.csv", "--csv", "own.csv", code=2).stderr
    assert own.read_text(encoding="utf-8") == text


def test_an_output_that_cannot_be_written_keeps_the_other_from_being_written(cli: Cli) -> None:
    name = "x" * 300 + ".svg"
    assert "cannot be written" in cli("forecast", "--csv", "a.csv", "--plot", name, code=2).stderr
    assert not list(cli.folder.iterdir())


def test_titles_are_text_not_markup(cli: Cli) -> None:
    for name, title in (("a", "[/red] [draft] plan"), ("b", "</script><script>alert(1)</script>")):
        (cli.folder / f"{name}.toml").write_text(f"title = {title!r}\nuntil = 2026\n", encoding="utf-8")
    shown = cli("compare", "a.toml", "b.toml", "--samples", "64", "--plot", "c.html").stdout
    assert "[/red] [draft] plan" in shown
    assert "</script><script>alert" not in (cli.folder / "c.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("args", [("trends", "--seed", "-1"), ("backtest", "--seed", "-1")])
def test_a_negative_seed(cli: Cli, args: tuple[str, ...]) -> None:
    assert "seed = -1" in cli(*args, code=2).stderr


def test_output_is_utf8_whatever_the_code_page() -> None:
    command = [sys.executable, "-m", "liebig", "forecast", "--year", "2030", "--samples", "64"]
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=env, check=True, timeout=PATIENCE_S)
    assert "10²⁹" in done.stdout.decode("utf-8")


def test_an_internal_error_is_one_line_with_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from liebig.cli import app

    def broken() -> None:
        raise OverflowError("too\nlarge")

    monkeypatch.setattr(app, "app", broken)
    monkeypatch.delenv("LIEBIG_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        app.run()
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "internal error: OverflowError: too large" in shown
    assert "report" in shown
    monkeypatch.setenv("LIEBIG_DEBUG", "1")
    with pytest.raises(OverflowError):
        app.run()


@pytest.mark.parametrize("words", [["forecast", "--year", "2030"], ["levers", "rank"], ["sensitivity"]])
def test_no_factor_reads_as_nothing(cli: Cli, words: list[str]) -> None:
    """A run of 200 seconds is a small fraction of every yardstick, and has factors all the same."""
    shown = cli(*words, "--pin", "duration=200", "--samples", "64").stdout
    assert re.search(r"×\d", shown)
    assert not re.search(r"×0(\.0*)?(?![\d.])", shown)


def test_a_comparison_of_very_different_scenarios_has_a_factor(cli: Cli) -> None:
    (cli.folder / "short.toml").write_text('title = "short"\nsamples = 64\n[pin]\nduration = "200 s"\n')
    (cli.folder / "long.toml").write_text('title = "long"\nsamples = 64\n')
    assert not re.search(r"×0(\.0*)?(?![\d.])", cli("compare", "long.toml", "short.toml").stdout)


def _options_with_numbers(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every option that takes a number, after the words of its command."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from _options_with_numbers(inner, (*words, name))
    kinds = typing.get_type_hints(command.callback) if command.callback else {}
    for option in command.params:
        parts = {kinds.get(option.name), *typing.get_args(kinds.get(option.name))}
        if parts & {int, float, list[int], list[float]}:
            yield (*words, option.opts[0])


def _options_with_one_value(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every option that takes one value, after the words of its command."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from _options_with_one_value(inner, (*words, name))
    for option in command.params:
        if option.param_type_name == "option" and not (option.is_flag or option.multiple or option.count):
            yield (*words, max(option.opts, key=len))


def _one_a_command(words: tuple[str, ...]) -> Any:
    """The first option of a command; all others are tried with the slow tests."""
    first = words == next(w for w in WITH_ONE_VALUE if w[:-1] == words[:-1])
    return pytest.param(words, id=" ".join(words), marks=[] if first else pytest.mark.slow)


WITH_ONE_VALUE = list(_options_with_one_value(typer.main.get_command(app)))


@pytest.mark.parametrize("words", [_one_a_command(words) for words in WITH_ONE_VALUE])
def test_an_option_that_takes_one_value_is_refused_twice(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli.fails(*words, "1", words[-1], "2") == f"error: {words[-1]} is given 2 times; give it once\n"


WITH_NUMBERS = list(_options_with_numbers(typer.main.get_command(app)))


def test_options_with_numbers_are_found() -> None:
    assert {("forecast", "--year"), ("plan", "search", "--chips"), ("plan", "train", "--recompute-share")} <= {
        *WITH_NUMBERS
    }


@pytest.mark.parametrize("words", WITH_NUMBERS, ids=" ".join)
def test_a_text_for_a_number_is_refused_in_words(cli: Cli, words: tuple[str, ...]) -> None:
    told = cli.fails(*words, "x1")
    assert re.fullmatch(rf"error: {words[-1]}: expected a (whole|valid) number \(got 'x1'\)\n", told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--chips", "10M"], "--chips: expected a whole number; did you mean 10000000? (got '10M')"),
        (["-n", "8", "-n", "8.5"], "--chips: expected a whole number (got '8.5')"),
        (["--top", "0"], "--top: expected a number greater than or equal to 1 (got '0')"),
        (["--top", "9" * 5000], "--top: expected a whole number that is not so far from 0 (got '99"),
    ],
)
def test_a_number_that_an_option_does_not_take_is_refused_in_words(cli: Cli, words: list[str], told: str) -> None:
    assert cli.fails("plan", "search", "-m", "8B", *words).startswith(f"error: {told}")
