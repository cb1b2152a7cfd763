"""Record the answers anew, and print what moved and by how much."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from golden.answers import compare, read, report, write
from golden.topics import TOPICS

__all__ = ["COMMAND", "main", "recorded"]

COMMAND = "python -m tests.golden"
_FOLDER = Path(__file__).parent / "recorded"


def recorded(topic: str) -> Path:
    """The file of a topic."""
    return _FOLDER / f"{topic}.json"


def main(arguments: Sequence[str]) -> int:
    """Compare topics with what is recorded, and record them anew unless ``--check`` is given.

    Returns:
        1 when something moved and ``--check`` was given, else 0.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}; default all")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something moved")
    parser.add_argument("--most", type=int, default=20, help="moves printed per topic (default 20)")
    given = parser.parse_args(arguments)
    unknown = [t for t in given.topics if t not in TOPICS]
    if unknown:
        parser.error(f"unknown topic {', '.join(unknown)}; expected some of {', '.join(TOPICS)}")
    moved = 0
    for topic in given.topics or TOPICS:
        start = time.perf_counter()
        answers = TOPICS[topic].answers()
        moves = compare(read(recorded(topic)), answers)
        moved += len(moves)
        lines = list(report(topic, moves, given.most))
        print(f"{lines[0]} ({len(answers):,} numbers, {time.perf_counter() - start:.1f} s)", *lines[1:], sep="\n")
        if not given.check:
            recorded(topic).parent.mkdir(exist_ok=True)
            write(recorded(topic), answers)
    return int(bool(moved) and given.check)
