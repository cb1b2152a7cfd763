"""Ratios are collected while the benchmarks run and printed at the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

_RATIOS: list[tuple[str, float, str]] = []


@pytest.fixture
def record() -> Callable[[str, float, str], None]:
    """Note a ratio: what, value, what was asked for."""

    def note(what: str, value: float, asked: str) -> None:
        _RATIOS.append((what, value, asked))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _RATIOS:
        terminalreporter.section("ratios")
        for what, value, asked in _RATIOS:
            terminalreporter.write_line(f"{what:58} {value:8.3g}   {asked}")
