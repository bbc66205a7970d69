"""Amounts of money, in whole minor units of one currency."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tally.currency import EUR, Currency


class CurrencyMismatch(TypeError):
    """Two amounts of different currencies cannot be added or compared."""


def round_half_up(value: Fraction) -> int:
    """The nearest whole number; halves go away from zero."""
    sign = -1 if value < 0 else 1
    doubled = 2 * abs(value) + 1
    return sign * (doubled.numerator // (2 * doubled.denominator))


@dataclass(frozen=True)
class Money:
    """An amount. `minor` counts minor units, cents for euros; it is negative for what is owed to the other side."""

    minor: int
    currency: Currency = EUR

    @classmethod
    def of(cls, text: str, currency: Currency = EUR) -> Money:
        """Read an amount as people write it: `12`, `12.5`, `-1,250.00`."""
        value = Fraction(text.replace(",", "").strip()) * currency.scale
        if value.denominator != 1:
            raise ValueError(f"{text!r} has more digits than {currency.code} allows")
        return cls(value.numerator, currency)

    @classmethod
    def zero(cls, currency: Currency = EUR) -> Money:
        """Nothing."""
        return cls(0, currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __mul__(self, count: int) -> Money:
        return Money(self.minor * count, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def share(self, rate: Fraction) -> Money:
        """A part of the amount, rounded half up: `share(Fraction(19, 100))` is 19 % of it."""
        return Money(round_half_up(self.minor * rate), self.currency)

    def split(self, parts: int) -> list[Money]:
        """Equal parts that add up to the amount; the first ones get what does not divide."""
        if parts < 1:
            raise ValueError("an amount is split into one part or more")
        base, rest = divmod(self.minor, parts)
        return [Money(base + (1 if index < rest else 0), self.currency) for index in range(parts)]

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        whole, fraction = divmod(abs(self.minor), self.currency.scale)
        digits = f".{fraction:0{self.currency.digits}d}" if self.currency.digits else ""
        return f"{sign}{whole:,}{digits} {self.currency.code}"

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency.code} and {other.currency.code}")
        return other


def total(amounts: list[Money], currency: Currency = EUR) -> Money:
    """The sum; nothing in `currency` where there are no amounts."""
    result = Money.zero(amounts[0].currency if amounts else currency)
    for amount in amounts:
        result = result + amount
    return result
