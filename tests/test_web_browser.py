"""The page in a real browser, and the files that make it."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")

WEB = Path(__file__).parents[1] / "web"
STATIC = resources.files("liebig.web").joinpath("static")
CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules").is_dir(), reason="needs node and `npm ci` in web/"
)


def _files() -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in STATIC.iterdir() if item.is_file()}


def test_the_page_is_whole_and_small() -> None:
    files = _files()
    assert {"index.html", "app.js", "app.css", "theme.js", "icon.svg", "licences.txt"} <= set(files)
    assert not [name for name in files if name.endswith(".map")]
    assert sum(len(gzip.compress(content)) for content in files.values()) <= 350_000
    page = files["index.html"].decode()
    for name in re.findall(r'(?:src|href)="\./([^"]+)"', page):
        assert name in files


def test_the_page_keeps_to_the_content_policy() -> None:
    page = _files()["index.html"].decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_the_first_paint_is_the_question_itself() -> None:
    page = _files()["index.html"].decode()
    assert "<h1>What limits AI in 2030, and what would help most?</h1>" in page
    assert all(f'href="#/{view}"' in page for view in ("forecast", "plan", "access", "levers", "facts", "router"))


def test_styles_ask_for_nothing_elsewhere() -> None:
    style = _files()["app.css"].decode()
    assert "@import" not in style
    assert "url(" not in style


def test_no_text_is_taken_for_html() -> None:
    found = [
        path.name
        for path in (WEB / "src").rglob("*.ts*")
        if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function", path.read_text("utf-8"))
    ]
    assert found == []


def test_the_licences_of_bundled_parts_travel_along() -> None:
    text = _files()["licences.txt"].decode()
    assert all(name in text for name in ("preact", "d3-geo", "d3-scale", "d3-shape", "topojson-client", "world-atlas"))


def test_the_lock_holds_no_download_addresses() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text("utf-8")


@pytest.mark.slow
@needs_node
def test_the_built_files_are_those_of_the_sources(tmp_path: Path) -> None:
    command = ["node", "node_modules/vite/bin/vite.js", "build", "--outDir", str(tmp_path), "--logLevel", "error"]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert built == _files(), "run `npm run build` in web/"


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("script", ["tsc --noEmit", "vitest run"])
def test_the_sources_pass_their_own_checks(script: str) -> None:
    name, *arguments = script.split()
    entry = {"tsc": "node_modules/typescript/bin/tsc", "vitest": "node_modules/vitest/vitest.mjs"}[name]
    done = subprocess.run(["node", entry, *arguments], cwd=WEB, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.slow
@needs_node
def test_the_generated_types_are_those_of_the_answers() -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        ["npm", "run", "--silent", "gen:check"], cwd=WEB, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"run `npm run gen` in web/\n{done.stdout[-1000:]}{done.stderr[-1000:]}"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from liebig.web.server import create_app, guarded

    app = guarded(create_app(), ("127.0.0.1",), "")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join()


@pytest.mark.slow
@needs_node
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_the_browser(address: str) -> None:
    environment = {**os.environ, "CHROMIUM": str(CHROMIUM)}
    done = subprocess.run(["node", "e2e/run.mjs", address], cwd=WEB, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if not line.startswith("ok"))
    assert "all checks passed" in done.stdout
