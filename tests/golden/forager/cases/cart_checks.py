from cart import Cart


def test_counts():
    cart = Cart({})
    cart.add("a")
    cart.add("a", 2)
    assert cart.size() == 3


def test_two_carts_are_apart():
    Cart().add("a")
    second = Cart()
    second.add("b")
    assert second.size() == 1


def holdout_given():
    assert Cart({"x": 2}).size() == 2
    assert Cart().size() == 0
