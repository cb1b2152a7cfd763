"""Sphinx configuration; the reference pages are generated from the commands, docstrings and row models."""

from __future__ import annotations

from pathlib import Path

import typer
from docutils.nodes import SkipNode, math, math_block
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator
from typer.testing import CliRunner

import liebig
from liebig.catalog import GRADES, TABLES
from liebig.cli.app import app as application
from liebig.limits import LIMITS

project = "liebig"
author = "the liebig authors"
copyright = "2026, the liebig authors; Apache-2.0"
version = release = liebig.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "reference/generated"]
html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["liebig.css"]
html_title = f"liebig {version}"
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

_HERE = Path(__file__).parent
_PYTHON = (
    "forecast",
    "levers",
    "limits",
    "limits.registry",
    *(f"limits.{name}" for name in LIMITS),
    "limits.cooling",
    "plan",
    "plan.inputs",
    "plan.train",
    "plan.result",
    "plan.scale",
    "plan.budget",
    "plan.headroom",
    "plan.sweep",
    "plan.loss",
    "step",
    "step.layout",
    "step.time",
    "step.memory",
    "step.search",
    "step.calibration",
    "evidence.training",
    "evidence.training.fit",
    "evidence.training.validate",
    "evidence.training.score",
    "evidence.training.runs",
    "evidence.forecast",
    "evidence.forecast.backtest",
    "evidence.forecast.trends",
    "access",
    "access.inputs",
    "access.find",
    "access.atlas",
    "access.club",
    "access.embargo",
    "access.efficiency",
    "access.spend",
    "access.unequal",
    "route",
    "route.request",
    "route.rules",
    "route.router",
    "route.learned",
    "route.choose",
    "route.settings",
    "route.learn",
    "route.learn.data",
    "route.learn.calibrate",
    "route.learn.evaluate",
    "route.learn.assess",
    "route.learn.suite",
    "route.learn.label",
    "route.ledger",
    "route.ledger.protocol",
    "route.ledger.records",
    "route.savings",
    "route.savings.report",
    "transformer",
    "transformer.architecture",
    "transformer.arithmetic",
    "cluster",
    "cluster.chip",
    "cluster.fabric",
    "cluster.kernels",
    "cluster.attention",
    "cluster.throttling",
    "cluster.collectives",
    "cluster.measure",
    "site",
    "site.place",
    "site.power",
    "site.money",
    "uncertainty",
    "catalog",
    "quantities",
    "tables",
    "errors",
)


def _commands(command: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [path]
    return [path, *(leaf for name, child in children.items() for leaf in _commands(child, (*path, name)))]


def _cli_page() -> str:
    runner = CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"})
    parts = []
    for path in _commands(typer.main.get_command(application)):
        name = " ".join(("liebig", *path))
        shown = runner.invoke(application, [*path, "--help"], prog_name="liebig", terminal_width=100).output
        parts.append(f"## {name}\n\n```text\n{shown.strip()}\n```\n")
    return "\n".join(parts)


def _facts_page() -> str:
    parts = []
    for name, row in TABLES.items():
        lines = [f"## {name}", "", row.__doc__ or "", "", f"Key: {', '.join(f'`{k}`' for k in row.key)}.", ""]
        lines += ["| column | needed | meaning |", "|---|---|---|"]
        for column, field in row.model_fields.items():
            needed = "yes" if field.is_required() else ""
            lines.append(f"| `{column}` | {needed} | {(field.description or '').replace('|', '/')} |")
        parts.append("\n".join(lines) + "\n")
    grades = ", ".join(f"{mark} {grade}" for grade, mark in GRADES.items())
    return f"Grades: {grades}.\n\n" + "\n".join(parts)


def _python_page() -> str:
    parts = []
    for name in _PYTHON:
        title = f"liebig.{name}"
        options = "   :members:\n   :show-inheritance:\n"
        if any(other.startswith(f"{name}.") for other in _PYTHON):
            options += "   :no-index:\n"  # what a package hands on is indexed where it is defined
        parts.append(f"{title}\n{'-' * len(title)}\n\n.. automodule:: {title}\n{options}")
    return "\n".join(parts)


def _write_generated() -> None:
    folder = _HERE / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("cli.md", _cli_page()), ("facts.md", _facts_page()), ("python.rst", _python_page())):
        (folder / name).write_text(text, encoding="utf-8")


_write_generated()


def _inline_math(translator: HTML5Translator, node: math) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _block_math(translator: HTML5Translator, node: math_block) -> None:
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app: Sphinx) -> None:
    # MathML, which browsers draw themselves: pages need no script from elsewhere
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
