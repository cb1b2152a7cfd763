"""Layouts: how a model and its batch are spread over chips; arrays, so that many are weighed at once."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["INSIDE", "RECOMPUTE", "Layouts"]

Array = NDArray[np.float64]
#: What of a layer's activations is computed again in the backward pass.
RECOMPUTE = ("none", "selective", "full")
#: Bits of ``place``: groups that lie inside a scale-up domain.
INSIDE = {"tp": 1, "pp": 2, "dp": 4}


@dataclass(frozen=True)
class Layouts:
    """Parallel sizes of ``n`` layouts; each field an array of shape ``(n,)``, or shapes that broadcast.

    ``shard`` is the number of chips that one copy of weights, gradients or optimizer states is
    spread over (the data-parallel group unless hybrid sharding keeps it smaller); ``zero`` says what is
    spread: 0 nothing, 1 optimizer states, 2 and gradients, 3 and weights (FSDP).  ``schedule`` is an index of
    ``pipeline.SCHEDULES``.
    ``recompute`` is an index of ``RECOMPUTE`` and may be fractional: the share of layers that is
    computed again in full is ``recompute − 1`` above 1.  ``regather`` is 1 where sequence parallelism keeps
    its pieces and gathers them again in the backward pass.  ``overlap_tp`` and ``overlap_dp`` are shares of
    traffic that hides behind computation, ``split_sends`` is 1 where tensor ranks each send their part to the
    next stage; −1 for what the software does.  ``place`` is 0 where tensor ranks
    are neighbours, then context and data ranks, then stages; else 8 plus the bits of ``INSIDE``.
    """

    tp: Array
    pp: Array
    dp: Array
    micro_batch: Array
    n_micro: Array
    vpp: Array
    cp: Array
    ep: Array
    etp: Array
    zero: Array
    shard: Array
    recompute: Array
    sequence_parallel: Array
    regather: Array
    schedule: Array
    offload: Array
    overlap_tp: Array
    overlap_dp: Array
    split_sends: Array
    place: Array

    @classmethod
    def of(cls, **given: Any) -> Layouts:
        """Layouts from the sizes that matter; the rest are what one would expect.

        >>> float(Layouts.of(tp=8, pp=2, dp=4, n_micro=16).shard)
        4.0
        """
        values: dict[str, Any] = {
            "tp": 1, "pp": 1, "dp": 1, "micro_batch": 1, "n_micro": 1, "vpp": 1, "cp": 1, "ep": 1, "etp": None,
            "zero": 1, "shard": None, "recompute": 0, "sequence_parallel": None, "regather": 1, "schedule": 0,
            "offload": 0, "overlap_tp": -1, "overlap_dp": -1, "split_sends": -1, "place": 0,
        }  # fmt: skip
        values.update(given)
        sizes = {k: np.asarray(v, dtype=np.float64) for k, v in values.items() if v is not None}
        sizes.setdefault("etp", np.where(sizes["ep"] > 1, 1.0, sizes["tp"]))
        sizes.setdefault("shard", sizes["dp"] * sizes["cp"])
        sizes.setdefault("sequence_parallel", np.where(sizes["tp"] > 1, 1.0, 0.0))
        return cls(**sizes)

    @property
    def chips(self) -> Array:
        """Chips that a layout uses."""
        return self.tp * self.pp * self.dp * self.cp

    @property
    def gathers_by_layer(self) -> NDArray[np.bool_]:
        """True where weights are gathered layer by layer and dropped again (FSDP without a pipeline).

        With a pipeline a stage keeps what it has gathered until the step ends, as gathering for each micro-batch would
        send the weights as often as there are micro-batches (Llama 3, arXiv:2407.21783, section 3.3; torchtitan's
        default): gradients are added up whole and scattered once.
        """
        return np.asarray((self.zero >= 3) & (self.pp <= 1))

    @property
    def batch(self) -> Array:
        """Sequences of one step."""
        return self.dp * self.micro_batch * self.n_micro

    @property
    def side(self) -> Array:
        """Ranks along one side of the square that cuts weights in two dimensions, beyond 16 tensor ranks; else 1."""
        return np.where(self.tp > 16, np.sqrt(self.tp), 1.0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that the fields broadcast to."""
        return np.broadcast_shapes(*(np.shape(getattr(self, f.name)) for f in fields(self)))

    @property
    def size(self) -> int:
        """How many layouts there are."""
        return int(np.prod(self.shape, dtype=np.int64))

    def take(self, index: Any) -> Layouts:
        """The layouts at the given places of the broadcast shape."""
        shape = self.shape or (1,)
        return Layouts(*(np.broadcast_to(getattr(self, f.name), shape)[index] for f in fields(self)))

    def but(self, **changes: Any) -> Layouts:
        """The same layouts with some sizes changed."""
        return replace(self, **{k: np.asarray(v, dtype=np.float64) for k, v in changes.items()})

    @staticmethod
    def join(many: list[Layouts]) -> Layouts:
        """One after the other; each of shape ``(n,)`` or a number."""
        return Layouts(
            *(
                np.concatenate([np.broadcast_to(getattr(m, f.name), m.shape or (1,)) for m in many])
                for f in fields(Layouts)
            )
        )
