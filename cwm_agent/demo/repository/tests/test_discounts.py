from fractions import Fraction

import pytest
from tally.discounts import Tier, describe, rate_for, units_to_next


@pytest.mark.parametrize(
    ("quantity", "percent"),
    [(1, 0), (9, 0), (12, 5), (49, 5), (60, 10), (199, 10), (250, 15)],
)
def test_rate(quantity, percent):
    assert rate_for(quantity) == Fraction(percent, 100)


def test_rate_of_other_tiers():
    tiers = (Tier(2, 1), Tier(4, 3))
    assert rate_for(3, tiers) == Fraction(1, 100)
    assert rate_for(1, tiers) == 0


def test_units_to_the_next_rate():
    assert units_to_next(8) == 2
    assert units_to_next(60) == 140
    assert units_to_next(500) is None


def test_price_list():
    assert describe() == "5 % from 10, 10 % from 50, 15 % from 200"
