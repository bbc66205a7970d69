from fractions import Fraction

import pytest
from tally.currency import EUR, JPY, USD, UnknownCurrency, currency
from tally.money import CurrencyMismatch, Money, round_half_up, total


@pytest.mark.parametrize(
    ("text", "minor"),
    [("12", 1200), ("12.5", 1250), ("0.01", 1), ("-1,250.00", -125000), (" 7.30 ", 730)],
)
def test_reads_an_amount(text, minor):
    assert Money.of(text).minor == minor


def test_reads_a_currency_without_minor_units():
    assert Money.of("1,500", JPY).minor == 1500


def test_refuses_too_many_digits():
    with pytest.raises(ValueError, match="more digits"):
        Money.of("1.005")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("5/2", 3), ("-5/2", -3), ("7/3", 2), ("8/3", 3), ("0", 0), ("1/2", 1), ("-1/3", 0)],
)
def test_rounds_half_up(value, expected):
    assert round_half_up(Fraction(value)) == expected


def test_adds_and_subtracts():
    assert Money.of("1.10") + Money.of("2.25") - Money.of("0.35") == Money.of("3.00")


def test_does_not_mix_currencies():
    with pytest.raises(CurrencyMismatch):
        Money.of("1") + Money.of("1", USD)


def test_compares():
    assert Money.of("1.00") < Money.of("1.01")
    assert Money.of("1.00") <= Money.of("1.00")
    assert not Money.of("1.00") < Money.of("1.00")


def test_shares_are_rounded():
    assert Money.of("0.50").share(Fraction(1, 100)) == Money.of("0.01")
    assert Money.of("-0.50").share(Fraction(1, 100)) == Money.of("-0.01")


def test_split_loses_nothing():
    parts = Money.of("10.00").split(3)
    assert [part.minor for part in parts] == [334, 333, 333]
    assert total(parts) == Money.of("10.00")


def test_split_needs_a_part():
    with pytest.raises(ValueError):
        Money.of("1").split(0)


def test_prints():
    assert str(Money.of("-1234567.80")) == "-1,234,567.80 EUR"
    assert str(Money.of("1500", JPY)) == "1,500 JPY"


def test_total_of_nothing():
    assert total([], USD) == Money.zero(USD)


def test_finds_a_currency():
    assert currency(" eur ") is EUR
    with pytest.raises(UnknownCurrency):
        currency("XXX")
