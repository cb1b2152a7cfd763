"""``python -m liebig``."""

from liebig.cli import main

main()
