"""One traced run: the parts put together, the program run, and its end made that of an untraced run."""

import atexit
import os
import sys

from _cwm_tracer.arguments import Misused
from _cwm_tracer.exits import report
from _cwm_tracer.recorder import Recorder
from _cwm_tracer.scope import Scope
from _cwm_tracer.sink import open_sink


class Session:
    """A recorder and its back end, of which a mode says when they start."""

    def __init__(self, order, recorder, backend):
        self.order = order
        self.recorder = recorder
        self.backend = backend
        self.scope = recorder.scope
        self._started = False

    def start(self):
        """Trace from here on."""
        self._started = True
        self.recorder.begin()
        self.backend.start()

    def finish(self):
        """End the trace, unless it is over."""
        lost = self._started and not self.recorder.over and self.backend.lost()
        self.recorder.finish("lost" if lost else "")


def backend_for(recorder, wanted, events="all"):
    """The back end by its name; `auto` is monitoring where there is one."""
    if wanted != "settrace" and sys.version_info >= (3, 12):
        from _cwm_tracer.by_monitoring import Monitoring

        found = Monitoring.acquire(recorder, events)
        if found is not None:
            return found
    if wanted == "monitoring":
        raise Misused("This Python has no sys.monitoring, or every tool number of it is taken.")
    from _cwm_tracer.by_settrace import Settrace

    return Settrace(recorder, events)


def run(order):
    """Do what the order says; the exit status, where the program's end is not its own."""
    try:
        session = _prepare(order)
        mode = _mode(order.mode)
    except Misused as problem:
        sys.stderr.write("%s\n" % problem)
        return 2
    try:
        return mode(session)
    except Misused as problem:
        sys.stderr.write("%s\n" % problem)
        return 2
    except SystemExit:
        raise
    except BaseException as error:
        report(error)
        raise
    finally:
        # Threads that outlive the main one are traced to their end; functions of atexit are not.
        atexit.register(session.finish)


def _prepare(order):
    if not os.path.isdir(order.root):
        raise Misused("There is no folder %s." % order.root)
    if order.file and not os.path.exists(order.text or order.file):
        raise Misused("There is no file %s." % order.file)
    folder = [os.path.dirname(os.path.abspath(order.file))] if order.file else []
    scope = Scope(order.root, folder)
    try:
        sink = open_sink(order.out, order.bytes)
    except OSError as error:
        raise Misused("The frames cannot be written to %s: %s." % (order.out, error.strerror)) from None
    if order.mode == "inputs":
        from _cwm_tracer.inputs import InputRecorder

        recorder = InputRecorder(scope, sink, order.frames, order.seconds)
        backend = backend_for(recorder, order.backend, "calls")
    else:
        recorder = Recorder(scope, sink, order.frames, order.seconds)
        backend = backend_for(recorder, order.backend)
    scope.listen()
    return Session(order, recorder, backend)


def _mode(name):
    if name == "call":
        from _cwm_tracer.run_call import run_call

        return run_call
    if name == "script":
        from _cwm_tracer.run_script import run_script

        return run_script
    from _cwm_tracer.run_test import run_test

    return run_test
