"""A million futures fit into memory."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_million_futures_in_two_gigabyte() -> None:
    pytest.importorskip("resource")
    code = (
        "import liebig, resource\n"
        "result = liebig.forecast(samples=1_000_000)\n"
        "assert result.minimum.shape == (16, 5)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert peak < 2e9
