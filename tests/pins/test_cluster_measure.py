"""Measuring a chip, on a machine that is made up: its clock is moved by the work, so that every speed is known.

It multiplies 1e12 FLOP a second, attends at 2e11, copies 1e11 B/s and launches a kernel in 1 µs; it draws 20 W idle
and 120 W at work.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from liebig.cluster import measure
from liebig.cluster.chip import AttentionTable, Chip, chip
from liebig.cluster.measure import Measurement, Power, measure_chip, to_toml
from liebig.errors import InputError
from pins.plain import CHIP

FLOP_PER_S, ATTENTION, BYTES_PER_S, LAUNCH_S = 1e12, 2e11, 1e11, 1e-6


class Machine:
    """A clock and a meter of energy that only work moves, and what of torch the measurement uses."""

    def __init__(self, gpus: int = 0) -> None:
        self.now, self.joules, self.gpus = 1000.0, 0.0, gpus
        self.meter: Path | None = None
        self.waits = 0
        self.shapes: list[tuple[int, ...]] = []
        self.float32, self.float16, self.bfloat16 = "float32", "float16", "bfloat16"
        self.__version__ = "9.9"
        self.no_grad = contextlib.nullcontext
        self.nn = SimpleNamespace(
            LayerNorm=lambda width, device: lambda x: x,
            functional=SimpleNamespace(
                linear=self.linear, scaled_dot_product_attention=self.attend, silu=lambda x: x
            ),
        )  # fmt: skip
        self.backends = SimpleNamespace(cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32="as it was")))
        self.cuda = SimpleNamespace(
            is_available=lambda: gpus > 0, device_count=lambda: gpus, synchronize=self.synchronize,
            get_device_properties=lambda device: SimpleNamespace(total_memory=64e9),
            get_device_name=lambda device: f"made-up {device}",
        )  # fmt: skip
        self.get_num_threads = lambda: 3

    def work(self, seconds: float) -> None:
        self.now += seconds

    def draw(self, seconds: float, watts: float) -> None:
        self.work(seconds)
        self.joules += watts * seconds
        if self.meter is not None:
            self.meter.write_text(str(round(self.joules * 1e6)))

    def synchronize(self, device: str) -> None:
        self.waits += 1

    # what the measurement calls

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.draw(seconds, 20.0)

    def randn(self, *shape: int, device: str, dtype: str = "", requires_grad: bool = False) -> Tensor:
        return Tensor(self, shape, dtype)

    def ones(self, *shape: int, device: str, dtype: str = "") -> Tensor:
        return Tensor(self, shape, dtype)

    def empty_like(self, other: Tensor) -> Tensor:
        return Tensor(self, other.shape, other.dtype)

    def linear(self, a: Tensor, b: Tensor) -> None:
        (m, k), (n, _) = a.shape, b.shape
        tf32 = self.backends.cuda.matmul.allow_tf32 is True
        half = 0.5 if a.dtype == "float32" and not tf32 else 1.0  # single precision at half the speed
        self.work(2.0 * m * n * k / (half * FLOP_PER_S))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, is_causal: bool) -> None:
        batch, heads, length, width = q.shape
        assert is_causal
        self.shapes.append(q.shape)
        # half of the square and its diagonal, scores and values, two operations each
        self.work(batch * heads * (length * (length + 1) / 2) * width * 4 / ATTENTION)


class Tensor:
    def __init__(self, machine: Machine, shape: tuple[int, ...], dtype: str) -> None:
        self.machine, self.shape, self.dtype = machine, shape, dtype

    def copy_(self, other: Tensor) -> None:
        self.machine.work(8.0 * self.shape[0] / BYTES_PER_S)

    def add_(self, value: float) -> None:
        self.machine.work(LAUNCH_S)

    def __add__(self, other: Tensor) -> Tensor:
        return self

    def __matmul__(self, other: Tensor) -> None:
        self.machine.draw(0.01, 120.0)

    def sum(self) -> Tensor:
        return self

    def backward(self) -> None:
        """A norm, an activation and a sum and their gradients at 60 % of the bandwidth: 2.8·8 numbers of 4 bytes."""
        rows, width = self.shape
        self.machine.work(4.0 * rows * width * 2.8 * 8 / (0.6 * BYTES_PER_S))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    found = Machine()
    _install(found, monkeypatch, tmp_path)
    return found


def _install(found: Machine, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(measure, "torch_module", lambda: found)
    monkeypatch.setattr(measure, "time", found)
    monkeypatch.setattr(measure, "RAPL", folder)
    monkeypatch.setattr(measure.shutil, "which", lambda name: None)


def _zone(folder: Path, name: str, text: str) -> Path:
    zone = folder / name
    zone.mkdir()
    (zone / "energy_uj").write_text(text)
    return zone / "energy_uj"


def test_a_processor_is_measured(machine: Machine, tmp_path: Path) -> None:
    machine.meter = _zone(tmp_path, "intel-rapl:0", "0")
    _zone(tmp_path, "intel-rapl:0:0", "999")  # a part of the package
    told: list[float] = []
    found = measure_chip("cpu", quick=True, name="made up", progress=told.append)
    c = found.chip
    assert (c.name, c.vendor, found.device, found.torch_version, found.threads) == ("made up", "CPU", "cpu", "9.9", 3)
    assert found.best() == pytest.approx({"fp32": 5e11, "bf16": 1e12})
    assert (c.peak_bf16, c.peak_fp32) == pytest.approx((1e12, 5e11))
    assert c.peak_fp16 is c.peak_tf32 is None
    for precision, speed in (("fp32", 5e11), ("bf16", 1e12)):
        table = c.matmul_measured[precision]
        assert table.m == table.n == table.k == (64, 256, 1024)
        assert all(v == pytest.approx(speed) for plane in table.flop_per_s for row in plane for v in row)
        assert c.attention_measured[precision].lengths == (128, 512, 2048)
        assert c.attention_measured[precision].flop_per_s == pytest.approx([ATTENTION] * 3)
    assert set(machine.shapes) == {(32, 8, 128, 64), (8, 8, 512, 64), (2, 8, 2048, 64)}  # 4,096 tokens each
    assert c.memory_bandwidth == pytest.approx(BYTES_PER_S)
    assert c.memory_level == pytest.approx(0.6)
    assert c.launch_s == pytest.approx(LAUNCH_S)
    assert (found.power.source, found.power.limit_w) == ("RAPL", None)
    assert (found.power.idle_w, found.power.busy_w, c.tdp_w) == pytest.approx((20, 120, 120))
    assert c.chips_per_node == 1
    assert found.seconds == pytest.approx(machine.now - 1000.0)
    assert machine.backends.cuda.matmul.allow_tf32 == "as it was"
    # 2·(27 products and 3 sequences) and four other steps
    assert told == pytest.approx([(i + 1) / 64 for i in range(64)])


def test_a_gpu_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four precisions; TF32 has no attention of its own. Watts come from the driver's tool, of the card asked for."""
    found = Machine(gpus=2)
    _install(found, monkeypatch, tmp_path)
    asked: list[list[str]] = []

    def tool(command: list[str], **options: Any) -> Any:
        assert options["text"]
        assert options["check"]
        asked.append(command)
        found.now += 0.05
        return SimpleNamespace(stdout=f" {100.0 + len(asked)}, 700.0\n")

    monkeypatch.setattr(measure.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(measure.subprocess, "run", tool)
    m = measure_chip("cuda:1", quick=True)
    assert (m.chip.name, m.chip.vendor, m.chip.memory_bytes) == ("made-up cuda:1", "", 64e9)
    assert {p: t.m for p, t in m.chip.matmul_measured.items()} == dict.fromkeys(
        ("fp32", "tf32", "fp16", "bf16"), (64, 512, 4096)
    )
    assert set(m.chip.attention_measured) == {"fp32", "fp16", "bf16"}
    assert (m.chip.peak_fp32, m.chip.peak_tf32, m.chip.peak_fp16) == pytest.approx((5e11, 1e12, 1e12))
    assert m.chip.attention_measured["bf16"].lengths == (256, 1024, 4096, 16_384)
    assert set(found.shapes) == {(16, 8, 256, 64), (4, 8, 1024, 64), (1, 8, 4096, 64), (1, 8, 16_384, 64)}
    assert m.chip.memory_bandwidth == pytest.approx(BYTES_PER_S)
    assert m.chip.memory_level == pytest.approx(0.6)
    assert all(c[-1] == "--id=1" for c in asked)
    assert (m.power.source, m.power.limit_w, m.chip.tdp_w) == ("NVML", 700.0, 700.0)
    assert m.power.idle_w is not None
    assert m.power.busy_w is not None
    assert 101 < m.power.idle_w < m.power.busy_w < 100 + len(asked)
    assert found.waits > 0
    assert found.backends.cuda.matmul.allow_tf32 == "as it was"


def test_what_is_copied_is_far_larger_than_caches(machine: Machine) -> None:
    """2^26 numbers of four bytes on a processor, 2^28 on a GPU, but no more than a sixteenth of the memory each."""
    made: list[int] = []
    machine.ones = lambda n, **options: made.append(n) or Tensor(machine, (n,), "")  # type: ignore
    for device, memory in (("cpu", 1e12), ("cuda:0", 1e12), ("cpu", 64_000.0)):
        clock = measure._Clock(machine, device, 0.02)
        assert measure._bandwidth(machine, clock, memory) == pytest.approx(BYTES_PER_S)
    assert made == [2**26, 2**28, 1000]


def test_what_element_wise_work_is_timed_on(machine: Machine) -> None:
    """A layer's activations: 2,048 by 1,024 numbers on a processor, 8,192 by 4,096 on a GPU; never above 1.5."""
    made: list[tuple[int, ...]] = []
    plain = machine.randn

    def randn(*shape: int, **options: Any) -> Tensor:
        made.append(shape)
        return plain(*shape, **options)

    machine.randn = randn  # type: ignore[method-assign]
    for device in ("cpu", "cuda:0"):
        clock = measure._Clock(machine, device, 0.02)
        assert measure._elementwise(machine, clock, BYTES_PER_S) == pytest.approx(0.6)
        assert measure._elementwise(machine, clock, 0.1 * BYTES_PER_S) == 1.5
    assert made == [(2048, 1024)] * 2 + [(8192, 4096)] * 2


def test_watts_of_a_card_are_those_of_the_last_two_thirds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tool averages over the last second: 1, 2, 3, 4, 5 and 6 W are 4.5 W of the last four."""
    found = Machine(gpus=1)
    _install(found, monkeypatch, tmp_path)
    draws = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    monkeypatch.setattr(measure.shutil, "which", lambda name: name)
    monkeypatch.setattr(
        measure.subprocess, "run", lambda *a, **k: SimpleNamespace(stdout=f"{next(draws)}, 9\n")
    )  # fmt: skip
    assert measure._watts("cuda", 0.55, None, lambda: None) == pytest.approx(4.5)


@pytest.mark.parametrize("error", [OSError(), subprocess.TimeoutExpired("x", 1), "no numbers, at all"])
def test_watts_that_cannot_be_read(error: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = Machine(gpus=1)
    _install(found, monkeypatch, tmp_path)

    def tool(*args: Any, **options: Any) -> Any:
        if isinstance(error, str):
            return SimpleNamespace(stdout=error)
        raise error

    monkeypatch.setattr(measure.shutil, "which", lambda name: name)
    monkeypatch.setattr(measure.subprocess, "run", tool)
    power = measure_chip("cuda", quick=True).power
    assert (power.source, power.idle_w, power.busy_w, power.limit_w) == ("NVML", None, None, None)
    assert power.words() == "not readable"


@pytest.mark.parametrize("text", ["x", "-5"])
def test_a_meter_of_a_processor_that_cannot_be_read(text: str, machine: Machine, tmp_path: Path) -> None:
    """No number, or fewer joules after than before, as where a counter starts anew: nothing is told."""
    meter = _zone(tmp_path, "intel-rapl:0", "5" if text == "-5" else text)
    if text == "-5":
        machine.sleep = lambda seconds: (machine.work(seconds), meter.write_text("1"))  # type: ignore[method-assign]
    power = measure_chip("cpu", quick=True).power
    assert (power.idle_w, power.busy_w) == (None, None)
    assert measure._rapl() is None or text == "-5"


def test_a_machine_without_a_meter(machine: Machine) -> None:
    m = measure_chip("auto", quick=True)
    assert (m.device, m.power.words(), m.chip.tdp_w) == ("cpu", "not readable", None)


def test_several_packages_add_up(machine: Machine, tmp_path: Path) -> None:
    for i, joules in enumerate((1e6, 2e6)):
        _zone(tmp_path, f"intel-rapl:{i}", f"{joules:.0f}")
    assert measure._rapl() == pytest.approx(3.0, rel=1e-12)


def test_slow_work_is_timed_once_and_quick_work_often(machine: Machine) -> None:
    """Of 0.3 s: work of 1/1024 s is done 102 times, three times over; of 1/4 s once each time, of 1/2 s once."""
    for seconds, calls in ((1 / 1024, 2 + 3 * 102), (0.25, 2 + 3), (0.5, 2 + 1), (1e-6, 2 + 3 * 200)):
        count = 0

        def work(s: float = seconds) -> None:
            nonlocal count
            count += 1
            machine.work(s)

        assert measure._Clock(machine, "cpu", 0.3)(work) == pytest.approx(seconds)
        assert count == calls


def test_the_median_of_three_timings(machine: Machine) -> None:
    """1 s to warm up and 1 s to size it up, then 3, 1 and 2 s: 2 s."""
    times = iter([1.0, 1.0, 3.0, 1.0, 2.0])
    assert measure._Clock(machine, "cpu", 2.5)(lambda: machine.work(next(times))) == pytest.approx(2.0)


def test_devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = Machine(gpus=2)
    _install(found, monkeypatch, tmp_path)
    assert [measure._device(found, n) for n in ("auto", "cuda", "gpu", "cuda:1", "cpu")] == [
        "cuda:0", "cuda:0", "cuda:0", "cuda:1", "cpu",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"has cuda:0, cuda:1, cpu$"):
        measure_chip("cuda:2")


def test_power_in_words() -> None:
    assert Power("RAPL", 1.4, 2.6).words() == "1 W idle, 3 W busy (RAPL)"
    assert Power("RAPL", 1.4).words() == "not readable"


def test_a_measurement_as_plain_values() -> None:
    found = Measurement(CHIP, "cpu", Power("RAPL", 1.0, 2.0, 3.0), 4.0, "2.9", 5).to_dict()
    assert found["chip"]["name"] == "plain"
    assert "family" not in found["chip"]
    assert found["best_flop_per_s"] == {"bf16": 1e12}
    assert found["power"] == {"source": "RAPL", "idle_w": 1.0, "busy_w": 2.0, "limit_w": 3.0,
                              "words": "1 W idle, 2 W busy (RAPL)"}  # fmt: skip
    assert (found["device"], found["seconds"], found["torch"], found["threads"]) == ("cpu", 4.0, "2.9", 5)


def test_a_chip_as_a_file() -> None:
    """Four digits, text quoted, tables after the numbers, levels under one head."""
    c = Chip(
        name='a "b"', peak_bf16=1.23456e12, memory_bytes=1e9, memory_bandwidth=2e9, chips_per_node=4, tdp_w=None,
        matmul_level={"bf16": 0.5, "fp8": 0.25},
        attention_measured={"bf16": AttentionTable(lengths=(128, 256), flop_per_s=(1e11, 2e11))},
    )  # fmt: skip
    assert to_toml(c, ["one", "two"]).splitlines() == [
        "# one", "# two", 'name = "a \\"b\\""', "peak_bf16 = 1.235e+12", "memory_bytes = 1e+09",
        "memory_bandwidth = 2e+09", "chips_per_node = 4", "", "[matmul_level]", "bf16 = 0.5", "fp8 = 0.25", "",
        "[attention_measured.bf16]", "lengths = [128, 256]", "flop_per_s = [1e+11, 2e+11]",
    ]  # fmt: skip
    assert to_toml(chip("H100-SXM")).endswith("\n")
