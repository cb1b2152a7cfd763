"""Server-sent events: cut bytes into events, look at what they carry."""

from __future__ import annotations

import re

__all__ = ["Events", "data_of"]

#: Two line ends in a row, each CR LF, LF or CR; a group that was matched is not tried again in a shorter way.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
#: An event that is longer is taken for a broken stream.
MOST_BYTES = 32_000_000


class Events:
    r"""Cuts a stream into events; the bytes stay as they are.

    >>> events = Events()
    >>> events.feed(b"data: 1\n\ndata: 2\n"), events.feed(b"\n"), events.rest
    ([b'data: 1\n\n'], [b'data: 2\n\n'], b'')
    """

    __slots__ = ("rest",)

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Events that are complete, each with the blank line that ends it.

        Raises:
            ValueError: an event grows beyond ``MOST_BYTES``.
        """
        seen = max(0, len(self.rest) - 3)
        data = self.rest + data if self.rest else data
        out = []
        begin = 0
        for found in _END.finditer(data, seen):
            out.append(data[begin : found.end()])
            begin = found.end()
        self.rest = data[begin:]
        if len(self.rest) > MOST_BYTES:
            raise ValueError(f"an event of more than {MOST_BYTES:,} bytes")
        return out


def data_of(event: bytes) -> bytes:
    r"""What an event carries: its ``data`` lines.

    >>> data_of(b'event: x\r\ndata: {"a":\r\ndata:1}\r\n\r\n')
    b'{"a":\n1}'
    """
    if event.startswith(b"data: ") and event.count(b"\n") == 2 and b"\r" not in event:
        return event[6:-2]
    lines = []
    for line in event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" "))
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines)
