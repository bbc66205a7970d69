from datetime import date

import pytest
from tally.currency import USD
from tally.invoice import Customer, Invoice
from tally.items import LineItem
from tally.money import CurrencyMismatch, Money


@pytest.fixture
def invoice():
    invoice = Invoice("2024-001", Customer("Orchard Café"), date(2024, 3, 1))
    invoice.add(LineItem("Espresso beans, 1 kg", Money.of("18.50"), quantity=12, tax="reduced"))
    invoice.add(LineItem("Cup", Money.of("4.20"), quantity=3))
    return invoice


def test_totals(invoice):
    assert invoice.net == Money.of("223.50")
    assert invoice.tax == Money.of("17.15")
    assert invoice.gross == Money.of("240.65")


def test_taxes_by_rate(invoice):
    assert invoice.taxes() == {"reduced": Money.of("14.76"), "standard": Money.of("2.39")}


def test_saved(invoice):
    assert invoice.saved == Money.of("11.10")


def test_empty():
    assert Invoice("2024-002", Customer("Nobody"), date(2024, 3, 1), USD).gross == Money.zero(USD)


def test_due(invoice):
    assert invoice.due == date(2024, 3, 15)
    assert not invoice.overdue(date(2024, 3, 15))
    assert invoice.overdue(date(2024, 3, 16))


def test_one_currency(invoice):
    with pytest.raises(CurrencyMismatch):
        invoice.add(LineItem("Mug", Money.of("5", USD)))
