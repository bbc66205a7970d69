FREE_FROM = 5000
RATE = 490


def weight_fee(grams):
    if grams > 20000:
        return 1500
    return 0


def shipping(total, grams, express=False):
    """Shipping in cents."""
    fee = RATE if total < FREE_FROM else 0
    fee += weight_fee(total)
    if express:
        fee *= 2
    return fee
