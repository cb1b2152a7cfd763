"""The embedding on the first stage of a pipeline, and the output head with the loss on the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.catalog import constant
from liebig.cluster.chip import Chip
from liebig.cluster.collectives import collective_time
from liebig.cluster.fabric import Fabric
from liebig.cluster.kernels import stream_time
from liebig.step.layer import WIDE, activation_width, products
from liebig.step.layout import Layouts
from liebig.step.software import Software
from liebig.transformer.shape import Shape

__all__ = ["HeadWork", "head_work"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HeadWork:
    """Seconds of one micro-batch, forward and backward together; ``ideal`` is the head at the peak."""

    embedding: Array
    matmul: Array
    loss: Array
    gather: Array
    ideal: Array


def head_work(
    chip: Chip,
    fabric: Fabric,
    s: Shape,
    lay: Layouts,
    length: Array | float,
    software: Software,
    weights: Array | float = 1.0,
    precision: str = "bf16",
) -> HeadWork:
    """Embedding, output head in bfloat16 (or wider), and the loss.

    The gradient of the embedding is as large as the embedding itself and is written, and added to
    what earlier micro-batches left, each time.

    Args:
        chip: the accelerator.
        fabric: where logits are gathered when the loss is not computed on shards of the vocabulary.
        s: models.
        lay: layouts.
        length: tokens of a sequence.
        software: bytes per logit of its loss, and whether the loss is sharded.
        weights: 0 where the embedding is frozen.
        precision: of the layers; the head is not narrower than bfloat16.
    """
    wide = precision if precision in WIDE else "bf16"
    tokens = lay.micro_batch * length / lay.cp
    spread = np.where(lay.sequence_parallel > 0, lay.tp, 1.0)
    columns = s.vocab / lay.tp
    head = products(chip, wide, tokens, columns, s.hidden, weights)
    logits = tokens * (columns if software.vocab_parallel else s.vocab)
    table = s.vocab * s.hidden / lay.tp
    embedding = (
        constant("step.embedding_passes") * activation_width(precision) * tokens * s.hidden / spread
        + weights * (2.0 + software.accumulate_bytes) * table
    )
    if software.vocab_parallel:
        gather = np.zeros_like(head.forward)
    else:
        gather = collective_time(chip, fabric, "all-gather", 2.0 * logits, lay.tp, np.minimum(lay.tp, fabric.domain))
    return HeadWork(
        stream_time(chip, embedding),
        head.forward + head.backward + head.weights,
        stream_time(chip, software.loss_bytes * logits),
        gather,
        (2.0 + weights) * 2.0 * tokens * columns * s.hidden / chip.peak(wide),
    )
