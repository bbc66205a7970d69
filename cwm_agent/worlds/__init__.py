"""One interface, two worlds: a container that runs things, and a model that imagines them."""
