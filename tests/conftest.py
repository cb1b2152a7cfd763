"""Fixtures shared by the tests."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from cli_support import Cli
from liebig.catalog import Catalog, load_catalog
from liebig.forecast.inputs import make_input
from liebig.forecast.world import World, build_world
from liebig.limits import State
from liebig.uncertainty import sobol_blocks
from postgres_support import BIN, Server, running_server

settings.register_profile("liebig", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("liebig")


_LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    if all(item.get_closest_marker("slow") for item in items):  # what -m leaves out, not -k
        items[0].config.stash[_LEFT_OUT] = len(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = config.stash.get(_LEFT_OUT, 0)
    if count:
        terminalreporter.write_line(f"{count} slow tests were left out; python -m pytest -m slow runs them")


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """A test that changes what others see (working folder, files in it, environment) has to put it back."""
    before = _seen()
    yield
    after = _seen()
    changed = {k: (before.get(k), after.get(k)) for k in before | after if before.get(k) != after.get(k)}
    assert not changed, "before and after the test"


def _seen() -> dict[str, str]:
    files = {f"file {name}": "is there" for name in os.listdir() if not name.startswith(".")}
    # what libraries set for themselves when they are first imported begins with a line
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("_", "PYTEST_", "COV"))}
    return {"folder": os.getcwd(), **files, **variables}


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="session", params=["2026", "epoch-2024"])
def world(request: pytest.FixtureRequest, catalog: Catalog) -> World:
    return build_world(make_input(facts=request.param), catalog)


@pytest.fixture(scope="session")
def state(world: World) -> State:
    """256 futures of each parameter set."""
    return world.state(np.concatenate(list(sobol_blocks(world.dimensions, 256, 0)), axis=1))


@pytest.fixture
def shared_data() -> Path:
    """The development data beside the repository; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the development data are not here")
    return folder


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; tests that need one are skipped where none is installed."""
    pytest.importorskip("asyncpg")
    if not BIN:
        pytest.skip("no PostgreSQL server is installed")
    with running_server() as made:
        yield made


@pytest.fixture
def port_of_dask() -> Iterator[None]:
    """The port that Dask would take for its status page is not free."""
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # somebody else has it: as good
            other.bind(("127.0.0.1", 8787))
            other.listen()
        yield
