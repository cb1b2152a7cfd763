"""Outcomes that could not be written: kept in memory, tried again, and left in a file when the process ends."""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from liebig.reading import read_bytes
from liebig.route.ledger.records import Outcome

__all__ = ["Unsaved", "leave", "left_files", "read_left"]

log = logging.getLogger("liebig.route")

#: Outcomes kept at most; later ones are given up, and their calls count with their estimate after ``settle``.
MOST = 100_000
#: Seconds before the first new attempt; doubled up to the longest.
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 5.0
_NAMES = {f.name for f in fields(Outcome)}
#: What each line of a file has, whatever version wrote it.
_ALWAYS = {"id", "model", "upstream", "status"}


class Unsaved:
    """A bounded queue of outcomes with the time of the next attempt."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.lost = 0
        self._kept: dict[str, Outcome] = {}
        self._wait_s = 0.0
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, items: Iterable[tuple[str, Outcome]], why: object) -> None:
        """Take outcomes in; the first of an id counts."""
        if not self._kept:
            log.error("the ledger cannot be written (%s); outcomes of calls wait in memory", why)
        for call_id, outcome in items:
            if len(self._kept) >= self.most and call_id not in self._kept:
                self.lost += 1
                if self.lost & (self.lost - 1) == 0:
                    log.critical("outcomes given up so far, as %d wait already: %d", self.most, self.lost)
                continue
            self._kept.setdefault(call_id, outcome)

    def failed(self) -> None:
        """Put the next attempt off, each time for longer."""
        self._wait_s = min(LONGEST_WAIT_S, self._wait_s * 2 or FIRST_WAIT_S)
        self._due = time.monotonic() + self._wait_s

    def works_again(self) -> None:
        """Make the next attempt due at once."""
        self._wait_s = self._due = 0.0

    def wait_s(self) -> float | None:
        """Seconds until the next attempt; None when nothing waits."""
        return max(0.0, self._due - time.monotonic()) if self._kept else None

    def first(self, count: int) -> list[tuple[str, Outcome]]:
        """The oldest outcomes, still kept."""
        return [item for item, _ in zip(self._kept.items(), range(count), strict=False)]

    def drop(self, ids: Iterable[str]) -> None:
        """Forget outcomes that are written."""
        for call_id in ids:
            self._kept.pop(call_id, None)
        if not self._kept:
            self.works_again()
            log.warning("the ledger can be written again; no outcome waits any more")

    def leave(self, place: Path | None) -> None:
        """Write what waits to a file that the next ``open`` reads back; say so where that fails too."""
        if not self._kept:
            return
        if place is None:
            log.critical("%d outcomes of calls are lost: the ledger cannot be written", len(self._kept))
            return
        try:
            path = leave(place, self._kept.items())
        except OSError as error:
            log.critical("%d outcomes of calls are lost: %s cannot be written (%s)", len(self._kept), place, error)
        else:
            log.error("%d outcomes of calls are left in %s; the next start reads them", len(self._kept), path)
            self._kept.clear()


def leave(place: Path, items: Iterable[tuple[str, Outcome]]) -> Path:
    """Write outcomes to ``place``, or beside it when it exists; the file appears whole or not at all."""
    text = "".join(json.dumps({"id": i, **asdict(o)}) + "\n" for i, o in items)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(6)}")
    try:
        with draft.open("x", encoding="utf-8") as file:
            os.chmod(draft, 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, place)
            return place
        except OSError:  # exists, or a file system without links
            other = place.with_name(f"{place.stem}.{secrets.token_hex(6)}{place.suffix}")
            return draft.replace(other)
    finally:
        draft.unlink(missing_ok=True)


def left_files(place: Path) -> list[Path]:
    """The files of outcomes that earlier processes left."""
    return sorted(place.parent.glob(f"{_escape(place.stem)}*{_escape(place.suffix)}"))


def read_left(path: Path) -> list[tuple[str, Outcome]]:
    """Outcomes of a file; a line that is damaged is passed over and told of in the log."""
    text = read_bytes(path, "outcomes of calls that an earlier process left").decode(errors="replace")
    out = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            named = json.loads(line)
            if not named.keys() >= _ALWAYS:
                raise ValueError("not whole")
            out.append((str(named["id"]), Outcome(**{k: v for k, v in named.items() if k in _NAMES})))
        except (ValueError, TypeError, AttributeError):
            log.error("%s, line %d: not an outcome of a call; passed over", path, number)
    return out


def _escape(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
