"""Reading the project's files, and holding commands that they show against the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import typer
import yaml

from liebig.cli.app import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read_yaml(name: str | Path) -> Any:
    """The content of a YAML file of the project."""
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words begin with, and the words after it; a group where the words end with one."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, f"{words}: there is no {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    return command, rest


def check_command(words: list[str]) -> None:
    """Fails unless the command line knows the command, its options and the kinds of their values."""
    command, rest = find_command(words)
    assert not hasattr(command, "commands"), f"{words}: names a group of commands"
    command.make_context("liebig", rest)
