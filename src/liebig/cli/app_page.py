"""``liebig app``: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def page(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port; 0 takes a free one.", min=0, max=65535)] = 8765,
    gateway: Annotated[
        Path | None, typer.Option("--gateway", help="Settings of a gateway whose savings are shown.", metavar="FILE")
    ] = None,
    password_env: Annotated[
        str, typer.Option("--password-env", help="Environment variable with the password.")
    ] = "LIEBIG_APP_PASSWORD",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow a public address without a password.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """The page: see the limit, move it, share it. Works without a network."""
    from liebig.web.serve import serve

    serve(host, port, password_env=password_env, insecure=insecure, gateway=gateway, browser=browser)
