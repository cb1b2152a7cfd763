"""The page and its HTTP interface: the same questions and inputs as the command line."""

from liebig.web.server import create_app

__all__ = ["create_app"]
