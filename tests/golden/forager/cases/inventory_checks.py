from inventory import Inventory


def test_receive():
    inventory = Inventory()
    inventory.receive("a", 4)
    inventory.receive("a", 4)
    assert inventory.stock == {"a": 8}


def test_ship():
    inventory = Inventory()
    inventory.receive("a", 9)
    inventory.ship("a", 2)
    assert inventory.stock["a"] == 7


def test_short():
    inventory = Inventory(3)
    inventory.receive("a", 2)
    assert inventory.short() == ["a"]


def holdout_all():
    inventory = Inventory()
    inventory.receive("a", 3)
    inventory.ship("a", 3)
    assert inventory.stock["a"] == 0
