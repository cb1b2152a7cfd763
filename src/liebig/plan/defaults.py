"""What training runs usually choose where nothing is said."""

from __future__ import annotations

import math

__all__ = ["usual_batch_tokens"]

#: Tokens of a batch at 70 billion parameters: Llama 2 and 3, GPT-3 and MT-NLG used 2 to 16 million.
BATCH_AT_70B = 4.2e6


def usual_batch_tokens(active_parameters: float) -> float:
    """Tokens of a batch near those of published runs, growing as the root of the size.

    >>> round(usual_batch_tokens(7e9) / 1e6, 1)
    1.3
    """
    return BATCH_AT_70B * math.sqrt(active_parameters / 70e9)
