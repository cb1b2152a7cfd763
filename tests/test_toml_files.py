"""A file in TOML given to the wrong command is recognised, and the error says which command reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cli_support import Cli
from liebig.access.export import _KEYS
from liebig.catalog import TABLES
from liebig.cluster.chip import Chip
from liebig.errors import InputError
from liebig.forecast import ForecastInput
from liebig.plan.inputs import TrainingInput
from liebig.route.settings import Settings
from liebig.toml_files import KINDS, Kind, check_kind

#: One file of each kind.
FILES: Mapping[Kind, str] = {
    "scenario": 'title = "a"\nsamples = 64\n[pin]\nduration = "90 d"\n',
    "plan": 'model = "7B"\nchips = 8\n[chip]\nlike = "H100-SXM"\n',
    "chip": 'name = "a"\npeak_bf16 = 1e15\nmemory_bytes = 8e10\nmemory_bandwidth = 3e12\n',
    "export rules": 'title = "a"\nbase = "none"\n[[rule]]\ncountries = "Kenya"\nshare = 0.5\n',
    "gateway": '[[upstream]]\nname = "u"\nurl = "http://127.0.0.1:9/v1"\n[[model]]\nname = "m"\nupstream = "u"\n',
    "facts": '[[parameters]]\nid = "run.share"\np50 = 0.2\n',
}
#: A command that reads each kind.
COMMANDS: Mapping[Kind, tuple[str, ...]] = {
    "scenario": ("forecast",),
    "plan": ("plan", "train"),
    "chip": ("plan", "train", "-m", "7B", "-n", "8", "--chip"),
    "export rules": ("access", "Kenya", "--scenario"),
    "gateway": ("route", "check"),
    "facts": ("forecast", "--facts-file"),
}


@pytest.mark.parametrize("given", FILES)
@pytest.mark.parametrize("expected", COMMANDS)
def test_a_file_of_another_kind_is_recognised(expected: Kind, given: Kind, tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    (tmp_path / "file.toml").write_text(FILES[given])
    if given == expected == "facts":  # a row that is not complete, and refused for that
        assert "column 'unit' is empty" in cli.fails(*COMMANDS[expected], "file.toml")
    elif given == expected:
        cli(*COMMANDS[expected], "file.toml")
    else:
        error = cli.fails(*COMMANDS[expected], "file.toml")
        assert f"file.toml: is {KINDS[given].title} (it holds " in error
        assert f"not {KINDS[expected].title}; give it to: {KINDS[given].command}\n" in error


def test_names_by_which_files_are_known_are_names_that_they_have() -> None:
    fields: Mapping[Kind, set[str]] = {
        "scenario": set(ForecastInput.model_fields),
        "plan": set(TrainingInput.model_fields),
        "chip": {"chip", "like", *Chip.model_fields},
        "export rules": _KEYS,
        "gateway": set(Settings.model_fields),
        "facts": set(TABLES),
    }
    for kind, file in KINDS.items():
        assert file.names <= fields[kind], kind


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_no_kind_has_are_left_to_the_reader(kind: Kind) -> None:
    check_kind({}, "a.toml", kind)
    check_kind({"titel": "a", "samples_": 3}, "a.toml", kind)
    check_kind(dict.fromkeys(KINDS[kind].names, 1), "a.toml", kind)


def test_a_plan_and_a_scenario_in_one_file_are_what_is_asked_for() -> None:
    mixed = {"model": "7B", "samples": 64}
    check_kind(mixed, "a.toml", "plan")
    check_kind(mixed, "a.toml", "scenario")
    with pytest.raises(InputError, match="is a plan"):
        check_kind({**mixed, "tokens": 1e9}, "a.toml", "scenario")
