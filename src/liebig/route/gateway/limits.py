"""What protects an upstream: a bound on requests at once with a queue, and a circuit breaker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Breaker", "Full", "Gate"]


class Full(Exception):  # noqa: N818 - a state, not a fault
    """The queue before an upstream has no place left."""


class Gate:
    """Lets so many in at once; others wait in the order they came, up to a bound."""

    __slots__ = ("_inside", "_most", "_places", "_waiting")

    def __init__(self, most: int, places: int) -> None:
        self._most = most
        self._places = places
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def inside(self) -> int:
        """How many are in."""
        return self._inside

    async def enter(self, *, again: bool = False) -> None:
        """Wait for a place; who waited before (``again``) is not turned away.

        Raises:
            Full: as many wait as may.
        """
        if self._inside < self._most and not self._waiting:
            self._inside += 1
            return
        if len(self._waiting) >= self._places and not again:
            raise Full
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Give the place to the next."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._inside -= 1


class Breaker:
    """Opens after failures in a row; after a while lets one request try.

    >>> clock = iter([0.0, 1.0, 6.0, 6.0]).__next__
    >>> breaker = Breaker(2, 5.0, clock)
    >>> breaker.failed(); breaker.failed()
    >>> breaker.wait_s(), breaker.wait_s(), breaker.take(), breaker.take()
    (4.0, 0.0, True, False)
    """

    __slots__ = ("_clock", "_failures", "_most", "_opened", "_probing", "_seconds")

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """True until a request succeeds."""
        return self._opened is not None

    def wait_s(self) -> float:
        """Seconds before a request may try; 0 when one may."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._seconds - self._clock())

    def take(self) -> bool:
        """True when a request may go on; each must be followed by one of the methods below."""
        if self._opened is None:
            return True
        if self._probing or self.wait_s() > 0.0:
            return False
        self._probing = True
        return True

    def began(self) -> None:
        """The upstream began to answer: others may ask again, but one more failure opens the circuit anew."""
        if self._opened is not None:
            self._failures = self._most - 1
            self._opened = None
        self._probing = False

    def succeeded(self) -> None:
        """The upstream answered to the end."""
        self._failures = 0
        self._opened = None
        self._probing = False

    def failed(self) -> None:
        """The upstream did not answer as it should."""
        self._failures += 1
        self._probing = False
        if self._opened is not None or self._failures >= self._most:
            self._opened = self._clock()

    def gave_up(self) -> None:
        """The client left before anything was known."""
        self._probing = False
