"""Invoices, payments and statements for a small business."""

from tally.currency import CHF, EUR, JPY, USD, Currency
from tally.discounts import Tier, rate_for
from tally.invoice import Customer, Invoice
from tally.items import LineItem
from tally.ledger import Ledger, Posting
from tally.money import Money
from tally.periods import Period
from tally.refunds import refund
from tally.statement import Statement, render

__all__ = [
    "CHF",
    "EUR",
    "JPY",
    "USD",
    "Currency",
    "Customer",
    "Invoice",
    "Ledger",
    "LineItem",
    "Money",
    "Period",
    "Posting",
    "Statement",
    "Tier",
    "rate_for",
    "refund",
    "render",
]
