"""What is written: files whole or not at all, texts of TOML, JSON without what JSON has no word for."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path
from typing import Any

from liebig.errors import InputError

__all__ = ["json_text", "toml_text", "write_atomic"]


def write_atomic(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def toml_text(value: Any) -> str:
    r"""A text, or a list of texts, as TOML writes it: what JSON escapes, TOML escapes alike, but for one character.

    >>> print(toml_text('a "b" \n'), toml_text(["x"]))
    "a \"b\" \n" ["x"]
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def json_text(content: Any, indent: int | None = None) -> str:
    """JSON, with null for numbers that JSON has no word for.

    >>> json_text({"a": [1.0, float("nan")], "b": (float("inf"),)})
    '{"a":[1.0,null],"b":[null]}'
    """
    marks = (",", ":") if indent is None else None
    try:
        return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False, separators=marks)
    except ValueError:  # rare, and going through all of it takes longer than writing it
        return json.dumps(_ready(content), indent=indent, ensure_ascii=False, separators=marks)


def _ready(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _ready(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_ready(v) for v in value]
    return value
