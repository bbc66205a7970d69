"""The ledger: what every customer was charged and has paid, posting by posting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tally.currency import EUR, Currency
from tally.invoice import Invoice
from tally.money import Money, total
from tally.periods import Period
from tally.statement import Statement


@dataclass(frozen=True)
class Posting:
    """One movement. A positive amount is owed to us, a negative one was paid or is owed by us."""

    day: date
    customer: str
    text: str
    amount: Money


class Ledger:
    """Postings in the order in which they were made."""

    def __init__(self, currency: Currency = EUR) -> None:
        self.currency = currency
        self._postings: list[Posting] = []
        self._invoices: dict[str, Invoice] = {}

    def post(self, posting: Posting) -> None:
        """Add a posting."""
        self._postings.append(posting)

    def post_invoice(self, invoice: Invoice) -> None:
        """Charge a customer; an invoice is posted once."""
        if invoice.number in self._invoices:
            raise ValueError(f"invoice {invoice.number} was posted before")
        self._invoices[invoice.number] = invoice
        self.post(Posting(invoice.issued, invoice.customer.name, f"Invoice {invoice.number}", invoice.gross))

    def post_payment(self, customer: str, amount: Money, day: date) -> None:
        """A customer paid."""
        if amount.minor <= 0:
            raise ValueError(f"a payment is more than nothing, not {amount}")
        self.post(Posting(day, customer, "Payment, thank you", -amount))

    def invoice(self, number: str) -> Invoice:
        """An invoice that was posted."""
        return self._invoices[number]

    def postings(self, customer: str, period: Period | None = None) -> list[Posting]:
        """A customer's postings by day, those of one day in the order in which they were made."""
        found = [posting for posting in self._postings if posting.customer == customer]
        if period is not None:
            found = [posting for posting in found if posting.day in period]
        return sorted(found, key=lambda posting: posting.day)

    def balance(self, customer: str, before: date | None = None) -> Money:
        """What a customer owes us at the start of a day, or by now."""
        amounts = [p.amount for p in self.postings(customer) if before is None or p.day < before]
        return total(amounts, self.currency)

    def statement(self, customer: str, start: date, end: date) -> Statement:
        """A customer's account from `start` up to, but without, `end`."""
        period = Period(start, end)
        return Statement(customer, period, self.balance(customer, start), tuple(self.postings(customer, period)))

    def owing(self) -> dict[str, Money]:
        """The customers that owe us something, those with the most first."""
        names = {posting.customer for posting in self._postings}
        balances = {name: self.balance(name) for name in names}
        debtors = sorted((name for name in names if balances[name].minor > 0), key=lambda n: (-balances[n].minor, n))
        return {name: balances[name] for name in debtors}
