"""Colours are written once, in ``liebig.palette``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import liebig
from liebig import palette
from liebig.limits import LIMITS

ROOT = Path(liebig.__file__).parent
#: Names that terminals and browsers know as colours; "dim" and "bold" are none.
NAMES = {
    "black", "blue", "brown", "cyan", "gold", "gray", "green", "grey", "lime", "magenta", "maroon", "navy", "olive",
    "orange", "pink", "purple", "red", "silver", "skyblue", "steelblue", "teal", "tomato", "violet", "white", "yellow",
}  # fmt: skip
NOTATION = re.compile(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})\b|\b(?:rgb|hsl)a?\(")
#: Colours of many things.
GROUPS = {"KINDS", "PARTS", "SERIES"}
FILES = sorted(p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*.py"))


def literal_colours(source: str) -> Iterator[str]:
    """Texts of a program that write a colour, docstrings aside."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, documented)]
    notes = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes:
            words = set(node.value.lower().split())
            if NOTATION.search(node.value) or (words & NAMES and words <= NAMES | {"bold", "dim", "on"}):
                yield node.value


@pytest.mark.parametrize("text", ["#E69F00", "#222", "color: #666;", "red", "bold red", "White", "rgb(1, 2, 3)"])
def test_a_literal_colour_is_seen(text: str) -> None:
    assert list(literal_colours(f"'''#fff'''\ndraw(color={text!r})\n")) == [text]


@pytest.mark.parametrize("text", ["bold", "dim", "", "see #12", "a red line", "#abcdefg", "sha #12345"])
def test_other_texts_are_not(text: str) -> None:
    assert not list(literal_colours(f"draw(style={text!r})"))


def test_no_other_file_writes_a_colour() -> None:
    assert len(FILES) > 250
    found = {name: list(literal_colours((ROOT / name).read_text(encoding="utf-8"))) for name in FILES}
    assert {name for name, colours in found.items() if colours} == {"palette.py"}


def test_limits_and_series_are_told_apart() -> None:
    named = {getattr(palette, n) for n in palette.__all__ if n not in GROUPS}
    assert {limit.colour for limit in LIMITS.values()} < named | set(palette.SERIES)
    for colours in ([limit.colour for limit in LIMITS.values()], palette.SERIES):
        assert len(set(colours)) == len(colours)
