"""The page and its HTTP interface: the same questions and inputs as the command line."""

from __future__ import annotations

from typing import Any

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    # imported on first use, so that the command can say what the page needs where FastAPI is not installed
    if name == "create_app":
        from liebig.web.server import create_app

        return create_app
    raise AttributeError(f"module 'liebig.web' has no attribute {name!r}")
