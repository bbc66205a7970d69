from datetime import date

import pytest
from tally.invoice import Customer, Invoice
from tally.items import LineItem
from tally.ledger import Ledger
from tally.money import Money
from tally.refunds import refund
from tally.statement import render, row

CAFE = Customer("Orchard Café")


@pytest.fixture
def ledger():
    ledger = Ledger()
    february = Invoice("2024-001", CAFE, date(2024, 2, 12))
    february.add(LineItem("Grinder", Money.of("240.00")))
    ledger.post_invoice(february)
    ledger.post_payment(CAFE.name, Money.of("200.00"), date(2024, 2, 20))
    return ledger


def test_carries_the_balance_over(ledger):
    statement = ledger.statement(CAFE.name, date(2024, 3, 1), date(2024, 4, 1))
    assert statement.opening == statement.closing == Money.of("85.60")
    assert statement.postings == ()


def test_closing_balance_of_a_month_with_large_orders():
    ledger = Ledger()
    first = Invoice("2024-002", CAFE, date(2024, 3, 4))
    first.add(LineItem("Espresso beans, 1 kg", Money.of("18.50"), quantity=10, tax="reduced"))
    second = Invoice("2024-003", CAFE, date(2024, 3, 18))
    second.add(LineItem("Paper cups, 100", Money.of("2.40"), quantity=50))
    ledger.post_invoice(first)
    ledger.post_invoice(second)
    ledger.post_payment(CAFE.name, Money.of("100.00"), date(2024, 3, 25))
    statement = ledger.statement(CAFE.name, date(2024, 3, 1), date(2024, 4, 1))
    assert str(statement.closing) == "216.57 EUR"


def test_charged_and_paid(ledger):
    statement = ledger.statement(CAFE.name, date(2024, 2, 1), date(2024, 3, 1))
    assert (statement.charged, statement.paid) == (Money.of("285.60"), Money.of("200.00"))


def test_running_balance(ledger):
    refund(ledger, "2024-001", 1, 1, date(2024, 2, 28))
    statement = ledger.statement(CAFE.name, date(2024, 2, 1), date(2024, 3, 1))
    assert statement.running() == [Money.of("285.60"), Money.of("85.60"), Money.of("-200.00")]
    assert statement.running()[-1] == statement.closing


def test_printed(ledger):
    text = render(ledger.statement(CAFE.name, date(2024, 2, 1), date(2024, 3, 1)), width=40)
    assert text.splitlines() == [
        "Statement for Orchard Café",
        "2024-02-01 to 2024-02-29",
        "-" * 40,
        "Opening balance                 0.00 EUR",
        "2024-02-12  Invoice 2024-001  285.60 EUR",
        "2024-02-20  Payment, thank … -200.00 EUR",
        "-" * 40,
        "Closing balance                85.60 EUR",
    ]


def test_long_texts_are_cut():
    assert row("abcdefghij", "1.00", width=10) == "abcd… 1.00"
