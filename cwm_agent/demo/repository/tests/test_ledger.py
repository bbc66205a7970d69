from datetime import date

import pytest
from tally.invoice import Customer, Invoice
from tally.items import LineItem
from tally.ledger import Ledger, Posting
from tally.money import Money
from tally.periods import month


def sale(number, customer, day, price, quantity=1):
    return Invoice(number, Customer(customer), day).add(LineItem("Goods", Money.of(price), quantity, tax="exempt"))


@pytest.fixture
def ledger():
    ledger = Ledger()
    ledger.post_invoice(sale("1", "Ada", date(2024, 3, 1), "100.00"))
    ledger.post_invoice(sale("2", "Bo", date(2024, 3, 5), "20.00", quantity=3))
    ledger.post_payment("Ada", Money.of("40.00"), date(2024, 3, 9))
    ledger.post_invoice(sale("3", "Ada", date(2024, 4, 1), "7.00"))
    return ledger


def test_balance(ledger):
    assert ledger.balance("Ada") == Money.of("67.00")
    assert ledger.balance("Bo") == Money.of("60.00")


def test_balance_of_a_stranger(ledger):
    assert not ledger.balance("Cy")


def test_balance_before_a_day(ledger):
    assert ledger.balance("Ada", date(2024, 3, 9)) == Money.of("100.00")
    assert ledger.balance("Ada", date(2024, 3, 10)) == Money.of("60.00")


def test_postings_of_a_period(ledger):
    assert [p.text for p in ledger.postings("Ada", month(2024, 3))] == ["Invoice 1", "Payment, thank you"]


def test_postings_are_sorted_by_day(ledger):
    ledger.post(Posting(date(2024, 2, 1), "Ada", "Carried over", Money.of("1.00")))
    assert [p.text for p in ledger.postings("Ada")][:2] == ["Carried over", "Invoice 1"]


def test_an_invoice_is_posted_once(ledger):
    with pytest.raises(ValueError, match="posted before"):
        ledger.post_invoice(sale("1", "Ada", date(2024, 3, 1), "100.00"))


@pytest.mark.parametrize("amount", ["0", "-5.00"])
def test_a_payment_is_more_than_nothing(ledger, amount):
    with pytest.raises(ValueError, match="more than nothing"):
        ledger.post_payment("Ada", Money.of(amount), date(2024, 3, 9))


def test_who_owes_most_comes_first(ledger):
    ledger.post_payment("Cy", Money.of("5.00"), date(2024, 3, 9))
    assert list(ledger.owing()) == ["Ada", "Bo"]
