"""How a traced program ends: as it would without us, its traceback without our frames."""

import os
import sys

_OURS = os.path.dirname(os.path.abspath(__file__))


def ours(filename):
    """Whether a file name is one of the tracer's."""
    return os.path.dirname(os.path.abspath(filename)) == _OURS


def trimmed(traceback):
    """The traceback from the first frame that is not ours."""
    while traceback is not None and ours(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    return traceback


def report(error):
    """Let the program's own hook show its exception, and the interpreter then end as after one."""
    traceback = trimmed(error.__traceback__)
    if isinstance(error, SyntaxError) and traceback is not None and traceback.tb_frame.f_code.co_filename[:1] == "<":
        traceback = None
    sys.excepthook(type(error), error.with_traceback(traceback), traceback)
    sys.excepthook = _shown


def _shown(kind, value, traceback):
    """What was shown already is not shown again."""
