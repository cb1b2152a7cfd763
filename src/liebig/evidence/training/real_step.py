"""Run training steps of a small transformer for real, to hold a prediction against what this machine does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from liebig.cluster.chip import Chip
from liebig.cluster.measure import torch_module
from liebig.errors import InputError
from liebig.plan.inputs import TrainingInput, make_training_input
from liebig.plan.train import plan_training
from liebig.transformer.architecture import Architecture, architecture_from_fields
from liebig.uncertainty import Interval

__all__ = ["RealStep", "check_step", "planned_input", "run_steps", "small_model"]


def small_model(hidden: int = 512, layers: int = 4, vocab: int = 8192) -> Architecture:
    """A dense transformer that a processor trains in about a second per step.

    >>> round(small_model().parameters / 1e6)
    25
    """
    return architecture_from_fields(
        {
            "name": f"small-{layers}x{hidden}", "n_layers": layers, "hidden": hidden, "n_heads": hidden // 64,
            "head_dim": 64, "n_kv_heads": hidden // 64, "ffn": 4 * hidden, "gated_mlp": True, "vocab": vocab,
        }
    )  # fmt: skip


@dataclass(frozen=True)
class RealStep:
    """Seconds of a step, measured and predicted with p10, p50 and p90."""

    model: str
    precision: str
    batch: int
    seq_len: int
    measured_s: float
    predicted: Interval

    @property
    def inside(self) -> bool:
        """True when the measured step lies in the 80 % interval."""
        return self.predicted.holds(self.measured_s)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        numbers = {k: v for k, v in vars(self).items() if k != "predicted"} | self.predicted.to_dict()
        return {**numbers, "inside": self.inside, "error": self.predicted.p50 / self.measured_s - 1.0}


def _layers(torch: Any, model: Architecture, device: str) -> Any:
    """The transformer as modules; causal attention by the fused kernel, gated MLP, norms before each part."""
    nn, functional = torch.nn, torch.nn.functional
    wide = model.n_heads * model.head_dim
    narrow = model.n_kv_heads * model.head_dim

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.RMSNorm(model.hidden), nn.RMSNorm(model.hidden)
            self.qkv = nn.Linear(model.hidden, wide + 2 * narrow, bias=False)
            self.out = nn.Linear(wide, model.hidden, bias=False)
            self.up = nn.Linear(model.hidden, (1 + model.gated_mlp) * model.ffn, bias=False)
            self.down = nn.Linear(model.ffn, model.hidden, bias=False)

        def forward(self, x: Any) -> Any:
            """Attention and MLP, each behind a norm and added to what came in; ``(batch, length, hidden)``."""
            batch, length, _ = x.shape
            q, k, v = self.qkv(self.first(x)).split((wide, narrow, narrow), dim=-1)
            shaped = [t.view(batch, length, -1, model.head_dim).transpose(1, 2) for t in (q, k, v)]
            seen = functional.scaled_dot_product_attention(
                *shaped, is_causal=True, enable_gqa=model.n_kv_heads != model.n_heads
            )
            x = x + self.out(seen.transpose(1, 2).reshape(batch, length, wide))
            inner = self.up(self.second(x))
            if model.gated_mlp:
                gate, value = inner.chunk(2, dim=-1)
                inner = functional.silu(gate) * value
            else:
                inner = functional.gelu(inner)
            return x + self.down(inner)

    class Transformer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(model.vocab, model.hidden)
            self.layers = nn.ModuleList(Layer() for _ in range(model.n_layers))
            self.norm = nn.RMSNorm(model.hidden)
            self.head = nn.Linear(model.hidden, model.vocab, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.embedding(tokens)
            for layer in self.layers:
                x = layer(x)
            return self.head(self.norm(x))

    return Transformer().to(device)


def run_steps(
    model: Architecture,
    batch: int,
    seq_len: int,
    precision: str = "fp32",
    device: str = "cpu",
    steps: int = 5,
) -> float:
    """Train a few steps on random tokens and return the median seconds of one.

    Args:
        model: dense, with multi-head or grouped-query attention.
        batch: sequences of a step, in one micro-batch.
        seq_len: tokens of a sequence.
        precision: "fp32" (or "tf32" on a GPU), or "bf16" and "fp16" under autocast.
        device: where.
        steps: that are timed, after one that is not.

    Raises:
        MissingExtraError: torch is not installed.
        InputError: a kind of model or a precision that this does not run.
    """
    torch = torch_module()
    if model.is_moe or model.mla:
        raise InputError(f"{model.name}: only dense models with plain or grouped attention are run")
    if precision not in ("fp32", "tf32", "bf16", "fp16"):
        raise InputError(f"precision {precision!r}: a real step runs in fp32, tf32, bf16 or fp16")
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    network = _layers(torch, model, device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    tokens = torch.randint(0, model.vocab, (batch, seq_len + 1), device=device)
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision)
    gpu = device.startswith("cuda")

    def step() -> None:
        with torch.autocast("cuda" if gpu else "cpu", dtype=low, enabled=low is not None):
            logits = network(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.float().view(-1, model.vocab), tokens[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    times = []
    for i in range(steps + 1):
        start = time.perf_counter()
        step()
        if gpu:
            torch.cuda.synchronize(device)
        if i:
            times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def planned_input(chip: Chip, model: Architecture, batch: int, seq_len: int, precision: str) -> TrainingInput:
    """The plan of the same step on one chip."""
    fields = {k: v for k, v in model.model_dump().items() if v is not None}
    machine = chip.model_dump(exclude_defaults=True)
    return make_training_input(
        model=fields, chip=machine, chips=1, batch=batch, micro_batch=batch, seq_len=seq_len, precision=precision,
        software="fsdp", tp=1, pp=1, recompute="none", zero=1, tokens=float(batch * seq_len),
    )  # fmt: skip


def check_step(
    chip: Chip,
    device: str = "cpu",
    model: Architecture | None = None,
    batch: int = 8,
    seq_len: int = 256,
    precision: str = "fp32",
) -> RealStep:
    """Run a step for real and predict it from the measured chip alone.

    Args:
        chip: measured with ``measure_chip``.
        device: where it was measured.
        model: default ``small_model()``.
        batch: sequences.
        seq_len: tokens of a sequence.
        precision: as for ``run_steps``.
    """
    model = model or small_model()
    plan = plan_training(planned_input(chip, model, batch, seq_len, precision))
    measured = run_steps(model, batch, seq_len, precision, device)
    return RealStep(model.name, precision, batch, seq_len, measured, plan.step_s)
