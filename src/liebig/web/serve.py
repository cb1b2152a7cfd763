"""Running the page: on loopback by default, on a public address only with a password."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
import webbrowser
from pathlib import Path

from liebig.errors import ConflictError, InputError, MissingExtraError

__all__ = ["serve"]

_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def serve(
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    password_env: str = "LIEBIG_APP_PASSWORD",
    insecure: bool = False,
    gateway: Path | None = None,
    browser: bool = True,
) -> None:
    """Serve the page until interrupted.

    Args:
        host: address to listen on.
        port: port; 0 takes a free one.
        password_env: environment variable with the password; needed for a public address.
        insecure: a public address without a password all the same.
        gateway: settings of a gateway whose savings are shown.
        browser: open it.

    Raises:
        ConflictError: a public address without a password.
        InputError: the address cannot be used.
        MissingExtraError: the web server is not installed.
    """
    try:
        import uvicorn

        from liebig.web.server import create_app, guarded
    except ImportError:
        raise MissingExtraError("the page", "web") from None
    if gateway is not None:
        from liebig.route.settings import read_settings

        read_settings(gateway)
    password = os.environ.get(password_env, "")
    local = _is_local(host)
    if not local and not password and not insecure:
        raise ConflictError(
            f"{host} can be reached by others: set a password in the variable {password_env}, or say --insecure"
        )
    listening = _listen(host, port)
    address = f"http://{'localhost' if local else host}:{listening.getsockname()[1]}/"
    app = guarded(create_app(gateway), _LOCAL if local else (), password)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, date_header=True))
    print(f"liebig is at {address}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
    if browser and local and os.environ.get("DISPLAY", os.name == "nt" or sys.platform == "darwin"):
        threading.Timer(0.5, webbrowser.open, (address,)).start()
    server.run(sockets=[listening])


def _is_local(host: str) -> bool:
    """True for loopback addresses.

    >>> [_is_local(h) for h in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host.strip("[]"), port))
        made.listen(256)  # who reads the address can connect at once
    except (OSError, OverflowError) as error:
        made.close()
        raise InputError(f"{host}:{port}: cannot listen there ({error}); choose another with --port") from None
    return made
