"""What training runs choose where nothing is said."""

from __future__ import annotations

import math

__all__ = ["default_batch", "default_batch_tokens"]

#: Tokens of a batch at 70 billion parameters: Llama 2 and 3, GPT-3 and MT-NLG used 2 to 16 million.
BATCH_AT_70B = 4.2e6


def default_batch_tokens(active_parameters: float) -> float:
    """Tokens of a batch near those of published runs, growing as the root of the size.

    >>> round(default_batch_tokens(7e9) / 1e6, 1)
    1.3
    """
    return BATCH_AT_70B * math.sqrt(active_parameters / 70e9)


def default_batch(active_parameters: float, seq_len: int, chips: int) -> int:
    """Sequences of a batch near those of published runs, rounded so that a large data-parallel size divides them.

    >>> default_batch(70e9, 8192, 1024), default_batch(70e9, 8192, 97_024)
    (512, 758)
    """
    want = max(default_batch_tokens(active_parameters) / seq_len, 1.0)
    parts = 1
    while chips % parts == 0 and parts < chips:
        unit = chips // parts
        near = unit * max(1, round(want / unit))
        if 0.75 < near / want < 1.5:
            return near
        parts *= 2
    share = math.gcd(chips, 2 ** max(0, round(math.log2(want))))
    return max(share * round(want / share), 1)
