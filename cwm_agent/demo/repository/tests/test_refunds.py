from datetime import date

import pytest
from tally.invoice import Customer, Invoice
from tally.items import LineItem
from tally.ledger import Ledger
from tally.money import Money
from tally.refunds import CannotRefund, refund, refund_amount


@pytest.fixture
def ledger():
    invoice = Invoice("7", Customer("Ada"), date(2024, 3, 1))
    invoice.add(LineItem("Beans", Money.of("18.50"), quantity=12, tax="reduced"))
    invoice.add(LineItem("Cup", Money.of("4.20")))
    ledger = Ledger()
    ledger.post_invoice(invoice)
    return ledger


def test_some_units(ledger):
    assert refund_amount(ledger, "7", 1, 2) == Money.of("37.62")


def test_all_units_give_everything_back(ledger):
    refund(ledger, "7", 1, 12, date(2024, 3, 4))
    refund(ledger, "7", 2, 1, date(2024, 3, 4))
    assert not ledger.balance("Ada")


@pytest.mark.parametrize(("line", "units"), [(0, 1), (3, 1), (1, 0), (1, 13)])
def test_refuses(ledger, line, units):
    with pytest.raises(CannotRefund):
        refund(ledger, "7", line, units, date(2024, 3, 4))
