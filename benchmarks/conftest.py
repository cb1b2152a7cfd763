"""Ratios are collected while the benchmarks run and printed at the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

#: Printed last by a program whose memory is measured. On Linux ``ru_maxrss`` would count the process that started it.
_PEAK = """
import pathlib, resource, sys
if sys.platform == "linux":
    status = pathlib.Path("/proc/self/status").read_text()
    print(next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_RATIOS: list[tuple[str, float, str]] = []


@pytest.fixture
def record() -> Callable[[str, float, str], None]:
    """Note a ratio: what, value, what was asked for."""

    def note(what: str, value: float, asked: str) -> None:
        _RATIOS.append((what, value, asked))

    return note


@pytest.fixture
def peak_bytes() -> Callable[[str], int]:
    """The most memory that a program in a process of its own had at a time, bytes."""

    def measure(code: str) -> int:
        words = [sys.executable, "-c", code + _PEAK]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parent)
        return int(done.stdout.split()[-1])

    return measure


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _RATIOS:
        terminalreporter.section("ratios")
        for what, value, asked in _RATIOS:
            terminalreporter.write_line(f"{what:58} {value:8.3g}   {asked}")
