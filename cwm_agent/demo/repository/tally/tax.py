"""Tax rates, by the names that invoices use."""

from fractions import Fraction

from tally.money import Money

RATES = {
    "standard": Fraction(19, 100),
    "reduced": Fraction(7, 100),
    "exempt": Fraction(0),
}


class UnknownTax(ValueError):
    """No tax rate has this name."""


def tax_rate(name: str) -> Fraction:
    """The rate with this name."""
    if name not in RATES:
        raise UnknownTax(f"unknown tax rate: {name!r}; known are {', '.join(sorted(RATES))}")
    return RATES[name]


def tax_on(net: Money, name: str) -> Money:
    """The tax on a net amount, rounded half up."""
    return net.share(tax_rate(name))


def net_of(gross: Money, name: str) -> Money:
    """The net amount within a gross one."""
    return gross.share(1 / (1 + tax_rate(name)))
