"""Processor time per request of the gateway, next to LiteLLM's proxy and RouteLLM's server on the same machine.

The peers are not installed here: name an interpreter that has one in the environment,

    LIEBIG_PEER_LITELLM=FOLDER/bin/python    pip install "litellm[proxy]"
    LIEBIG_PEER_ROUTELLM=FOLDER/bin/python   pip install torch "routellm[serve]"

All stand before the same model server on the loopback, one process each, and answer the same prompts from eight
connections.  Requests to the gateway and to a peer take turns, so that what else runs on the machine burdens both.
The gateway checks a key, routes and keeps its ledger in SQLite; LiteLLM checks its master key and prices the call,
without a database; RouteLLM routes at random, as its other routers need a model hub, and checks no key.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from route_load import Load, Target, measure

Record = Callable[[str, float, str], None]
HERE = Path(__file__).parent
REQUESTS, WARMUP, CONCURRENCY, ROUNDS = 400, 100, 8, 3
#: Seconds that a server may take to start: the peers import a great deal.
PATIENCE_S = 180.0
PEER_KEY = "sk-loopback-peer"
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

CONFIG = """
[server]
port = 0
[ledger]
url = "sqlite:ledger.db"
[[upstream]]
name = "loop"
url = "{upstream}"
[[model]]
name = "weak"
upstream = "loop"
input_usd_per_mtok = 0.1
output_usd_per_mtok = 0.4
[[model]]
name = "strong"
upstream = "loop"
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10
[routing]
router = "default"
models = ["weak", "strong"]
quality = 0.95
"""
#: Name by which a client of the gateway asks for a routed model.
ROUTED = "auto"


@dataclass(frozen=True)
class Running:
    """A server that has started: what to ask it, and its process."""

    target: Target
    pid: int


def our_config(tmp_path: Path, upstream_url: str) -> Path:
    """Write the gateway's configuration: two models of one upstream, and a ledger beside it."""
    path = tmp_path / "gateway.toml"
    path.write_text(CONFIG.format(upstream=upstream_url), encoding="utf-8")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def announced(log: Path) -> str | None:
    """The address that a server has written to its log, once it has."""
    found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", log.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else None


def answers(url: str) -> str | None:
    """The address, once a server gives any answer there."""
    try:
        with urllib.request.urlopen(url + "/docs", timeout=5):
            return url
    except urllib.error.HTTPError as error:
        error.close()
        return url
    except OSError:
        return None


@contextmanager
def started(
    command: list[str], log: Path, ready: Callable[[], str | None], **environment: str
) -> Iterator[tuple[str, int]]:
    """Run a server; gives its address and process once it is ready, and ends it afterwards."""
    kept = {name: value for name, value in os.environ.items() if not environment or name != "PYTHONPATH"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent, env={**kept, **environment})
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (url := ready()) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                pytest.fail(f"{command[:4]} did not start (exit code {process.poll()}):\n{tail}")
            time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log = tmp_path_factory.mktemp("upstream") / "log"
    command = [sys.executable, str(HERE / "loopback_upstream.py"), "--port", "0"]
    with started(command, log, lambda: announced(log)) as (url, pid):
        yield Running(Target(url + "/v1", "weak"), pid)


@pytest.fixture(scope="module")
def ours(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The gateway as users start it, with a key of its own."""
    route = [sys.executable, "-m", "liebig", "route"]
    if subprocess.run([*route, "serve", "--help"], capture_output=True, check=False).returncode:
        pytest.skip("this build has no command `liebig route serve`")
    folder = tmp_path_factory.mktemp("gateway")
    config = str(our_config(folder, upstream.target.url))
    add = [*route, "keys", "add", "bench", "--config", config, "--json"]
    made = subprocess.run(add, capture_output=True, text=True, check=False, cwd=folder)
    assert made.returncode == 0, made.stderr
    log = folder / "log"
    with started([*route, "serve", config], log, lambda: announced(log)) as (url, pid):
        yield Running(Target(url + "/v1", ROUTED, json.loads(made.stdout)["secret"]), pid)


def interpreter(variable: str) -> str:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"name an interpreter that has this peer in the environment variable {variable}")
    return python


@pytest.fixture(scope="module")
def litellm(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """LiteLLM's proxy, one worker, with the configuration in ``peer_configs`` and only errors in its log."""
    python, port = interpreter("LIEBIG_PEER_LITELLM"), free_port()
    config = str(HERE / "peer_configs" / "litellm.yaml")
    command = [python, str(Path(python).with_name("litellm")), "--config", config, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--num_workers", "1"]
    environment = {
        "LOOPBACK_URL": upstream.target.url,
        "PEER_KEY": PEER_KEY,
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("litellm") / "log"
    with started(command, log, lambda: answers(url), **environment) as (_, pid):
        yield Running(Target(url + "/v1", "weak", PEER_KEY), pid)


@pytest.fixture(scope="module")
def routellm(upstream: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """RouteLLM's server with its random router, half of the calls to each model.

    It wants an OpenAI key in the environment to start, though the random router never uses it.
    """
    python, port = interpreter("LIEBIG_PEER_ROUTELLM"), free_port()
    command = [python, "-m", "routellm.openai_server", "--routers", "random", "--port", str(port)]
    command += ["--base-url", upstream.target.url, "--api-key", "loopback"]
    command += ["--strong-model", "openai/strong", "--weak-model", "openai/weak"]
    environment = {"OPENAI_API_KEY": "unused", "HF_HUB_OFFLINE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("routellm") / "log"
    with started(command, log, lambda: answers(url), **environment) as (_, pid):
        yield Running(Target(url + "/v1", "router-random-0.5"), pid)


def load(running: Running, stream: bool) -> Load:
    target = replace(running.target, stream=stream)
    found = asyncio.run(measure(target, REQUESTS, CONCURRENCY, WARMUP, running.pid))
    assert found.failed == 0, found.errors
    return found


def cpu_ms(found: list[Load]) -> float:
    """The median processor milliseconds per request."""
    return statistics.median(one.cpu_ms for one in found if one.cpu_ms is not None)


def compare(name: str, ours: Running, peer: Running, stream: bool, record: Record) -> float:
    """How many times the gateway's processor time a peer takes, measured in turns."""
    kind = "streamed" if stream else "whole"
    mine: list[Load] = []
    theirs: list[Load] = []
    for _ in range(ROUNDS):
        mine.append(load(ours, stream))
        theirs.append(load(peer, stream))
    record(f"processor ms per request, {kind}, liebig", cpu_ms(mine), "no target")
    record(f"processor ms per request, {kind}, {name}", cpu_ms(theirs), "no target")
    record(f"MB resident, {name}", theirs[-1].tree_rss_mb or 0.0, "no target")
    return cpu_ms(theirs) / cpu_ms(mine)


@STREAMED
def test_the_upstream_alone(upstream: Running, stream: bool, record: Record) -> None:
    """What the model server itself takes, to be seen as small beside what stands before it."""
    found = load(upstream, stream)
    kind = "streamed" if stream else "whole"
    record(f"processor ms per request, {kind}, upstream alone", cpu_ms([found]), "no target")
    assert (found.first_token_ms is not None) == stream


@STREAMED
def test_against_litellm(ours: Running, litellm: Running, stream: bool, record: Record) -> None:
    ratio = compare("LiteLLM", ours, litellm, stream, record)
    record(f"processor time, {'streamed' if stream else 'whole'}, LiteLLM / liebig", ratio, ">= 10")
    assert ratio >= 10


@STREAMED
def test_against_routellm(ours: Running, routellm: Running, stream: bool, record: Record) -> None:
    ratio = compare("RouteLLM", ours, routellm, stream, record)
    record(f"processor time, {'streamed' if stream else 'whole'}, RouteLLM / liebig", ratio, ">= 4")
    assert ratio >= 4


def test_memory_of_the_gateway(ours: Running, record: Record) -> None:
    for stream in (False, True):
        found = load(ours, stream)
    record("MB resident, liebig", found.tree_rss_mb or 0.0, "< 200")
    assert found.tree_rss_mb is not None
    assert found.tree_rss_mb < 200
