"""Fixtures shared by the tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from liebig.catalog import Catalog, load_catalog
from liebig.forecast.inputs import make_input
from liebig.forecast.world import World, build_world
from liebig.limits import State
from liebig.uncertainty import sobol_blocks
from postgres_support import BIN, Server, running_server

settings.register_profile("liebig", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("liebig")


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


class Cli:
    """Runs the command in a process of its own, as a user does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "liebig", *args],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def fails(self, *args: str) -> str:
        """Run what must end with exit code 2, one message, and nothing written or printed."""
        before = sorted(p.name for p in self.folder.iterdir())
        done = self(*args, code=2)
        assert done.stdout == ""
        assert sorted(p.name for p in self.folder.iterdir()) == before
        return done.stderr


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
