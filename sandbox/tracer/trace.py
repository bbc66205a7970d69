"""Entry of the tracer: `python trace.py [OPTIONS] MODE …`, under the Python of the traced project, 3.8 or later.

Modes:    --call EXPRESSION FILE    the expression, evaluated in the module that FILE is
          --script FILE ARGUMENTS…  FILE as `python FILE` runs it
          --test ID                 one pytest test, its call phase
          --inputs ID               what the calls that this test makes into the user's code are given
Options:  --out PATH  --root DIR  --text PATH  --frames N  --bytes N  --seconds S  --backend auto|settrace|monitoring

The exit status and the output are those of the traced program; 2 says that there was nothing to run. The modules
beside this file are loaded under a package name of their own, so that they neither hide nor meet one of the project.
"""

import os
import sys


def enter_package():
    """Make this folder importable as `_cwm_tracer`, and take it off the search path."""
    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.abspath(sys.path[0] or ".") == here:
        del sys.path[0]
    package = type(sys)("_cwm_tracer")
    package.__path__ = [here]
    sys.modules["_cwm_tracer"] = package


def main(arguments):
    """Run what the arguments name, traced; the exit status, where the program does not end the process itself."""
    enter_package()
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    from _cwm_tracer.arguments import Misused, parse
    from _cwm_tracer.session import run

    sys.dont_write_bytecode = writes_bytecode
    try:
        order = parse(arguments)
    except Misused as problem:
        sys.stderr.write("%s\n" % problem)
        return 2
    return run(order)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
