"""Everything a learned router sees of requests, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liebig.errors import InputError
from liebig.route.answers import answer_features
from liebig.route.embed import embed
from liebig.route.features import features_of
from liebig.route.request import Request
from liebig.route.rules import doubt_of_answers, need_of

__all__ = ["Views", "views_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Views:
    """Arrays of one row per request.

    Args:
        shown: what prompts (and answers) show, shape ``(n, k)``.
        rule: what the built-in rules say, shape ``(n, 1)`` or ``(n, 2)`` with answers.
        place: embeddings, shape ``(n, 256)``.
    """

    shown: Array
    rule: Array
    place: Array

    def __len__(self) -> int:
        """Requests."""
        return len(self.shown)

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Views:
        """Some of the rows."""
        return Views(self.shown[rows], self.rule[rows], self.place[rows])


def views_of(requests: Sequence[Request], looks_at: str = "") -> Views:
    """What routers see; with ``looks_at`` also the answer of that model.

    Raises:
        InputError: an answer is missing.

    >>> views_of([Request("2+2?")]).place.shape
    (1, 256)
    """
    shown = features_of(requests)
    rule = need_of(requests, shown)[:, None]
    if looks_at:
        answers = [r.answers.get(looks_at) for r in requests]
        missing = sum(a is None for a in answers)
        known = [a for a in answers if a is not None]
        if missing:
            raise InputError(f"{missing} of {len(answers)} requests have no answer of {looks_at}, which is looked at")
        seen = answer_features(requests, known)
        rule = np.column_stack([rule, doubt_of_answers(requests, known, seen)])
        shown = np.column_stack([shown, seen])
    return Views(shown, rule, embed([_said(r) for r in requests]))


def _said(request: Request) -> str:
    """The prompt, and a little of what came before."""
    return request.prompt if len(request.prompt) > 200 else f"{request.context[-800:]}\n{request.prompt}".strip()
