"""Drawing rows to label from a file, and grading them by a judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from liebig.errors import InputError
from liebig.route.learn.data import answer_from, parts_of_row, read_raw, request_of_row
from liebig.route.learn.label import ask_judge, most_informative
from liebig.route.router import load_router

__all__ = ["draw_rows", "judge_rows", "read_rows"]


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Rows with a prompt or messages; quality need not be there.

    Raises:
        InputError: cannot be read, or a row without both.
    """
    rows = read_raw(path)
    for number, row in enumerate(rows, start=1):
        try:
            request_of_row(row if isinstance(row, dict) else {})
        except InputError as error:
            raise InputError(f"{path}: row {number}: {error}") from None
    if not rows:
        raise InputError(f"{path}: no rows")
    return rows


def draw_rows(
    rows: Sequence[dict[str, Any]], count: int, router: str | None = None, models: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The rows to label first: those without labels, where the router doubts and that differ from each other."""
    open_rows = [r for r in rows if not parts_of_row(r)["quality"]]
    if not open_rows:
        raise InputError(f"all {len(rows)} rows are labelled already")
    loaded = load_router(router, models) if router else None
    return [open_rows[i] for i in most_informative([request_of_row(r) for r in open_rows], count, loaded)]


def judge_rows(
    rows: Sequence[dict[str, Any]],
    judge: str,
    key_env: str = "",
    models: Sequence[str] = (),
    progress: Callable[[float], None] | None = None,
) -> list[dict[str, Any]]:
    """The rows with the quality of both models' answers as a judge grades it.

    Args:
        rows: each with the answers of two models.
        judge: ``URL#MODEL``.
        key_env: environment variable with the judge's key.
        models: the two, where rows hold answers of more.
        progress: called with the share that is done.

    Raises:
        InputError: no such judge, or a row without two answers.
        JudgeError: the judge cannot be reached or gives no grades.
    """
    url, mark, model = judge.rpartition("#")
    if not mark or not url.startswith(("http://", "https://")) or not model:
        raise InputError(f"--judge {judge!r}: expected URL#MODEL, e.g. http://127.0.0.1:8000/v1#judge")
    key = os.environ.get(key_env, "") if key_env else ""
    if key_env and not key:
        raise InputError(f"the environment variable {key_env} is not set")
    out = []
    for i, row in enumerate(rows):
        answers = {m: answer_from(v).text for m, v in parts_of_row(row)["answer"].items()}
        names = [m for m in models if m in answers] or list(answers)
        if len(names) != 2:
            raise InputError(f"row {i + 1}: a judge compares two answers; there are {', '.join(names) or 'none'}")
        a, b = ask_judge(url, model, request_of_row(row), (answers[names[0]], answers[names[1]]), key)
        out.append({**row, "quality": {names[0]: a, names[1]: b}, "judge": model})
        if progress is not None:
            progress((i + 1) / len(rows))
    return out
