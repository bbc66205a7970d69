"""Currencies: a code, a symbol, and how many digits follow the point."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Currency:
    """A currency. `digits` is 2 where a hundred minor units make one, 0 where there are no minor units."""

    code: str
    symbol: str
    digits: int = 2

    @property
    def scale(self) -> int:
        """How many minor units make one."""
        return 10**self.digits


EUR = Currency("EUR", "€")
USD = Currency("USD", "$")
CHF = Currency("CHF", "Fr.")
JPY = Currency("JPY", "¥", digits=0)

_KNOWN = {currency.code: currency for currency in (EUR, USD, CHF, JPY)}


class UnknownCurrency(ValueError):
    """No currency has this code."""


def currency(code: str) -> Currency:
    """The currency with this code, in any case."""
    try:
        return _KNOWN[code.strip().upper()]
    except KeyError:
        raise UnknownCurrency(f"unknown currency: {code!r}") from None
