"""Write the page's styles of the limits from their rows: ``python tools/write_limit_styles.py FILE [--check]``.

``npm run gen`` in ``web/`` runs it; with ``--check`` nothing is written, and a file that is out of date fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

from liebig.limits import LIMITS

HEAD = "/* One colour per limit, made by tools/write_limit_styles.py from liebig/limits/registry.py. */\n"


def styles() -> str:
    """Rules that colour a line, an area and a swatch of each limit."""
    rules = [
        f"{selector}-{limit.name}{part} {{\n  {what}: {limit.colour.lower()};\n}}\n"
        for selector, part, what in (
            (".stroke", "", "stroke"),
            (".fill", "", "fill"),
            (".key", " .swatch", "background"),
        )
        for limit in LIMITS.values()
    ]
    return HEAD + "".join(rules)


def main() -> int:
    """Write or check the file."""
    path = Path(sys.argv[1])
    if "--check" in sys.argv:
        if path.read_text(encoding="utf-8") != styles():
            print(f"{path} is out of date: run npm run gen")
            return 1
    else:
        path.write_text(styles(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
