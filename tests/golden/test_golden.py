"""The product's answers are those that are recorded; what moved is listed, the largest changes first."""

from __future__ import annotations

import pytest

from golden.answers import compare, read, report
from golden.renew import COMMAND, recorded
from golden.topics import TOPICS


@pytest.mark.parametrize("topic", [pytest.param(n, marks=[pytest.mark.slow] * t.slow) for n, t in TOPICS.items()])
def test_answers_are_as_recorded(topic: str) -> None:
    moves = compare(read(recorded(topic)), TOPICS[topic].answers())
    if moves:
        advice = f"When this is meant, record it with `{COMMAND} {topic}` and name the reason in the commit message."
        pytest.fail("\n".join([*report(topic, moves), advice]), pytrace=False)


def test_each_recorded_file_has_a_topic() -> None:
    assert {path.stem for path in recorded("any").parent.iterdir()} == set(TOPICS)
