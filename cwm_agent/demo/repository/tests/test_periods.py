from datetime import date

import pytest
from tally.periods import Period, month, quarter


def test_the_first_day_belongs_to_it_and_the_last_does_not():
    march = month(2024, 3)
    assert date(2024, 3, 1) in march
    assert date(2024, 3, 31) in march
    assert date(2024, 4, 1) not in march
    assert date(2024, 2, 29) not in march


@pytest.mark.parametrize(("year", "number", "days"), [(2024, 2, 29), (2023, 2, 28), (2024, 12, 31), (2024, 11, 30)])
def test_months(year, number, days):
    assert month(year, number).days == days


def test_quarters():
    assert quarter(2024, 1) == Period(date(2024, 1, 1), date(2024, 4, 1))
    assert quarter(2024, 4).last == date(2024, 12, 31)


def test_no_period_runs_backwards():
    with pytest.raises(ValueError, match="cannot end"):
        Period(date(2024, 3, 2), date(2024, 3, 1))
