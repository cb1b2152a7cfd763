"""Where files lie that settings name."""

from __future__ import annotations

from liebig.route.settings import Settings

__all__ = ["ledger_url"]


def ledger_url(settings: Settings) -> str:
    """Address of the ledger; a file's is relative to the file of the settings.

    >>> from pathlib import Path
    >>> from liebig.route.settings import settings_from
    >>> given = {"upstream": [{"name": "u", "url": "http://u/v1"}], "model": [{"name": "m", "upstream": "u"}]}
    >>> ledger_url(settings_from(given, folder=Path("/etc/liebig")))
    'sqlite:/etc/liebig/liebig-ledger.db'
    """
    scheme, _, rest = settings.ledger.url.partition(":")
    if scheme == "sqlite" and rest and not rest.startswith((":", "/")):
        return f"sqlite:{settings.folder / rest}"
    return settings.ledger.url
