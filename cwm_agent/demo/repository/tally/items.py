"""One line of an invoice: what, how many, at what price."""

from __future__ import annotations

from dataclasses import dataclass

from tally.discounts import rate_for
from tally.money import Money
from tally.tax import tax_on, tax_rate


@dataclass(frozen=True)
class LineItem:
    """A quantity of one thing. `price` is net and for one unit; `tax` names a rate."""

    description: str
    price: Money
    quantity: int = 1
    tax: str = "standard"
    discountable: bool = True

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"{self.description}: a quantity is one or more, not {self.quantity}")
        tax_rate(self.tax)

    @property
    def list_price(self) -> Money:
        """What the quantity costs before any discount."""
        return self.price * self.quantity

    @property
    def discount(self) -> Money:
        """What the quantity saves."""
        if not self.discountable:
            return Money.zero(self.price.currency)
        return self.list_price.share(rate_for(self.quantity))

    @property
    def net(self) -> Money:
        """After the discount, before tax."""
        return self.list_price - self.discount

    @property
    def tax_amount(self) -> Money:
        """The tax on the net amount."""
        return tax_on(self.net, self.tax)

    @property
    def gross(self) -> Money:
        """What is to be paid for the line."""
        return self.net + self.tax_amount
