"""Runs a file as `python FILE ARGUMENTS` does: as `__main__`, from its own folder, with its own arguments."""

import builtins
import os
import sys
from importlib.machinery import SourceFileLoader

from _cwm_tracer.arguments import Misused
from _cwm_tracer.coding import decode


def run_script(session):
    """Run the script; it ends with the process, or with 0."""
    order = session.order
    if os.path.isdir(order.file):
        raise Misused("%s is a folder; name the script in it." % order.file)
    path = os.path.abspath(order.file) if sys.version_info >= (3, 9) else order.file
    with open(order.text or order.file, "rb") as stream:
        data = stream.read()
    main = _main_module(path)
    sys.argv = [order.file, *order.rest]
    sys.path.insert(0, os.path.dirname(os.path.realpath(order.file)))
    code = compile(data, path, "exec", dont_inherit=True)
    session.scope.give(path, decode(data))
    session.start()
    exec(code, main.__dict__)
    return 0


def _main_module(path):
    main = type(sys)("__main__")
    main.__dict__.update(
        __file__=path,
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", path),
        __package__=None,
        __cached__=None,
    )
    if sys.version_info < (3, 14):
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main
