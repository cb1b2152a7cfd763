"""Records of the mechanisms do not change once they are made: what is computed from one can be kept."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest
from pydantic import BaseModel

import liebig


@pytest.mark.parametrize("package", ["step", "transformer", "site", "uncertainty", "levers", "cluster", "limits"])
def test_records_are_frozen(package: str) -> None:
    """Dataclasses are frozen; models are too, and refuse fields that they do not have."""
    found = 0
    (folder,) = (f"{p}/{package}" for p in liebig.__path__)
    for module in pkgutil.iter_modules([folder], f"liebig.{package}."):
        for kind in vars(importlib.import_module(module.name)).values():
            if not isinstance(kind, type) or kind.__module__ != module.name:
                continue
            if dataclasses.is_dataclass(kind):
                assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]
                found += 1
            elif issubclass(kind, BaseModel):
                assert (kind.model_config.get("frozen"), kind.model_config.get("extra")) == (True, "forbid"), kind
                found += 1
    assert found > 0
