"""What keeps tests steady on a machine that is busy, or that runs other programs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

__all__ = ["PATIENCE_S", "refusing_port"]

#: How long a test waits for what must come, seconds: far above what a busy machine needs; it only ends what hangs.
PATIENCE_S = 900.0


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port of this machine at which nobody listens; it is held meanwhile, so that no other program takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
