"""Plans of training runs: the whole run, search winners, what a budget buys, utilisation against size, sweeps."""

from __future__ import annotations

from typing import Any

from golden.parts import EXAMPLES, levels
from liebig.plan import (
    ScaleInput,
    TrainingPlan,
    find_budget,
    find_scale,
    find_sweep,
    find_walls,
    headroom_of,
    plan_training,
    read_plan,
    search_training,
    tasks_of,
)

__all__ = ["budgets", "runs", "scales", "searches"]

#: Runs whose time, money, energy, carbon, water and headroom are recorded.
RUNS: dict[str, dict[str, Any]] = {
    "llama-405b-as-published": {**read_plan(EXAMPLES / "plans" / "llama-405b.toml"), "tp": 8, "pp": 16, "cp": 1},
    "own-cluster": read_plan(EXAMPLES / "plans" / "own-cluster.toml"),
    "7b-spot-texas": {"model": "Llama2-7B", "chips": 64, "seq_len": 4096, "terms": "spot", "site": "us-texas"},
    "70b-fsdp-france": {
        "model": "Llama3.1-70B", "chips": 256, "software": "fsdp", "tp": 1, "pp": 1, "zero": 3, "site": "france",
        "terms": "1-year", "date": "2025-03", "tokens": 2e12,
    },
    "70b-owned-iceland": {"model": "Llama3.1-70B", "chips": 1024, "site": "iceland", "terms": "owned"},
    "70b-on-demand-india": {
        "model": "Llama3.1-70B", "chips": 512, "chip": "A100-SXM-80GB", "site": "india", "terms": "on-demand",
        "date": "2024", "failures_per_chip_day": 0.01,
    },
    "mixture-of-experts-fp8": {
        "model": "DeepSeek-V3-671B", "chips": 2048, "chip": "H800-SXM", "precision": "fp8", "seq_len": 4096, "tp": 1,
        "pp": 16, "ep": 64, "schedule": "dualpipe", "batch": 4096, "tokens": 14.8e12, "terms": "market",
        "date": "2026-01",
    },
    "gb200-closed-loop": {
        "model": "Llama3.1-405B", "chips": 2304, "chip": "GB200-NVL72", "precision": "fp8", "tp": 8, "pp": 6,
        "site": "closed-loop", "terms": "3-year",
    },
    "tpu-iowa": {"model": "70B", "chips": 1024, "chip": "TPU-v5p", "software": "maxtext-tpu", "site": "us-iowa"},
    "trainium-oregon-priced": {
        "model": "Llama3.1-8B", "chips": 256, "chip": "Trainium2", "software": "neuron", "site": "us-oregon",
        "usd_per_chip_hour": 1.5, "network_gbit": 200,
    },
}  # fmt: skip
#: Problems whose fastest layouts are recorded.
SEARCHES: dict[str, dict[str, Any]] = {
    "7b-64-h100": {"model": "Llama2-7B", "chips": 64, "batch": 256, "seq_len": 4096},
    "7b-8-a100-40gb": {"model": "Llama2-7B", "chips": 8, "chip": "A100-SXM-40GB", "batch": 64, "seq_len": 4096},
    "13b-128-v100": {
        "model": "GPT3-13B", "chips": 128, "chip": "V100-SXM-32GB", "precision": "fp16", "batch": 512, "seq_len": 2048,
        "software": "before-2023",
    },
    "70b-1024-h100": {"model": "Llama3.1-70B", "chips": 1024},
    "70b-96-h100": {"model": "Llama3.1-70B", "chips": 96, "batch": 480},
    "70b-512-h100-slow-network": {
        "model": "Llama3.1-70B", "chips": 512, "network_gbit": 50, "topology": "fat-tree", "taper": 0.5,
    },
    "70b-256-mi300x": {"model": "Llama3.1-70B", "chips": 256, "chip": "MI300X", "software": "primus"},
    "70b-512-tpu-v5e": {"model": "Llama3.1-70B", "chips": 512, "chip": "TPU-v5e", "software": "maxtext-tpu"},
    "70b-64k-tokens": {"model": "Llama3.1-70B", "chips": 512, "seq_len": 65536, "batch": 64},
    "70b-gpipe": {"model": "Llama3.1-70B", "chips": 128, "schedule": "gpipe", "batch": 256},
    "70b-zero-bubble-offload": {
        "model": "Llama3.1-70B", "chips": 128, "schedule": "zb-1p", "offload": True, "batch": 256,
    },
    "405b-4096-b200-fp8": {"model": "Llama3.1-405B", "chips": 4096, "chip": "B200-SXM", "precision": "fp8"},
    "mixtral-256-h100": {"model": "Mixtral-8x7B", "chips": 256, "batch": 1024, "seq_len": 4096},
    "qwen3-235b-256-gb200": {
        "model": "Qwen3-235B-A22B", "chips": 256, "chip": "GB200-NVL72", "batch": 1024, "seq_len": 4096, "tp": 1,
    },
}  # fmt: skip
BUDGETS: dict[str, dict[str, Any]] = {
    "5m-usd": {"usd": 5e6, "days": 60},
    "20-mw": {"power_w": 20e6, "days": 90, "site": "norway"},
    "2048-b200": {"chips": 2048, "chip": "B200-SXM", "days": 30, "precision": "fp8", "law": "hoffmann"},
}


def runs() -> dict[str, Any]:
    """The whole of each run."""
    out: dict[str, Any] = {}
    for name, options in RUNS.items():
        out |= _of_run(name, plan_training(**options))
    return out


def _of_run(name: str, plan: TrainingPlan) -> dict[str, Any]:
    run = plan.run
    amounts = {
        "step-s": plan.step_s, "days": run.days, "chip-hours": run.chip_hours, "chip-power-w": run.chip_power_w,
        "site-power-w": run.site_power_w, "energy-mwh": run.energy_mwh, "usd": run.usd,
        "usd-per-chip-hour": run.usd_per_chip_hour, "electricity-usd": run.electricity_usd, "tco2e": run.tco2e,
        "water-m3": run.water_m3, "goodput": plan.goodput.share,
    }  # fmt: skip
    out: dict[str, Any] = {f"{name}/layout/words": plan.layout_words(), f"{name}/price/note": run.price_note}
    for amount, values in amounts.items():
        out |= levels(f"{name}/{amount}", values)
    out |= {
        f"{name}/plan/batch": plan.batch, f"{name}/plan/tokens": plan.tokens, f"{name}/plan/flop": plan.training_flop,
        f"{name}/plan/mfu": plan.utilisation(), f"{name}/plan/hfu": plan.utilisation("hardware-full"),
        f"{name}/plan/memory-bytes": float(plan.memory.total),
        f"{name}/checkpoint/every-s": plan.goodput.interval_s, f"{name}/checkpoint/takes-s": plan.goodput.checkpoint_s,
        f"{name}/checkpoint/interruption-s": plan.goodput.mtti_s,
    }  # fmt: skip
    found = headroom_of(plan, samples=512)
    for limit, values in found.limits.items():
        out |= levels(f"{name}/headroom/{limit}", values)
    out |= levels(f"{name}/headroom/minimum", found.minimum)
    out |= {f"{name}/headroom/first/{k}": v for k, v in {"limit": found.first, "within": found.within}.items()}
    out |= {f"{name}/headroom/levers/{i}": lever for i, (lever, _) in enumerate(found.levers)}
    return out


def searches() -> dict[str, Any]:
    """The fastest three layouts of each problem, how many were weighed, and how much memory the leanest needs."""
    out: dict[str, Any] = {}
    for name, options in SEARCHES.items():
        result = search_training(keep=3, **options)
        found = result.found
        out |= {f"{name}/layouts/considered": found.considered, f"{name}/layouts/feasible": found.feasible}
        out[f"{name}/layouts/leanest-gb"] = found.least_memory_bytes / 1e9
        for i, row in enumerate(result.rows()[:3]):
            out[f"{name}/{i}/layout"] = result.plan(i).layout_words()
            out |= {f"{name}/{i}/step-s": row["step_s"], f"{name}/{i}/mfu": row["mfu"]}
            out[f"{name}/{i}/memory-gb"] = row["memory_bytes"] / 1e9
    return out


def budgets() -> dict[str, Any]:
    """What money, power, chips and time buy; utilisation against size; a sweep."""
    out: dict[str, Any] = {}
    for name, given in BUDGETS.items():
        found = find_budget(**given)
        head = f"budget/{name}"
        out |= levels(f"{head}/tokens", found.tokens) | levels(f"{head}/loss", found.loss)
        out |= {f"{head}/buys/parameters": found.parameters, f"{head}/buys/chips": found.chips}
        out |= {f"{head}/buys/days": found.days, f"{head}/buys/usd": found.usd, f"{head}/buys/power-w": found.power_w}
        out |= {f"{head}/buys/binds": found.binds, f"{head}/buys/layout": found.plan.layout_words()}
    out |= _of_scale("h100", {})
    tasks = tasks_of(["Llama3.1-8B", "Llama2-13B"], ["H100-SXM", "MI300X"], [64, 256], ["us-average", "sweden"])
    for row in find_sweep(tasks, workers=1).rows():
        head = f"sweep/{row['model']} {row['chips']} {row['chip']} {row['site']}"
        out |= {f"{head}/{k}": row[k] for k in ("layout", "mfu", "days", "usd", "energy_mwh", "tco2e", "water_m3")}
    return out


def scales() -> dict[str, Any]:
    """Utilisation against size on other machines, and what moves the largest run that finishes in time."""
    out: dict[str, Any] = {}
    for wall in find_walls(ScaleInput()):
        out |= {f"wall/{wall.name}/knee": wall.knee_flop, f"wall/{wall.name}/end": wall.wall_flop}
    out |= _of_scale("gb200-fp8-30-days", {"chip": "GB200-NVL72", "precision": "fp8", "days": 30})
    return out | _of_scale("three-sites", {"sites": 3, "inner_steps": 100, "fit": "ratio"})


def _of_scale(name: str, given: dict[str, Any]) -> dict[str, Any]:
    found, head = find_scale(per_decade=1, **given), f"scale/{name}"
    out: dict[str, Any] = {f"{head}/wall/knee": found.wall.knee_flop, f"{head}/wall/end": found.wall.wall_flop}
    for row in found.rows:
        columns = ("parameters", "chips", "days", "utilisation", "tp", "pp", "dp")
        out |= {f"{head}/{row['flop']:.0e}/{column}": row.get(column) for column in columns}
    return out
