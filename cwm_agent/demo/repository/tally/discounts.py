"""What large quantities save: the more units of one line, the higher the rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Tier:
    """From `minimum` units on, `percent` of the price is taken off."""

    minimum: int
    percent: int

    @property
    def rate(self) -> Fraction:
        """The percentage as a fraction."""
        return Fraction(self.percent, 100)


TIERS = (Tier(10, 5), Tier(50, 10), Tier(200, 15))


def rate_for(quantity: int, tiers: tuple[Tier, ...] = TIERS) -> Fraction:
    """The rate of the highest tier that a quantity reaches."""
    reached = [tier for tier in tiers if quantity > tier.minimum]
    return max((tier.rate for tier in reached), default=Fraction(0))


def units_to_next(quantity: int, tiers: tuple[Tier, ...] = TIERS) -> int | None:
    """How many units are missing to a better rate; None where there is none."""
    missing = [tier.minimum - quantity for tier in tiers if tier.rate > rate_for(quantity, tiers)]
    return min(missing, default=None)


def describe(tiers: tuple[Tier, ...] = TIERS) -> str:
    """The tiers as a price list shows them."""
    return ", ".join(f"{tier.percent} % from {tier.minimum}" for tier in tiers)
