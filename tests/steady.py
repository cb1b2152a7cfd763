"""What keeps tests steady on a machine that is busy, or that runs other programs."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PATIENCE_S", "OtherWork", "refusing_port"]

#: How long a test waits for what must come, seconds: far above what a busy machine needs; it only ends what hangs.
PATIENCE_S = 900.0


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port of this machine at which nobody listens; it is held meanwhile, so that no other program takes it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


class OtherWork:
    """How busy other programs keep this machine, from when this was made; zero where the system does not tell."""

    def __init__(self) -> None:
        self._since, self._others = time.monotonic(), _others_s()

    def share(self) -> float:
        """Share of all cores that others took, from 0 to 1; of what a hypervisor gave away too."""
        elapsed = time.monotonic() - self._since
        return max(0.0, _others_s() - self._others) / (elapsed * (os.cpu_count() or 1))


def _others_s() -> float:
    """Processor seconds since the start of the machine that this process and its children did not take."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    ticks = stat.read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, soft_irq, steal = (int(t) for t in ticks)
    busy = (user + nice + system + irq + soft_irq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])
