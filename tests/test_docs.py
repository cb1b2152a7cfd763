"""The examples run, and so does every command and every Python snippet that the documentation shows."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steady import PATIENCE_S

from .conftest import Cli

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [p for p in PAGES if "generated" not in p.parts and "_build" not in p.parts]
#: What takes long to run; the same questions are asked of fewer simulations, layouts or labels in other tests.
_LONG = tuple(
    f"liebig {words} " for words in ("levers package", "validate runs", "route train", "plan scale", "sensitivity")
)
_COMMAND = re.compile(r"^\$ (liebig .+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Long ones, which run elsewhere: in test_scale.py, and with files in test_plan_cli.py.
_ELSEWHERE = {"liebig forecast --samples 1000000", "liebig validate training"}


def _commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for kind, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if kind == "console":
                found.update(dict.fromkeys(_COMMAND.findall(block.replace("\\\n", " "))))
    return [c for c in found if c not in _ELSEWHERE]


@pytest.fixture
def in_examples(cli: Cli) -> Cli:
    shutil.copytree(ROOT / "examples", cli.folder / "examples")
    return cli


def test_the_documentation_shows_commands() -> None:
    assert len(_commands()) > 20


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=[pytest.mark.slow] * f"{c} ".startswith(_LONG)) for c in _commands()]
)
def test_every_command_shown_runs(command: str, in_examples: Cli) -> None:
    words = shlex.split(command, comments=True)[1:]
    if "|" in words:
        words = words[: words.index("|")]
    if ">" in words:
        words = words[: words.index(">")]
    assert in_examples(*words).stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_python_on_the_pages(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(b for kind, b in _BLOCK.findall(page.read_text(encoding="utf-8")) if kind in ("python", "pycon"))
    if ">>>" in code:
        flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
        report = io.StringIO()
        failed, _ = doctest.DocTestRunner(optionflags=flags).run(test, out=report.write)
        assert not failed, report.getvalue()
    elif code:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(code, page.name, "exec"), {})
        assert out.getvalue()


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.suffix == ".py"], ids=lambda e: e.name)
def test_examples_in_python(example: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        runpy.run_path(str(example))
    assert out.getvalue()


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.suffix == ".toml"], ids=lambda e: e.name)
def test_scenarios(example: Path) -> None:
    import liebig

    assert liebig.forecast(str(example), samples=256).inputs.title


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.suffix == ".csv"], ids=lambda e: e.name)
def test_tables(example: Path) -> None:
    from liebig.catalog import load_catalog

    assert load_catalog([example]).overlays


def test_links_between_pages_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


@pytest.mark.slow
def test_tables_on_the_pages_are_what_the_product_says() -> None:
    script = ROOT / "tools" / "fill_pages.py"
    checked = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
