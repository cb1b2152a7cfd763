"""The comparison of recorded answers, their files, and the command that records them anew."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from golden import renew
from golden.answers import TOLERANCE, Answers, compare, read, report, rounded, write
from golden.parts import Topic, flat, levels

OLD: Answers = {"a/x": 1.0, "a/y": 2.0, "b/limit": "power", "b/none": None, "b/nan": math.nan, "b/zero": 0.0}


def test_nothing_moves_within_the_tolerance() -> None:
    assert compare(OLD, OLD) == []
    assert compare(OLD, {**OLD, "a/x": 1.0 + 0.7 * TOLERANCE, "b/zero": 1e-15}) == []
    assert [m.name for m in compare(OLD, {**OLD, "a/x": 1.0 + 1.3 * TOLERANCE, "b/zero": 1e-10})] == ["b/zero", "a/x"]


def test_moves_are_sorted_by_size() -> None:
    moves = compare(OLD, {**OLD, "a/x": 1.001, "a/y": 1.8})
    assert [str(m) for m in moves] == ["a/y: 2 → 1.8 (-10 %)", "a/x: 1 → 1.001 (+0.1 %)"]


@pytest.mark.parametrize(
    ("name", "new", "line"),
    [
        ("b/limit", "chips", "b/limit: power → chips"),
        ("b/limit", 1.0, "b/limit: power → 1"),
        ("b/none", 0.0, "b/none: null → 0"),
        ("b/nan", 1.0, "b/nan: nan → 1"),
        ("a/x", math.nan, "a/x: 1 → nan"),
        ("a/x", math.inf, "a/x: 1 → inf"),
        ("a/x", None, "a/x: 1 → null"),
        ("a/x", True, "a/x: 1 → true"),
        ("b/zero", 0.5, "b/zero: 0 → 0.5"),
    ],
)
def test_what_has_no_relative_change_comes_first(name: str, new: float | str | None, line: str) -> None:
    moves = compare(OLD, {**OLD, name: new, "a/y": 3.0})
    assert [str(m) for m in moves] == [line, "a/y: 2 → 3 (+50 %)"]


def test_negative_numbers_move_by_their_size() -> None:
    assert str(compare({"a/x": -1.0}, {"a/x": -0.5})[0]) == "a/x: -1 → -0.5 (+50 %)"


def test_added_and_removed_answers_are_named_and_counted() -> None:
    new = {k: v for k, v in OLD.items() if k != "a/y"} | {"c/new": 3, "a/x": 2.0}
    assert list(report("steps", compare(OLD, new))) == [
        "steps: 1 moved, 1 added, 1 removed",
        "  steps/a/y: removed (2)",
        "  steps/c/new: added (3)",
        "  steps/a/x: 1 → 2 (+100 %)",
    ]


def test_a_long_report_is_cut_and_summed_up_by_part() -> None:
    old: Answers = {f"a/{i}/{part}": 100.0 for i in range(15) for part in ("x", "y")}
    new = {name: 100.0 + i for i, name in enumerate(old)}
    lines = list(report("steps", compare(old, {**new, "a/0/y": "none"}), most=5))
    assert lines[:2] == ["steps: 29 moved", "  steps/a/0/y: 100 → none"]
    assert len(lines) == 7
    assert lines[-1] == "  and 24 more, no larger; by part: 15 y (up to 29 %), 14 x (up to 28 %)"
    many = list(report("steps", compare({}, {f"a/{i}": i for i in range(9)}), most=0))
    assert many[-1] == "  and 9 more, no larger; by part: 1 0, 1 1, 1 2, 1 3, 1 4, 1 5, 1 6, 1 7 …"
    assert list(report("steps", [])) == ["steps: nothing moved"]


def test_numbers_are_kept_to_six_digits() -> None:
    assert rounded(np.float64(123456789.0)) == 123457000.0
    assert rounded(np.int64(7)) == 7
    assert rounded(np.True_) is True
    with pytest.raises(TypeError, match="expected a number or a text"):
        rounded([1.0])


def test_files_hold_one_answer_a_line_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write(path, dict(reversed(list(OLD.items()))))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[1] == '"a": {"x": 1, "y": 2},'
    assert len(lines) == 4
    assert compare(OLD, read(path)) == []
    assert read(tmp_path / "none.json") == {}


def test_results_are_taken_apart_by_name() -> None:
    assert levels("a", (1.0, 2.0, 3.0, 4.0, 5.0)) == {"a/p10": 1.0, "a/p50": 3.0, "a/p90": 5.0}
    assert flat("a", {"b": {"c": 1}, "d": [2, 3], "e": "x"}) == {"a/b/c": 1, "a/d/0": 2, "a/d/1": 3, "a/e": "x"}


def test_the_command_prints_what_moved_and_records_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"a/x": 1.0}
    monkeypatch.setattr(renew, "TOPICS", {"one": Topic(lambda: dict(answers))})
    monkeypatch.setattr(renew, "recorded", lambda topic: tmp_path / "new" / f"{topic}.json")

    def run(*arguments: str) -> tuple[int, str]:
        code = renew.main(arguments)
        return code, re.sub(r", [0-9.]+ s\)", ")", capsys.readouterr().out)

    assert run("--check") == (1, "one: 1 added (1 numbers)\n  one/a/x: added (1)\n")
    assert not (tmp_path / "new").exists()
    assert run() == (0, "one: 1 added (1 numbers)\n  one/a/x: added (1)\n")
    assert run("--check") == (0, "one: nothing moved (1 numbers)\n")
    answers["a/x"] = 1.5
    assert run("one", "--check") == (1, "one: 1 moved (1 numbers)\n  one/a/x: 1 → 1.5 (+50 %)\n")
    assert read(tmp_path / "new" / "one.json") == {"a/x": 1.0}
    assert run("one")[0] == 0
    assert read(tmp_path / "new" / "one.json") == {"a/x": 1.5}
    with pytest.raises(SystemExit):
        renew.main(["two"])
    assert "expected some of one" in capsys.readouterr().err
