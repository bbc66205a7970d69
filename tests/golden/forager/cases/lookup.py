PRICES = {"apple": 30, "pear": 45}


def price(name, prices=PRICES):
    """Price in cents; 0 for what is not sold."""
    return prices[name]


def basket(names):
    total = 0
    for name in names:
        total += price(name)
    return total
