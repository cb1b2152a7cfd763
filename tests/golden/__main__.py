"""``python -m tests.golden [TOPIC...] [--check]``, from the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(root / "tests"), str(root / "src")]
    from golden.renew import main

    sys.exit(main(sys.argv[1:]))
