"""The log: JSON lines on standard error, never with prompts unless that was asked for."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol

from liebig.route.gateway.fast_json import dumps

__all__ = ["LEVELS", "Log"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Sink(Protocol):
    def write(self, text: str, /) -> Any: ...

    def flush(self) -> Any: ...


class Log:
    """Writes events of a level or above.

    >>> import io
    >>> out = io.StringIO()
    >>> Log("info", out).write("debug", "unheard")
    >>> out.getvalue()
    ''
    """

    def __init__(self, level: str = "info", sink: _Sink | None = None) -> None:
        self.level = level
        self._sink = sink

    def hears(self, level: str) -> bool:
        """True where events of that level are written."""
        return LEVELS[level] >= LEVELS[self.level]

    def write(self, level: str, event: str, **fields: Any) -> None:
        """One line; fields that are None or empty are left out."""
        if not self.hears(level):
            return
        entry = {"time": round(time.time(), 3), "level": level, "event": event}
        entry.update((k, v) for k, v in fields.items() if v is not None and v != "")
        sink = sys.stderr if self._sink is None else self._sink
        try:
            sink.write(dumps(entry).decode("utf-8", "replace") + "\n")
            sink.flush()
        except (OSError, ValueError):
            pass  # a log that cannot be written must not stop answers
