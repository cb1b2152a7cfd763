"""The files in TOML that users write: what each is called, which command reads it, and by which names it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from liebig.errors import InputError
from liebig.reading import read_toml

__all__ = ["KINDS", "Kind", "TomlFile", "check_kind", "read_toml_file"]

Kind = Literal["scenario", "plan", "chip", "export rules", "gateway", "facts"]


@dataclass(frozen=True)
class TomlFile:
    """A kind of file.

    Args:
        title: how messages call it.
        command: that reads it.
        names: by which it is known, at its top; those that every kind has are left out.
    """

    title: str
    command: str
    names: frozenset[str]


def _kind(title: str, command: str, names: str) -> TomlFile:
    return TomlFile(title, command, frozenset(names.split()))


KINDS: Mapping[Kind, TomlFile] = {
    "scenario": _kind(
        "a scenario", "liebig forecast FILE",
        "facts facts_files start until set pin add levers switches samples seed",
    ),
    "plan": _kind(
        "a plan", "liebig plan train FILE",
        "model chips tokens seq_len batch precision chip chips software tp pp cp ep site date terms owned calibration",
    ),
    "chip": _kind(
        "a chip", "liebig plan train --chip FILE",
        "chip like peak_bf16 peak_fp8 memory_bytes memory_bandwidth tdp_w scale_up scale_up_domain scale_up_bandwidth",
    ),
    "export rules": _kind("export rules", "liebig access --scenario FILE", "base rule"),
    "gateway": _kind("the gateway's settings", "liebig route serve FILE", "server ledger upstream model routing"),
    "facts": _kind(
        "a table of facts", "liebig forecast --facts-file FILE",
        "parameters correlations levers lever_effects chips models sites software networks plan_numbers constants "
        "countries organisations",
    ),
}  # fmt: skip


def read_toml_file(path: str | Path, kind: Kind, *, error: type[InputError] = InputError) -> dict[str, Any]:
    """The content of a file that should be of a kind.

    Raises:
        InputError: it cannot be read, or is of another kind; says which command reads that.
    """
    content = read_toml(path, f"{KINDS[kind].title} (TOML)", error=error)
    check_kind(content, path, kind, error=error)
    return content


def check_kind(content: Mapping[str, Any], where: object, kind: Kind, *, error: type[InputError] = InputError) -> None:
    """Refuse content with more names of another kind than of the one that is expected.

    >>> check_kind({"pp": 8}, "a.toml", "scenario")
    Traceback (most recent call last):
    liebig.errors.InputError: a.toml: is a plan (it holds pp), not a scenario; give it to: liebig plan train FILE
    """
    counts = {name: len(file.names & content.keys()) for name, file in KINDS.items()}
    likely = max(counts, key=lambda name: (counts[name], name == kind))
    if likely != kind and counts[likely] > counts[kind]:
        found = KINDS[likely]
        names = ", ".join([n for n in content if n in found.names][:3])
        raise error(
            f"{where}: is {found.title} (it holds {names}), not {KINDS[kind].title}; give it to: {found.command}"
        )
