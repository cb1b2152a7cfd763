"""Facts: digests of every table, chips, models and places as plans see them, distributions of every parameter."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from golden.parts import levels
from liebig.catalog import TABLES, load_catalog
from liebig.cluster import Chip, chip, chip_names, gemm_time
from liebig.cluster.attention import attention_efficiency
from liebig.cluster.collectives import collective_time
from liebig.cluster.fabric import fabric_of
from liebig.cluster.kernels import stream_time
from liebig.cluster.throttling import throttling
from liebig.forecast.inputs import make_input
from liebig.forecast.world import build_world
from liebig.site import chip_power_w, footprint, rental_usd_per_chip_hour, server_power_w, site, site_names
from liebig.transformer import architecture, architecture_names, flops_per_token
from liebig.uncertainty import quantile

__all__ = ["facts", "machines"]

#: Activities of a step whose power is recorded: half products, the rest memory and waiting.
_BUSY = {"matmul": 0.5, "memory": 0.2, "tensor": 0.2, "lost": 0.1}


def facts() -> dict[str, Any]:
    """Digests of tables, and the distributions that forecasts draw from."""
    out: dict[str, Any] = {}
    catalog = load_catalog()
    for table in TABLES:
        rows = catalog.table(table)
        out[f"table {table}/all/rows"] = len(rows)
        for column in type(rows[0]).model_fields:
            cells = [getattr(row, column) for row in rows]
            values = [v for v in cells if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
            if values:
                name = f"table {table}/{column}"
                out |= {f"{name}/numbers": len(values), f"{name}/sum": math.fsum(values)}
    for name in catalog.sets:
        world = build_world(make_input(facts=name), catalog)
        for parameter, marginal in world.joint.marginals.items():
            head = f"parameter {name}/{parameter}"
            out |= levels(head, quantile(marginal, np.array([0.1, 0.5, 0.9])).tolist())
            out[f"{head}/at-year"] = world.at_year.get(parameter)
    return out


def machines() -> dict[str, Any]:
    """Every chip with times of its kernels and collectives, power and rent; models; places."""
    out: dict[str, Any] = {}
    for name in chip_names():
        out |= {f"chip/{name}/{k}": v for k, v in _of_chip(chip(name)).items()}
    for name in architecture_names():
        shape, model = architecture(name).shape, architecture(name)
        out |= {f"model/{name}/parameters": model.parameters, f"model/{name}/active": model.active_parameters}
        out[f"model/{name}/flop-per-token-4096"] = float(flops_per_token(shape, 4096))
    for name in site_names():
        used = footprint(3.6e9, site(name))
        out |= {f"site/{name}/kgco2e-per-mwh": used.gco2e / 1e3, f"site/{name}/l-per-mwh": used.water_l}
        out |= {f"site/{name}/pue": site(name).pue, f"site/{name}/usd-per-kwh": site(name).price_usd_per_kwh}
    return out


def _of_chip(hardware: Chip) -> dict[str, Any]:
    fabric = fabric_of(hardware)
    out: dict[str, Any] = {f"peak-{p}": hardware.peak(p) for p in ("bf16", "fp16", "fp32", "fp8")}
    out |= {"memory": hardware.memory_bytes, "stream-gb-s": float(stream_time(hardware, 1e9))}
    for precision, size in (("bf16", 8192), ("bf16", 512), ("fp8", 8192)):
        out[f"product-{precision}-{size}-s"] = float(gemm_time(hardware, precision, size, size, size))
    out |= {f"attention-{d}": float(attention_efficiency(hardware, d, 8192)) for d in (64, 128)}
    for operation in ("all-reduce", "all-gather", "all-to-all"):
        for ranks in (8, 64):
            inside = min(ranks, fabric.domain)
            seconds = collective_time(hardware, fabric, operation, 256e6, ranks, inside)
            out[f"{operation}-{ranks}-s"] = float(seconds)
    out["throttling"] = throttling(hardware)
    watts = float(chip_power_w(hardware, _BUSY))
    out |= {"power-w": watts, "server-w": float(server_power_w(hardware, watts))}
    return out | {"rent-usd-per-hour": rental_usd_per_chip_hour(hardware, "2026-06").p50}
