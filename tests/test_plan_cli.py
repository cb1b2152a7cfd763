"""The commands about training runs as a user meets them: right and wrong input, files, exit codes."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from .conftest import Cli

PLAN = ("--model", "Llama2-7B", "--chips", "64", "--batch", "256", "--seq", "4096")


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_help_of_every_command(cli: Cli) -> None:
    root = cli("--help").stdout
    for command in ("plan", "validate", "calibrate"):
        assert command in root
    for words in (
        ["plan"], ["plan", "train"], ["plan", "search"], ["plan", "scale"], ["plan", "budget"], ["plan", "sweep"],
        ["plan", "model"], ["validate"], ["validate", "training"], ["validate", "memory"], ["validate", "runs"],
        ["calibrate"], ["calibrate", "chip"],
    ):  # fmt: skip
        assert "Usage" in cli(*words, "--help").stdout, words


def test_a_plan_in_the_terminal(cli: Cli) -> None:
    out = cli("plan", "train", *PLAN, "--tokens", "2T").stdout
    assert out.lstrip().startswith("Llama2-7B on 64 H100-SXM:")
    money = ("days", "USD", "MWh", "tCO2e", "m³")
    for words in (
        "Best layout:",
        "MFU",
        "goodput",
        *money,
        "where the step goes",
        "memory of a",
        "log headroom",
        "levers:",
    ):
        assert words in out, words


def test_a_plan_as_json_and_files(cli: Cli) -> None:
    done = cli("plan", "train", *PLAN, "--json", "--csv", "p.csv", "--plot", "p.svg", "--no-headroom")
    answer = json.loads(done.stdout)
    assert answer["layout"]["tp"] * answer["layout"]["pp"] * answer["layout"]["dp"] == 64
    assert sum(r["seconds"] for r in answer["breakdown"]) == pytest.approx(answer["step_s"]["p50"])
    assert answer["headroom"] is None
    rows = _table(cli.folder / "p.csv")
    assert {"step_s", "days", "usd", "energy_mwh", "tco2e", "water_m3"} <= {r["quantity"] for r in rows}
    assert all(float(r["p10"]) <= float(r["p50"]) <= float(r["p90"]) for r in rows)
    assert ElementTree.fromstring((cli.folder / "p.svg").read_text()).tag.endswith("svg")
    assert "wrote p.csv" in done.stderr


def test_options_come_on_top_of_a_plan_file(cli: Cli) -> None:
    text = 'model = "Llama2-7B"\nchips = 64\nbatch = 256\nseq_len = 4096\nsite = "france"\n'
    (cli.folder / "run.toml").write_text(text)
    plain = json.loads(cli("plan", "train", "run.toml", "--json", "--no-headroom").stdout)
    changed = json.loads(cli("plan", "train", "run.toml", "--chips", "128", "--json", "--no-headroom").stdout)
    assert (plain["chips"], changed["chips"]) == (64, 128)
    assert plain["site"]["name"] == changed["site"]["name"] == "france"


def test_search_compares_numbers_of_chips(cli: Cli) -> None:
    words = ("--model", "Llama2-7B", "--batch", "256", "--seq", "4096", "--chips", "16", "--chips", "64", "--top", "5")
    done = cli("plan", "search", *words, "--csv", "s.csv", "--plot", "s.png")
    assert "layouts," in done.stdout
    assert "◆" in done.stdout
    rows = _table(cli.folder / "s.csv")
    assert {r["chips"] for r in rows} == {"16", "64"}
    assert f"; {len(rows) - 10} more of these with --json, --csv or --plot" in done.stdout
    table = [line for line in done.stdout.splitlines() if ", zero " in line]
    assert [line.removeprefix("◆").split()[0] for line in table].count("16") == 5
    assert len(table) == 2 * 5
    assert (cli.folder / "s.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("top", [1, 3, 10_000])
def test_a_search_shows_as_many_layouts_as_asked_for(cli: Cli, top: int) -> None:
    words = ("plan", "search", "-m", "Llama2-7B", "--batch", "64", "--seq", "4096", "--chips", "8", "--top", str(top))
    shown = sum(", zero " in line for line in cli(*words).stdout.splitlines())
    found = json.loads(cli(*words, "--json").stdout)
    assert shown == min(top, found["feasible"])
    assert len(found["layouts"]) >= shown


def test_scale_budget_and_model(cli: Cli) -> None:
    out = cli("plan", "scale", "--from", "1e25", "--to", "1e27", "--per-decade", "1", "--plot", "w.svg").stdout
    assert "utilisation falls to half of its best at" in out
    answer = json.loads(cli("plan", "budget", "--usd", "5M", "--power", "2 MW", "--days", "90", "--json").stdout)
    assert answer["binds"]
    assert answer["parameters"] > 1e10
    out = cli("plan", "budget", "--usd", "1M", "--days", "30", "--csv", "b.csv", "--plot", "b.html").stdout
    assert "◄ used up" in out
    assert (cli.folder / "b.html").read_text().lstrip().startswith("<!DOCTYPE html>")
    model = cli("plan", "model", "DeepSeek-V3").stdout
    assert "671" in model
    assert "37" in model


def test_a_config_of_hugging_face(cli: Cli) -> None:
    config = {
        "model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22,
        "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 32000, "max_position_embeddings": 2048,
    }  # fmt: skip
    (cli.folder / "config.json").write_text(json.dumps(config))
    done = cli("plan", "train", "-m", "config.json", "-n", "8", "--batch", "64", "--json", "--no-headroom")
    answer = json.loads(done.stdout)
    assert answer["model"]["parameters"] == pytest.approx(1.1e9, rel=0.02)
    (cli.folder / "config.json").write_text(json.dumps({"model_type": "resnet", "num_channels": 3}))
    assert "config.json" in cli.fails("plan", "train", "-m", "config.json")


def test_a_sweep_goes_on_where_it_stopped(cli: Cli, port_of_dask: None) -> None:
    several = ("--chip", "H100-SXM", "--chip", "A100-SXM-80GB", "--site", "france", "--site", "us-average")
    words = ("plan", "sweep", "-m", "7B", *several, "-n", "8", "--seq", "2048", "--out", "s.jsonl")
    first = json.loads(cli(*words, "--json").stdout)
    again = json.loads(cli(*words, "--json", "--on", "dask", "--workers", "2").stdout)
    assert first["resumed"] == 0
    assert again["resumed"] == 2
    assert again["rows"] == first["rows"]
    assert "4 plans, 4 possible" in cli(*words, "--csv", "s.csv").stdout
    assert len((cli.folder / "s.csv").read_text().splitlines()) == 5


def test_validation(cli: Cli) -> None:
    out = cli("validate", "memory", "--html", "m.html").stdout
    assert "failures called fits" in out
    out = cli("validate", "runs", "--csv", "r.csv").stdout
    assert "chip_hours:" in out
    good_row = {"row_id": "a", "model": "Llama2-7B", "chip": "H100-SXM", "n_chips": "64", "seq_len": "4096"}
    good_row |= {"global_batch_seqs": "256", "iter_time_s": "3"}
    rows = [good_row, {"row_id": "b", "model": "Llama2-7B", "chip": "H1000"}]
    with (cli.folder / "mine.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    answer = json.loads(cli("validate", "training", "--runs", "mine.csv", "--json").stdout)
    good, bad = answer["rows"]
    assert good["p10"] < good["predicted"] < good["p90"]
    assert good["measured"] == 3
    assert bad["predicted"] is None
    assert "unknown chip" in bad["reason"]
    assert "1 of 2 rows scored" in cli("validate", "training", "--runs", "mine.csv", "--html", "t.html").stdout
    cli("calibrate", "--runs", "mine.csv", "--out", "cal.json")
    plan = json.loads(cli("plan", "train", *PLAN, "--calibration", "cal.json", "--json", "--no-headroom").stdout)
    assert plan["step_s"]["p50"] > 0


@pytest.mark.slow
def test_validation_of_steps(cli: Cli) -> None:
    out = cli("validate", "training", "--html", "v.html", "--csv", "v.csv").stdout
    assert "Median over" in out
    assert "sweeps of layouts" in out
    assert "<svg" in (cli.folder / "v.html").read_text()
    assert len((cli.folder / "v.csv").read_text().splitlines()) > 2000


@pytest.mark.slow
@pytest.mark.timed
def test_measuring_this_machine(cli: Cli) -> None:
    pytest.importorskip("torch")
    done = cli("calibrate", "chip", "--device", "cpu", "--quick", "--name", "mine", "--out", "mine.toml")
    assert "best product, fp32" in done.stdout
    assert "A training step of" in done.stdout
    assert "power" in done.stdout
    plan = cli("plan", "train", "-m", "1B", "-n", "1", "--batch", "4", "--seq", "512", "--chip", "mine.toml",
               "--precision", "fp32", "--tokens", "1B", "--no-headroom")  # fmt: skip
    assert "1 mine" in plan.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "train"), "no model is given"),
        (("plan", "train", "-m", "Lama2-7B"), "Llama2-7B"),
        (("plan", "train", "-m", "7B", "--chip", "H101"), "H100"),
        (("plan", "train", "-m", "7B", "--tp", "3"), "does not divide"),
        (("plan", "train", "-m", "7B", "-n", "64", "--batch", "100", "--tp", "1", "--pp", "1"), "128 sequences would"),
        (("plan", "train", "-m", "Llama3.1-405B", "-n", "8"), "take about"),
        (("plan", "train", "-m", "7B", "--price", "-3"), "usd_per_chip_hour"),
        (("plan", "train", "-m", "7B", "--price", "0"), "usd_per_chip_hour"),
        (("plan", "train", "-m", "7B", "--price", "3", "--terms", "owned"), "both say what a chip costs"),
        (("plan", "train", "-m", "7B", "--date", "2050"), "date 2050: expected between 2010 and 2045"),
        (("plan", "train", "-m", "7B", "--tokens", "many"), "tokens"),
        (("plan", "train", "nothing.toml"), "no such file"),
        (("plan", "train", "-m", "7B", "--plot", "a.gif"), ".svg"),
        (("plan", "train", "-m", "7B", "--csv", "nowhere/a.csv"), "does not exist"),
        (("plan", "train", "-m", "7B", "--calibration", "nothing.json"), "no such file"),
        (("plan", "search", "-m", "7B", "--chips", "0"), "chips"),
        (("plan", "scale", "--from", "1e30", "--to", "1e25"), "is not above"),
        (("plan", "budget",), "nothing limits the run"),
        (("plan", "budget", "--usd", "-5"), "usd"),
        (("plan", "budget", "--usd", "5 GW"), "USD"),
        (("plan", "sweep", "-m", "7B", "--on", "slurm"), "dask"),
        (("plan", "sweep", "-m", "7B", "--by", "joy"), "quantity"),
        (("plan", "model", "mystery"), "unknown model"),
        (("validate", "training", "--runs", "nothing.csv"), "no such file"),
        (("validate", "training", "--leave", "weekday"), "source"),
        (("validate", "runs", "--runs", "nothing.csv"), "no such file"),
        (("calibrate", "--out", "c.json"), "--runs"),
        (("calibrate", "chip", "--device", "tpu"), "this machine has"),
        (("calibrate", "chip", "--out", "c.json"), ".toml"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_message_and_writes_nothing(cli: Cli, words: tuple[str, ...], told: str) -> None:
    message = cli.fails(*words)
    assert told in message
    assert len(message.strip().splitlines()) <= 3


def test_an_input_is_never_overwritten(cli: Cli) -> None:
    (cli.folder / "runs.csv").write_text("row_id,model,chip\na,Llama2-7B,H100-SXM\n")
    before = (cli.folder / "runs.csv").read_text()
    assert "would be overwritten" in cli.fails("validate", "training", "--runs", "runs.csv", "--csv", "runs.csv")
    assert (cli.folder / "runs.csv").read_text() == before


def test_names_are_completed(cli: Cli) -> None:
    from liebig.cli import plan_options as p

    assert "Llama3.1-405B" in p.complete_models("llama3.1")
    assert "H100-SXM" in p.complete_chips("h1")
    assert "france" in p.complete_sites("fr")


def test_examples_of_plans(cli: Cli) -> None:
    folder = Path(__file__).parents[1] / "examples" / "plans"
    for path in sorted(folder.glob("*.toml")):
        if path.name.startswith("chip"):
            continue
        assert cli("plan", "train", str(path), "--no-headroom").stdout, path.name
