"""Measure the machine this runs on: matrix products, attention, memory, launches, power (extra ``measure``: torch).

What comes out is a ``Chip`` that plans use, and a file that ``chip()`` reads again.
"""

from __future__ import annotations

import functools
import math
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liebig.catalog import constant
from liebig.cluster.chip import AttentionTable, Chip, MatmulTable
from liebig.errors import InputError, MissingExtraError
from liebig.files import toml_text

__all__ = ["Measurement", "Power", "measure_chip", "to_toml", "torch_module"]

Progress = Callable[[float], None]
#: Edges of the matrices that are multiplied, and tokens of the sequences that attend.
EDGES = {"cpu": (64, 256, 1024, 4096), "gpu": (64, 256, 1024, 4096, 16384)}
QUICK = {"cpu": (64, 256, 1024), "gpu": (64, 512, 4096)}
LENGTHS = {"cpu": (128, 512, 2048), "gpu": (256, 1024, 4096, 16384)}
PRECISIONS = {"cpu": ("fp32", "bf16"), "gpu": ("fp32", "tf32", "fp16", "bf16")}
HEADS, HEAD_DIM = 8, 64
RAPL = Path("/sys/class/powercap")


def torch_module() -> Any:
    """The module torch.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("measuring a chip", "measure") from None
    return torch


@dataclass(frozen=True)
class Power:
    """Watts of the chip at rest and while it multiplies, and where they were read; None where they cannot be read."""

    source: str
    idle_w: float | None = None
    busy_w: float | None = None
    limit_w: float | None = None

    def words(self) -> str:
        """In a line."""
        if self.busy_w is None:
            return "not readable"
        return f"{self.idle_w:.0f} W idle, {self.busy_w:.0f} W busy ({self.source})"


@dataclass(frozen=True)
class Measurement:
    """A measured chip and how it was measured."""

    chip: Chip
    device: str
    power: Power
    seconds: float
    torch_version: str
    threads: int

    def best(self) -> dict[str, float]:
        """Precision -> FLOP/s of the fastest shape."""
        return {
            p: max(v for plane in t.flop_per_s for row in plane for v in row)
            for p, t in self.chip.matmul_measured.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "chip": self.chip.model_dump(exclude_defaults=True),
            "device": self.device,
            "best_flop_per_s": self.best(),
            "power": {**vars(self.power), "words": self.power.words()},
            "seconds": self.seconds,
            "torch": self.torch_version,
            "threads": self.threads,
        }


def _devices(torch: Any) -> Iterator[str]:
    if torch.cuda.is_available():
        yield from (f"cuda:{i}" for i in range(torch.cuda.device_count()))
    yield "cpu"


def _device(torch: Any, name: str) -> str:
    known = list(_devices(torch))
    if name == "auto":
        return known[0]
    wanted = "cuda:0" if name in ("cuda", "gpu") else name
    if wanted not in known:
        raise InputError(f"device {name!r} is not there; this machine has {', '.join(known)}")
    return wanted


class _Clock:
    """Seconds of a piece of work on a device, the median of a few repetitions."""

    def __init__(self, torch: Any, device: str, budget_s: float) -> None:
        self.torch, self.device, self.budget_s = torch, device, budget_s
        self.gpu = device.startswith("cuda")

    def wait(self) -> None:
        if self.gpu:
            self.torch.cuda.synchronize(self.device)

    def __call__(self, work: Callable[[], Any]) -> float:
        work()
        self.wait()
        once = self._timed(work, 1)
        count = max(1, min(200, int(self.budget_s / 3.0 / max(once, 1e-7))))
        repeats = 3 if once * count < self.budget_s else 1
        return sorted(self._timed(work, count) for _ in range(repeats))[repeats // 2]

    def _timed(self, work: Callable[[], Any], count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            work()
        self.wait()
        return (time.perf_counter() - start) / count


def _dtype(torch: Any, precision: str) -> Any:
    names = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    return names[precision]


def _matmul(torch: Any, clock: _Clock, precision: str, edges: Sequence[int], tick: Callable[[], None]) -> MatmulTable:
    dtype = _dtype(torch, precision)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    planes = []
    for m in edges:
        plane = []
        for n in edges:
            row = []
            for k in edges:
                a = torch.randn(m, k, device=clock.device, dtype=dtype)
                b = torch.randn(n, k, device=clock.device, dtype=dtype)  # weights as linear layers keep them
                row.append(2.0 * m * n * k / clock(functools.partial(torch.nn.functional.linear, a, b)))
                tick()
            plane.append(tuple(row))
        planes.append(tuple(plane))
    sizes = tuple(edges)
    return MatmulTable(m=sizes, n=sizes, k=sizes, flop_per_s=tuple(planes))


def _attention(torch: Any, clock: _Clock, precision: str, lengths: Sequence[int], tick: Callable[[], None]) -> Any:
    dtype = _dtype(torch, precision)
    speeds = []
    for length in lengths:
        batch = max(1, 4096 // length)
        q = torch.randn(batch, HEADS, length, HEAD_DIM, device=clock.device, dtype=dtype)
        seconds = clock(functools.partial(torch.nn.functional.scaled_dot_product_attention, q, q, q, is_causal=True))
        speeds.append(2.0 * batch * HEADS * HEAD_DIM * length * (length + 1.0) / seconds)
        tick()
    return AttentionTable(lengths=tuple(lengths), flop_per_s=tuple(speeds))


def _bandwidth(torch: Any, clock: _Clock, memory: float) -> float:
    """Bytes per second of a copy far larger than any cache, read and written."""
    n = int(min(2**28 if clock.gpu else 2**26, memory / 64))
    a = torch.ones(n, device=clock.device, dtype=torch.float32)
    b = torch.empty_like(a)
    return 8.0 * n / clock(lambda: b.copy_(a))


def _elementwise(torch: Any, clock: _Clock, bandwidth: float) -> float:
    """Share of the bandwidth that norms, activations and sums of a layer reach, forward and backward together."""
    rows, width = (8192, 4096) if clock.gpu else (2048, 1024)
    norm = torch.nn.LayerNorm(width, device=clock.device)
    x = torch.randn(rows, width, device=clock.device, requires_grad=True)

    def work() -> None:
        y = torch.nn.functional.silu(norm(x)) + x
        y.sum().backward()

    # norm, activation and sum read and write 3 + 2 + 3 numbers in all, and more for their gradients
    moved = 4.0 * rows * width * 8.0 * (1.0 + constant("step.stream_backward"))
    return min(1.5, moved / clock(work) / bandwidth)


def _launch(torch: Any, clock: _Clock) -> float:
    """Seconds from one small kernel to the next."""
    x = torch.ones(16, device=clock.device)

    def work() -> None:
        for _ in range(100):
            x.add_(1.0)

    return clock(work) / 100.0


def _nvml(index: int) -> tuple[float, float] | None:
    """Watts now and the limit, from the driver's own tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = ["--query-gpu=power.draw,power.limit", "--format=csv,noheader,nounits", f"--id={index}"]
    try:
        done = subprocess.run([tool, *query], capture_output=True, text=True, timeout=10, check=True)
        draw, limit = (float(x) for x in done.stdout.strip().split(",")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return draw, limit


def _rapl() -> float | None:
    """Joules that the packages of the processor have used since some start."""
    total, found = 0.0, False
    for zone in sorted(RAPL.glob("intel-rapl:[0-9]*")):
        if zone.name.count(":") == 1:
            try:
                total += int((zone / "energy_uj").read_text()) / 1e6
            except (OSError, ValueError):
                return None
            found = True
    return total if found else None


def _watts(device: str, seconds: float, work: Callable[[], Any] | None, wait: Callable[[], None]) -> float | None:
    """Mean watts over some seconds of work, or of rest."""
    index = int(device.partition(":")[2] or 0)
    gpu = device.startswith("cuda")
    before = None if gpu else _rapl()
    start, draws = time.perf_counter(), []
    while time.perf_counter() - start < seconds:
        if work is None:
            time.sleep(0.1)
        else:
            work()
            wait()
        if gpu:
            found = _nvml(index)
            if found is None:
                return None
            draws.append(found[0])
    took = time.perf_counter() - start
    if gpu:
        late = draws[len(draws) // 3 :]  # the tool averages over the last second
        return sum(late) / len(late) if late else None
    after = _rapl()
    if before is None or after is None or after < before:
        return None
    return (after - before) / took


def _power(torch: Any, clock: _Clock, seconds: float) -> Power:
    source = "NVML" if clock.gpu else "RAPL"
    idle = _watts(clock.device, 0.3 * seconds, None, clock.wait)
    if idle is None:
        return Power(source)
    edge = 8192 if clock.gpu else 2048
    a = torch.randn(edge, edge, device=clock.device, dtype=torch.bfloat16 if clock.gpu else torch.float32)
    busy = _watts(clock.device, seconds, lambda: a @ a, clock.wait)
    limit = _nvml(int(clock.device.partition(":")[2] or 0)) if clock.gpu else None
    return Power(source, idle, busy, None if limit is None else limit[1])


def _memory(torch: Any, device: str) -> float:
    if device.startswith("cuda"):
        return float(torch.cuda.get_device_properties(device).total_memory)
    import os

    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _name(torch: Any, device: str) -> str:
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine() or 'CPU'} ({torch.get_num_threads()} threads)"


def measure_chip(
    device: str = "auto", quick: bool = False, name: str = "", progress: Progress | None = None
) -> Measurement:
    """Measure a processor of this machine.

    Args:
        device: "cpu", "cuda", "cuda:1", or "auto" for the first GPU, or the processor where there is none.
        quick: fewer and smaller shapes, in seconds; larger ones are then thought to run like the largest.
        name: of the chip; what the machine calls it when left out.
        progress: called with the share that is done.

    Raises:
        MissingExtraError: torch is not installed.
        InputError: the machine has no such device.
    """
    torch = torch_module()
    device = _device(torch, device)
    kind = "gpu" if device.startswith("cuda") else "cpu"
    edges = (QUICK if quick else EDGES)[kind]
    lengths, precisions = LENGTHS[kind], PRECISIONS[kind]
    all_ticks = len(precisions) * (len(edges) ** 3 + len(lengths)) + 4
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done / all_ticks, 1.0))

    start = time.perf_counter()
    clock = _Clock(torch, device, 0.02 if quick else 0.1)
    tf32 = torch.backends.cuda.matmul.allow_tf32
    with torch.no_grad():
        tables = {p: _matmul(torch, clock, p, edges, tick) for p in precisions}
        attention = {p: _attention(torch, clock, p, lengths, tick) for p in precisions if p != "tf32"}
    torch.backends.cuda.matmul.allow_tf32 = tf32
    memory = _memory(torch, device)
    bandwidth = _bandwidth(torch, clock, memory)
    tick()
    level = _elementwise(torch, clock, bandwidth)
    tick()
    launch = _launch(torch, clock)
    tick()
    power = _power(torch, clock, 1.0 if quick else 4.0)
    tick()
    best = {p: max(v for plane in t.flop_per_s for row in plane for v in row) for p, t in tables.items()}
    measured = Chip(
        name=name or _name(torch, device), vendor="CPU" if kind == "cpu" else "", peak_bf16=best["bf16"],
        peak_fp16=best.get("fp16"), peak_fp32=best["fp32"], peak_tf32=best.get("tf32"), memory_bytes=memory,
        memory_bandwidth=bandwidth, memory_level=level, launch_s=launch, matmul_measured=tables,
        attention_measured=attention, chips_per_node=1,
        tdp_w=power.limit_w or power.busy_w,
    )  # fmt: skip
    return Measurement(
        measured, device, power, time.perf_counter() - start, str(torch.__version__), int(torch.get_num_threads())
    )


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "0.0"
    return str(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return toml_text(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return _number(value)


def to_toml(chip: Chip, comments: Sequence[str] = ()) -> str:
    """A chip as a file that ``chip()`` reads.

    >>> from liebig.cluster import chip
    >>> print(to_toml(chip("H100-SXM")).splitlines()[0])
    name = "H100-SXM"
    """
    lines = [f"# {c}" for c in comments]
    tables: list[str] = []
    for key, value in chip.model_dump(exclude_defaults=True).items():
        if isinstance(value, dict):
            for name, content in value.items():
                if isinstance(content, dict):
                    tables.append(f"\n[{key}.{name}]")
                    tables += [f"{k} = {_value(v)}" for k, v in content.items()]
                else:
                    tables += [f"\n[{key}]"] if name == next(iter(value)) else []
                    tables.append(f"{name} = {_value(content)}")
        elif value is not None:
            lines.append(f"{key} = {_value(value)}")
    return "\n".join([*lines, *tables]) + "\n"
