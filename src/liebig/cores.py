"""How many processor cores this process may use."""

from __future__ import annotations

import os

__all__ = ["usable_cores"]


def usable_cores() -> int:
    """Cores that this process may run on, at least 1.

    Where the system restricts a process to some cores (Linux) those count, elsewhere (macOS, Windows) all of the
    machine. The quota of processor time of a container is not seen.

    >>> 1 <= usable_cores() <= (os.cpu_count() or 1)
    True
    """
    restricted = getattr(os, "sched_getaffinity", None)  # absent from macOS and Windows
    return len(restricted(0)) if restricted else os.cpu_count() or 1
