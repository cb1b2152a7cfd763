"""The image and the compose file start what exists, with variables that are read; nothing secret enters the image."""

from __future__ import annotations

import fnmatch
import inspect
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from project_support import PROJECT, ROOT, check_command, read_yaml

pytest.importorskip("aiohttp")
from liebig.route.gateway.openapi import document
from liebig.route.ledger.keys import default_pepper
from liebig.route.settings import ServerSettings, read_settings

EXAMPLE = ROOT / "examples" / "containers"
HEALTH = ROOT / "tools" / "healthcheck.py"
COMPOSE = read_yaml("compose.yaml")
GATEWAY, PAGE, LEDGER = (COMPOSE["services"][name] for name in ("gateway", "page", "ledger"))
SETTINGS = read_settings(EXAMPLE / "gateway.toml")


def _instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile and what they say."""
    lines = [n for n in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if n and not n.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines())]


def _all(word: str) -> list[str]:
    return [rest for name, rest in _instructions() if name == word]


def _last(word: str) -> str:
    return _all(word)[-1]


def _port(service: dict[str, list[str]]) -> int:
    """The port inside the container; outside only this machine may reach it, through the same number."""
    (mapping,) = service["ports"]
    host, outside, inside = mapping.split(":")
    assert (host, outside) == ("127.0.0.1", inside)
    return int(inside)


# ── image ─────────────────────────────────────────────────────────────────────


def test_the_image_is_made_of_what_exists_and_the_context_lets_through() -> None:
    rules = [n for n in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if n and not n.startswith("#")]
    assert rules[0] == "*"
    for copied in (c for c in _all("COPY") if not c.startswith("--from")):
        *names, _ = copied.split()
        for name in names:
            assert (ROOT / name).exists(), name
            assert f"!{name}" in rules, f"{name} is kept out of the context"
    later = rules[max(i for i, r in enumerate(rules) if r.startswith("!")) :]
    assert any(fnmatch.fnmatch("src/.env", rule.replace("**/", "*/")) for rule in later)


def test_the_image_installs_extras_on_a_python_that_is_checked() -> None:
    given = dict(a.split("=", 1) for a in _all("ARG"))
    assert set(given["EXTRAS"].split(",")) <= set(PROJECT["optional-dependencies"])
    assert {"postgres", "web"} <= set(given["EXTRAS"].split(","))
    assert f"Programming Language :: Python :: {given['PYTHON']}" in PROJECT["classifiers"]
    bases = [f.split()[0] for f in _all("FROM")]
    assert len(bases) == 2
    assert bases[-1] == "python:${PYTHON}-slim-bookworm"
    assert len({b.rpartition("-")[2] for b in bases}) == 1  # else what was built may not load


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    user = _last("USER")
    assert int(user) >= 1000
    assert f"--uid {user}" in " ".join(_all("RUN"))
    for name in (n.split("=")[0] for n in (*_all("ARG"), *_all("ENV"))):
        assert not re.search(r"KEY|SECRET|TOKEN|PASSWORD|PEPPER", name), name


def test_the_image_starts_the_gateway_and_asks_it_whether_it_is_well() -> None:
    assert json.loads(_last("ENTRYPOINT")) == ["liebig"]
    check_command(json.loads(_last("CMD")))
    options, _, command = _last("HEALTHCHECK").partition("CMD ")
    program, script, address = json.loads(command)
    assert program == "python"
    assert f"COPY tools/{HEALTH.name} {script}" in {f"{word} {rest}" for word, rest in _instructions()}
    assert urlsplit(address).port == ServerSettings().port
    assert urlsplit(address).path in document()["paths"]
    allowed = re.search(r"--timeout=(\d+)s", options)
    patience = re.search(r"^TIMEOUT_S = ([\d.]+)", HEALTH.read_text("utf-8"), re.MULTILINE)
    assert allowed
    assert patience
    assert float(patience[1]) < float(allowed[1])
    assert str(_port(PAGE)) in _last("EXPOSE").split()


# ── compose file ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("service", [GATEWAY, PAGE], ids=["gateway", "page"])
def test_services_run_commands_that_exist_on_settings_that_are_mounted(service: dict[str, list[str]]) -> None:
    check_command(service["command"])
    (mount,) = service["volumes"]
    source, target, mode = re.fullmatch(r"\$\{SETTINGS_FOLDER:-(.+?)\}:(.+):(.+)", mount).groups()  # type: ignore[union-attr]
    assert (ROOT / source).resolve() == EXAMPLE
    assert mode == "ro"
    assert f"{target}/gateway.toml" in service["command"]


def test_services_get_the_variables_that_they_read_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    from liebig.web.serve import serve

    assert "PGPASSWORD" in inspect.getsource(asyncpg.connect_utils)
    monkeypatch.setenv("LIEBIG_KEY_PEPPER", "salt")
    assert default_pepper() == b"salt"
    providers = {u.key_env for u in SETTINGS.upstream}
    read = {"PGPASSWORD", "LIEBIG_KEY_PEPPER", SETTINGS.server.admin_key_env, *providers}
    assert set(GATEWAY["environment"]) == read
    password = inspect.signature(serve).parameters["password_env"].default
    assert set(PAGE["environment"]) == {"PGPASSWORD", password}


def test_every_variable_of_the_compose_file_is_in_the_example() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    example = (EXAMPLE / "example.env").read_text("utf-8")
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    assert needed == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):-", text)) == set(re.findall(r"^# (\w+)=", example, re.MULTILINE))
    assert not re.search(r"\$\{\w+\}", text), "say what happens where it is not set"
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_addresses_are_open_inside_the_containers_and_guarded() -> None:
    assert _port(GATEWAY) == SETTINGS.server.port
    assert (SETTINGS.server.host, SETTINGS.server.keys) == ("0.0.0.0", True)
    words = PAGE["command"]
    assert words[words.index("--host") + 1] == "0.0.0.0"
    assert int(words[words.index("--port") + 1]) == _port(PAGE)
    assert "--insecure" not in words
    address = urlsplit(PAGE["healthcheck"]["test"][-1])
    assert (address.port, address.path) == (_port(PAGE), "/api/version")
    assert "ports" not in LEDGER


def test_the_ledger_is_the_database_beside_it() -> None:
    url = urlsplit(SETTINGS.ledger_url)
    made = LEDGER["environment"]
    assert (url.hostname, url.username, url.path) == ("ledger", made["POSTGRES_USER"], "/" + made["POSTGRES_DB"])
    assert url.password is None
    assert made["POSTGRES_PASSWORD"] == GATEWAY["environment"]["PGPASSWORD"] == PAGE["environment"]["PGPASSWORD"]
    assert COMPOSE["networks"]["ledger"] == {"internal": True}
    assert LEDGER["networks"] == ["ledger"]
    for service in (GATEWAY, PAGE):
        assert service["depends_on"] == {"ledger": {"condition": "service_healthy"}}
        assert "ledger" in service["networks"]


def test_a_stop_waits_for_running_answers() -> None:
    assert float(GATEWAY["stop_grace_period"].removesuffix("s")) > SETTINGS.server.drain_s


# ── health ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    uvicorn = pytest.importorskip("uvicorn")
    from liebig.web.server import create_app, guarded

    server = uvicorn.Server(
        uvicorn.Config(guarded(create_app(), (), "secret"), port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=60)


@pytest.mark.parametrize(
    ("password", "path", "status"),
    [("secret", "/api/version", 0), ("wrong", "/api/version", 1), ("", "/api/version", 1), ("secret", "/nothing", 1)],
)
def test_health_of_the_page(page: str, password: str, path: str, status: int) -> None:
    environment = {**os.environ, "LIEBIG_APP_PASSWORD": password, "http_proxy": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, HEALTH, page + path], env=environment, capture_output=True, check=False)
    assert done.returncode == status
    assert b"secret" not in done.stderr


def test_health_where_nothing_answers(tmp_path: Path) -> None:
    for address in ("http://127.0.0.1:9/", "nonsense"):
        done = subprocess.run([sys.executable, HEALTH, address], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


# ── documentation ─────────────────────────────────────────────────────────────


def test_the_page_about_containers_shows_what_exists() -> None:
    text = (ROOT / "docs" / "how-to" / "containers.md").read_text("utf-8")
    commands = re.findall(r"^docker compose exec (?:-T )?(\w+) (.+)$", text, re.MULTILINE)
    assert commands
    for service, command in commands:
        assert service in COMPOSE["services"]
        name, *words = command.split()
        if name == "liebig":
            check_command(words)
    (run,) = re.findall(r"^docker run --rm liebig (.+)$", text, re.MULTILINE)
    check_command(run.split())
    (extras,) = re.findall(r"--build-arg EXTRAS=(\S+)", text)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    shown = dict(re.findall(r"^\| `(\w+)` \| .* \| ([\w, ]+) \|$", text, re.MULTILINE))
    names = {"database": LEDGER, "gateway": GATEWAY, "page": PAGE}
    for variable, holders in shown.items():
        value = f"${{{variable}:"
        given = {n for n, s in names.items() if any(v.startswith(value) for v in s["environment"].values())}
        assert given == set(holders.split(", ")), variable
    assert len(shown) == len(
        set(re.findall(r"\$\{(\w+):", (ROOT / "compose.yaml").read_text("utf-8"))) - {"SETTINGS_FOLDER"}
    )
