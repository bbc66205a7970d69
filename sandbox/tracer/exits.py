"""How a traced program ends: as it would without us, its traceback without our frames."""

import os
import sys

_OURS = os.path.dirname(os.path.abspath(__file__))


def ours(filename):
    """Whether a file name is one of the tracer's."""
    return os.path.dirname(os.path.abspath(filename)) == _OURS


def trimmed(traceback):
    """The traceback from the first frame that is not ours, and without what is ours at its end.

    The tracer raises the RecursionError that the program has earned. It does so before the function's first line, in
    which the program itself would not have been either.
    """
    while traceback is not None and ours(traceback.tb_frame.f_code.co_filename):
        traceback = traceback.tb_next
    last, entry = traceback, traceback
    while entry is not None and not ours(entry.tb_frame.f_code.co_filename):
        if entry.tb_lineno != entry.tb_frame.f_code.co_firstlineno:
            last = entry
        entry = entry.tb_next
    if entry is not None:
        last.tb_next = None
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
