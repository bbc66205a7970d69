import pytest
from tally.money import Money
from tally.tax import UnknownTax, net_of, tax_on


@pytest.mark.parametrize(
    ("net", "rate", "tax"),
    [("100.00", "standard", "19.00"), ("100.00", "reduced", "7.00"), ("99.99", "exempt", "0"), ("0.50", "reduced", "0.04")],
)
def test_tax(net, rate, tax):
    assert tax_on(Money.of(net), rate) == Money.of(tax)


def test_net_within_gross():
    assert net_of(Money.of("119.00"), "standard") == Money.of("100.00")


def test_unknown_rate():
    with pytest.raises(UnknownTax, match="known are exempt, reduced, standard"):
        tax_on(Money.of("1"), "luxury")
