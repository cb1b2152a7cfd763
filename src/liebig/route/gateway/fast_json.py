"""JSON in and out: orjson where it is installed, and the standard library for the rest."""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

__all__ = ["dumps", "loads"]


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def loads(content: bytes) -> Any:
    r"""A value from JSON; of a key that is there twice the last one counts.

    Raises:
        ValueError: not JSON, ``NaN`` and ``Infinity`` included, or nested too deeply.

    >>> loads(b'{"a": [1, 2.5]}'), loads(b'"\\ud83d"') == chr(0xD83D)
    ({'a': [1, 2.5]}, True)
    """
    if orjson is not None:
        try:
            return orjson.loads(content)
        except ValueError:
            pass  # halves of a character pair are valid JSON that only the standard library reads
    try:
        return json.loads(content, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> bytes:
    """JSON from a value, without blanks.

    >>> dumps({"a": 1, "b": 2**70})
    b'{"a":1,"b":1180591620717411303424}'
    """
    if orjson is not None:
        try:
            return orjson.dumps(value)
        except TypeError:
            pass  # large whole numbers and halves of character pairs
    return json.dumps(value, separators=(",", ":")).encode()
