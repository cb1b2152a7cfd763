"""A million futures fit into memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_million_futures_in_two_gigabyte() -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell the peak of one program's memory")
    # not getrusage, whose peak includes that of the program that started this one
    code = (
        "import liebig\n"
        "result = liebig.forecast(samples=1_000_000)\n"
        "assert result.minimum.shape == (16, 5)\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM:')).split()[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 2e9
