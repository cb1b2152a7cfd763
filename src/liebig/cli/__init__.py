"""The command line: parse, call, print.  One file per question."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of the ``liebig`` command."""
    from liebig.cli.app import run

    run()
