"""Sockets that the gateway listens on."""

from __future__ import annotations

import socket

from liebig.errors import InputError

__all__ = ["address_of", "listeners_on"]


def listeners_on(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets that listen on one port, one for each worker; they outlive workers, so that no client is turned away."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise InputError(f"server: host {host!r} is not known ({error.strerror})") from None
    out: list[socket.socket] = []
    try:
        if count > 1:  # without sharing, so that a port of another server is not shared by accident
            with socket.socket(family, kind, proto) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        for _ in range(count):
            listener = socket.socket(family, kind, proto)
            out.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if count > 1:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(address)
            address = (address[0], listener.getsockname()[1], *address[2:])
        for listener in out:
            listener.listen(1024)
            listener.setblocking(False)
    except OSError as error:
        for listener in out:
            listener.close()
        raise InputError(f"server: cannot listen on {host} port {port} ({error.strerror}); choose another") from None
    return out


def address_of(listener: socket.socket) -> str:
    """Where clients reach it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
