"""Invoices: lines for one customer, with totals and a due date."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from tally.currency import EUR, Currency
from tally.items import LineItem
from tally.money import CurrencyMismatch, Money, total


@dataclass(frozen=True)
class Customer:
    """Who pays. `terms` is how many days there are for it."""

    name: str
    terms: int = 14


@dataclass
class Invoice:
    """Lines that one customer owes since `issued`."""

    number: str
    customer: Customer
    issued: date
    currency: Currency = EUR
    lines: list[LineItem] = field(default_factory=list)

    def add(self, line: LineItem) -> Invoice:
        """Add a line; returns the invoice."""
        if line.price.currency != self.currency:
            raise CurrencyMismatch(f"invoice {self.number} is in {self.currency.code}")
        self.lines.append(line)
        return self

    @property
    def due(self) -> date:
        """The last day on which a payment is in time."""
        return self.issued + timedelta(days=self.customer.terms)

    @property
    def net(self) -> Money:
        """Before tax."""
        return total([line.net for line in self.lines], self.currency)

    @property
    def tax(self) -> Money:
        """All taxes together."""
        return total([line.tax_amount for line in self.lines], self.currency)

    @property
    def gross(self) -> Money:
        """What is to be paid."""
        return self.net + self.tax

    @property
    def saved(self) -> Money:
        """What the discounts took off."""
        return total([line.discount for line in self.lines], self.currency)

    def taxes(self) -> dict[str, Money]:
        """The tax by rate, in the order in which the rates appear."""
        found: dict[str, Money] = {}
        for line in self.lines:
            found[line.tax] = found.get(line.tax, Money.zero(self.currency)) + line.tax_amount
        return found

    def overdue(self, today: date) -> bool:
        """Whether the last day has passed."""
        return today > self.due
