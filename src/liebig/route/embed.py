"""Where a text lies among others: static embeddings of tokens, averaged.

The table of 32,000 tokens by 256 numbers and its tokeniser ship in the wheel of wordllama (MIT); nothing is
downloaded, and its code, which would, is not imported.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liebig.errors import MissingExtraError

__all__ = ["WIDTH", "embed"]

Array = NDArray[np.float64]
#: Numbers of an embedding.
WIDTH = 256
#: Tokens of a text that count; the rest would hardly move an average.
MOST_TOKENS = 1024
_TABLE = "weights/l2_supercat_256.safetensors"
_TOKENS = "tokenizers/l2_supercat_tokenizer_config.json"


@functools.cache
def _parts() -> tuple[Any, NDArray[np.float32]]:
    """The tokeniser and the table."""
    found = importlib.util.find_spec("wordllama")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("routers that read prompts", "route")
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("routers that read prompts", "route") from None
    folder = Path(next(iter(found.submodule_search_locations)))
    tokens = Tokenizer.from_file(str(folder / _TOKENS))
    tokens.no_padding()
    tokens.enable_truncation(MOST_TOKENS)
    return tokens, load_file(str(folder / _TABLE))["embedding.weight"].astype(np.float32)


def embed(texts: Sequence[str]) -> Array:
    """Unit vectors of texts, shape ``(texts, 256)``; of nothing, zeros.

    Raises:
        MissingExtraError: the extra ``route`` is not installed.

    >>> a, b, c = embed(["a cat sat on a mat", "the cat lay on the rug", "integrate x squared"])
    >>> bool(a @ b > a @ c), embed([]).shape
    (True, (0, 256))
    """
    tokens, table = _parts()
    out = np.zeros((len(texts), WIDTH))
    for i, text in enumerate(texts):
        ids = _ids(tokens, text)
        if ids:
            mean = table[ids].mean(axis=0, dtype=np.float64)
            out[i] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return out


def _ids(tokens: Any, text: str) -> list[int]:
    head = text[: 8 * MOST_TOKENS].encode(errors="replace").decode()  # JSON may carry half a surrogate pair
    return list(tokens.encode(head, add_special_tokens=False).ids)
