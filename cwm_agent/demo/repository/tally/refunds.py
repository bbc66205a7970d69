"""Refunds: some units of an invoice come back, and what they cost is posted the other way round."""

from __future__ import annotations

from datetime import date

from tally.ledger import Ledger, Posting
from tally.money import Money


class CannotRefund(ValueError):
    """More units than were sold, or a line that is not there."""


def refund_amount(ledger: Ledger, number: str, line: int, units: int) -> Money:
    """What `units` of a line, counted from 1, cost with tax; the discount of the whole line is shared out evenly."""
    lines = ledger.invoice(number).lines
    if not 1 <= line <= len(lines):
        raise CannotRefund(f"invoice {number} has no line {line}")
    item = lines[line - 1]
    if not 1 <= units <= item.quantity:
        raise CannotRefund(f"line {line} has {item.quantity} units, not {units}")
    parts = item.gross.split(item.quantity)
    amount = parts[0]
    for part in parts[1:units]:
        amount = amount + part
    return amount


def refund(ledger: Ledger, number: str, line: int, units: int, day: date) -> Money:
    """Post the refund and return its amount."""
    amount = refund_amount(ledger, number, line, units)
    customer = ledger.invoice(number).customer.name
    ledger.post(Posting(day, customer, f"Refund for {number}", -amount))
    return amount
