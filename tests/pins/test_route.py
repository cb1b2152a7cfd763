"""The router's test by betting, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liebig.route.learn.calibrate import p_value


def test_a_bet_knows_only_what_came_before_it() -> None:
    """Two values of 1 between -1 and 1 are x = 1 with a null of 1/2. Spread before the first: 1/4; the mean after it
    is (1/2 + 1)/2 = 3/4 and the spread (1/4 + 1/16)/2 = 5/32.

    At a level of exp(-1/4) bets are √(2·(1/4)/(2·1/4)) = 1 and √((1/2)/(2·5/32)) = √1.6, the wealth
    1.5·(1 + √1.6/2) = 2.44868.
    """
    found = p_value(np.array([1.0, 1.0]), -1.0, 1.0, math.exp(-0.25))
    assert found == pytest.approx(1 / (1.5 * (1 + math.sqrt(1.6) / 2)))
    assert found == pytest.approx(0.408383, rel=1e-5)


def test_bets_are_capped_and_losses_leave_a_p_value_of_one() -> None:
    """At a level of exp(-100) the bet would be √(200/(1/4)) and is capped at 0.9 of what the null allows: 0.9/0.5·0.5
    of the stake is won.
    """
    assert p_value(np.array([1.0]), -1.0, 1.0, math.exp(-100.0)) == pytest.approx(1 / 1.9)
    assert p_value(np.array([-1.0]), -1.0, 1.0, 0.1) == 1.0
    # a null of 1/4: x = (1 + 1)/4, half of what the bet of √(2·(1/8)/(1/4)) = 1 is on, above it by a quarter
    assert p_value(np.array([1.0]), -1.0, 3.0, math.exp(-0.125)) == pytest.approx(1 / 1.25)
