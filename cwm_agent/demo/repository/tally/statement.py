"""Statements of account, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tally.money import Money
from tally.periods import Period

if TYPE_CHECKING:
    from tally.ledger import Posting

WIDTH = 60


@dataclass(frozen=True)
class Statement:
    """A customer's postings of a period, and the balance before them."""

    customer: str
    period: Period
    opening: Money
    postings: tuple[Posting, ...]

    @property
    def charged(self) -> Money:
        """The sum of what is owed to us."""
        return self._sum(1)

    @property
    def paid(self) -> Money:
        """The sum of what was paid or refunded."""
        return -self._sum(-1)

    @property
    def closing(self) -> Money:
        """The balance after the postings."""
        return self.opening + self.charged - self.paid

    def running(self) -> list[Money]:
        """The balance after each posting."""
        balances = []
        balance = self.opening
        for posting in self.postings:
            balance = balance + posting.amount
            balances.append(balance)
        return balances

    def _sum(self, sign: int) -> Money:
        result = Money.zero(self.opening.currency)
        for posting in self.postings:
            if posting.amount.minor * sign > 0:
                result = result + posting.amount
        return result


def row(left: str, right: str, width: int = WIDTH) -> str:
    """A text and an amount at the two ends of a line; a long text is cut."""
    room = width - len(right) - 1
    if len(left) > room:
        left = left[: room - 1] + "…"
    return f"{left:<{room}} {right}"


def render(statement: Statement, width: int = WIDTH) -> str:
    """The statement as text, one line for each posting."""
    lines = [
        f"Statement for {statement.customer}",
        f"{statement.period.start} to {statement.period.last}",
        "-" * width,
        row("Opening balance", str(statement.opening), width),
    ]
    for posting in statement.postings:
        lines.append(row(f"{posting.day}  {posting.text}", str(posting.amount), width))
    lines += ["-" * width, row("Closing balance", str(statement.closing), width)]
    return "\n".join(lines) + "\n"
