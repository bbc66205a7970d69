import pytest
from tally.items import LineItem
from tally.money import Money
from tally.tax import UnknownTax


@pytest.fixture
def beans():
    return LineItem("Espresso beans, 1 kg", Money.of("18.50"), quantity=12, tax="reduced")


def test_list_price(beans):
    assert beans.list_price == Money.of("222.00")


def test_discount(beans):
    assert beans.discount == Money.of("11.10")


def test_net_and_gross(beans):
    assert beans.net == Money.of("210.90")
    assert beans.tax_amount == Money.of("14.76")
    assert beans.gross == Money.of("225.66")


def test_small_quantities_cost_the_list_price():
    assert LineItem("Cup", Money.of("4.20"), quantity=3).net == Money.of("12.60")


def test_some_things_are_never_cheaper():
    assert not LineItem("Deposit", Money.of("0.25"), quantity=240, discountable=False).discount


@pytest.mark.parametrize("quantity", [0, -1])
def test_quantity(quantity):
    with pytest.raises(ValueError, match="one or more"):
        LineItem("Cup", Money.of("4.20"), quantity=quantity)


def test_tax_rate_is_checked_early():
    with pytest.raises(UnknownTax):
        LineItem("Cup", Money.of("4.20"), tax="none")
