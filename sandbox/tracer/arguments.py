"""The command line of the tracer, parsed by hand: argparse would load modules that the traced program may shadow."""

MODES = ("--call", "--script", "--test", "--inputs")
BACKENDS = ("auto", "settrace", "monitoring")


class Misused(Exception):
    """The command line, or what it names, is wrong; the text is for the user."""


class Order:
    """What to trace, where to write the frames, and the limits of the trace."""

    def __init__(self):
        self.mode = ""
        self.subject = ""  # the expression, the script, or the test's id
        self.file = ""
        self.rest = []
        self.root = "."
        self.out = ""
        self.text = ""  # a file whose content stands for the content of `file`
        self.frames = 10000
        self.bytes = 64 * 1024 * 1024
        self.seconds = 0.0  # 0: as long as the program runs
        self.backend = "auto"


def parse(arguments):
    """The order that the arguments give."""
    order = Order()
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if not rest:
            raise Misused("The tracer's option %s needs a value." % name)
        if name in MODES:
            order.mode, order.subject, order.rest = name[2:], rest[0], rest[1:]
            return _complete(order)
        _option(order, name, rest.pop(0))
    raise Misused("Say what to trace: %s." % ", ".join(MODES))


def _option(order, name, value):
    key = name[2:]
    if key in ("root", "out", "text"):
        setattr(order, key, value)
    elif key in ("frames", "bytes", "seconds"):
        try:
            setattr(order, key, float(value) if key == "seconds" else int(value))
        except ValueError:
            raise Misused("The tracer's option %s takes a number, not %r." % (name, value)) from None
    elif key == "backend" and value in BACKENDS:
        order.backend = value
    else:
        raise Misused("The tracer has no option %s %s." % (name, value))


def _complete(order):
    if not order.out:
        raise Misused("Say with --out where the frames go.")
    if order.mode == "call":
        if len(order.rest) != 1:
            raise Misused("--call takes an expression and one file.")
        order.file, order.rest = order.rest[0], []
    elif order.mode == "script":
        order.file = order.subject
    elif order.rest:
        raise Misused("--%s takes one test id." % order.mode)
    return order
