"""Time of a step by part and memory of a chip by use, of many kinds of layouts with the shipped calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from golden.parts import of_fields
from liebig.cluster import chip
from liebig.cluster.fabric import fabric_of
from liebig.step.calibration import builtin_calibration
from liebig.step.layout import INSIDE, RECOMPUTE, Layouts
from liebig.step.memory import by_stage, memory
from liebig.step.parts import parts
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.search import constants_of
from liebig.step.software import software
from liebig.step.time import assemble
from liebig.transformer import architecture

__all__ = ["memories", "steps"]

#: What ``layouts.txt`` calls the sizes of a layout.
_SIZES = {
    "tp": "tp", "pp": "pp", "vpp": "vpp", "dp": "dp", "cp": "cp", "ep": "ep", "etp": "etp", "micro": "micro_batch",
    "n": "n_micro", "zero": "zero", "shard": "shard", "seqpar": "sequence_parallel", "regather": "regather",
    "offload": "offload", "overlap_tp": "overlap_tp", "overlap_dp": "overlap_dp", "split": "split_sends",
}  # fmt: skip
_NETWORK = {"topo": "outer_kind", "taper": "taper", "domain": "domain"}
#: Gradients and optimizer states of LoRA over those of the whole model.
_LORA_TRAINED = 0.02


def _specifications() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Name, machine and sizes of each layout of the file."""
    for line in (Path(__file__).parent / "layouts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            words = line.split()
            name = " ".join(words).replace(" ", "/", 1)
            yield name, words[:5], dict(w.split("=") for w in words[5:])


def _layout(sizes: dict[str, str]) -> Layouts:
    given: dict[str, float] = {_SIZES[k]: float(v) for k, v in sizes.items() if k in _SIZES}
    again = sizes.get("recompute", "none")
    given["recompute"] = RECOMPUTE.index(again) if again in RECOMPUTE else 1.0 + float(again)
    given["schedule"] = SCHEDULE_NAMES.index(sizes.get("schedule", "1f1b"))
    if "place" in sizes:
        given["place"] = 8 + sum(INSIDE[group] for group in sizes["place"].split("+") if group != "none")
    return Layouts.of(**given)


def steps() -> dict[str, Any]:
    """Seconds of the parts of a step that take any, and of the whole step."""
    out: dict[str, Any] = {}
    calibration = builtin_calibration()
    for name, (model, machine, profile, precision, length), sizes in _specifications():
        hardware, framework, lay = chip(machine), software(profile), _layout(sizes)
        changes: dict[str, object] = {_NETWORK[k]: v for k, v in sizes.items() if k in _NETWORK}
        if "taper" in sizes:
            changes["taper_above"] = 256
        fabric = fabric_of(hardware, float(sizes["net"]) * 1e9 / 8 if "net" in sizes else None, **changes)
        constants, shift = constants_of(calibration, hardware, framework, precision)
        frozen = float("lora" not in sizes)
        shape = architecture(model).shape
        pieces = parts(hardware, fabric, framework, precision, shape, lay, float(length), frozen)
        found = assemble(pieces, constants)
        out |= of_fields(name, found)
        out[f"{name}/step"] = float(found.total) * math.exp(shift)
    return out


def memories() -> dict[str, Any]:
    """Bytes on the fullest chip by use, and of the first and the last stage of a pipeline."""
    out: dict[str, Any] = {}
    for name, (model, _, profile, precision, length), sizes in _specifications():
        lay, framework, shape = _layout(sizes), software(profile), architecture(model).shape
        trained = _LORA_TRAINED if "lora" in sizes else 1.0
        need = memory(shape, lay, float(length), framework, precision, trained)
        out |= of_fields(name, need)
        out[f"{name}/total"] = float(need.total)
        stages = by_stage(shape, lay, float(length), framework, precision, trained)
        if len(stages) > 1:
            out |= {
                f"{name}/{k}-stage": sum(v for n, v in stages[i].items() if n != "stage")
                for k, i in (("first", 0), ("last", -1))
            }
    return out
