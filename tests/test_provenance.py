"""Where a number comes from: exactly what a scenario states is said to be the scenario's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import liebig
from liebig.catalog import load_catalog, resolve
from liebig.errors import InputError
from liebig.evidence.training.rows import default_length
from liebig.forecast.inputs import make_input
from liebig.forecast.stated import parameter_marginal
from liebig.forecast.words import parameter_records
from liebig.forecast.world import World, build_world
from liebig.transformer import architecture_of_size
from liebig.uncertainty import quantile

CATALOG = load_catalog()
PARAMETERS = [
    (facts, name) for facts in CATALOG.sets for name, row in CATALOG.parameters(facts).items() if row.role == "model"
]


def _world(**options: object) -> World:
    return build_world(make_input(**options), CATALOG)


def _stated(world: World) -> list[str]:
    return [r["id"] for r in parameter_records(world) if r["stated_by"] == "the scenario"]


def _changed(world: World) -> dict[str, list[str]]:
    return {r["id"]: r["changes"] for r in parameter_records(world) if r["changes"]}


def _short_forms(name: str, facts: str) -> Iterator[str]:
    """Ways to write a parameter, the shortest first, of which each stands for it alone."""
    group, _, rest = name.partition(".")
    words = rest.split("_")
    stems = ["_".join(words[:i]) for i in range(1, len(words) + 1)]
    for written in (*stems, *(f"{group}.{stem}" for stem in stems)):
        try:
            if resolve(written, CATALOG.parameters(facts)) == name:
                yield written
        except InputError:
            continue


@pytest.mark.parametrize(("facts", "name"), PARAMETERS)
def test_a_pinned_parameter_alone_is_the_scenario_s(facts: str, name: str) -> None:
    """Pinning ``duration`` once marked latency.wall_duration_s, whose name holds the word, as stated."""
    value = float(quantile(parameter_marginal(CATALOG.parameters(facts)[name]), np.array([0.5]))[0])
    written = next(_short_forms(name, facts))
    world = _world(facts=facts, pin={written: value or "p50"})
    assert _stated(world) == [name]
    assert not _changed(world)
    record = next(r for r in parameter_records(world) if r["id"] == name)
    assert record["values"] == [pytest.approx(value)]
    assert record["distribution"] == "point"


def test_most_parameters_have_a_short_form() -> None:
    short = [name for facts, name in PARAMETERS if next(_short_forms(name, facts)) != name]
    assert len(short) > 0.8 * len(PARAMETERS)
    assert next(_short_forms("run.duration_s", "2026")) == "duration"


def test_what_changes_from_a_year_on_is_a_change_of_what_is_built_in() -> None:
    world = _world(
        set={"utilisation": "60% from 2031 over 2 yr", "run.share": 0.2},
        add={"power.smr": "10 GW from 2032 over 3 yr"},
        levers=["routing@2028", "smr", "algorithmic-progress"],
    )
    assert _stated(world) == ["run.share"]
    found = _changed(world)
    assert found["run.utilisation"] == ["the scenario: = 60% from 2031 over 2 yr"]
    assert found["power.smr_w"][0] == "the scenario: + 10 GW from 2032 over 3 yr"
    assert [c.partition(":")[0] for c in found["power.smr_w"][1:]] == ["lever smr"] * 2
    assert found["run.share"] == ["lever routing: × 1.08 (1–1.25) from 2028"]
    # what taking a lever out of the base would do is no change
    assert set(found) == {"run.utilisation", "power.smr_w", "run.share", "capital.run_share"}
    assert set(found) == {c.parameter for c in world.scheduled} | {p for v in world.levers[:2] for p in v.parameters}


def test_what_holds_before_the_first_year_is_stated() -> None:
    world = _world(set={"data.growth": "1.2 from 2020"})
    assert _stated(world) == ["data.growth"]
    assert not _changed(world)


def test_a_switch_that_changes_a_parameter_is_named() -> None:
    found = _changed(_world(switches=["observed-allocation"]))
    assert set(found) == {"run.share", "capital.run_share"}
    assert all("observed-allocation" in line for lines in found.values() for line in lines)


def test_a_measured_lever_states_what_was_measured(tmp_path) -> None:
    path = tmp_path / "routing.json"
    path.write_text('{"lever": "routing", "p10": 1.1, "p50": 1.3, "p90": 1.5}')
    assert _changed(_world(levers=[f"routing@{path}"]))["run.share"] == ["lever routing: × 1.3 (1.1–1.5) from 2024"]


def test_short_and_full_names_are_no_difference_of_scenarios() -> None:
    a = make_input(samples=64, pin={"duration": "100 d"}, add={"power.smr": "1 GW from 2030"})
    b = make_input(samples=64, pin={"run.duration_s": "100 d"}, add={"power.smr_w": "2 GW from 2030"})
    found = liebig.forecast.compare(a, b, samples=64).differences
    assert found == (("add power.smr_w", "1 GW from 2030", "2 GW from 2030"),)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("GPT2-1.5B", 1024), ("gpt-2", 1024), ("GPT3-175B", 2048), ("ruGPT-3.5 13B", 2048), ("Llama2-7B", 4096),
        ("Megatron-GPT-22B", 2048), ("Alpa-GPT-2.6B", 2048), ("Cerebras-GPT-256M", 2048), ("Llama-20B", 2048),
    ],
)  # fmt: skip
def test_a_size_is_no_generation(name: str, tokens: int) -> None:
    """GPT-22B is no GPT-2."""
    model = architecture_of_size(1e9).model_copy(update={"name": name})
    assert default_length(model, 2021) == tokens
