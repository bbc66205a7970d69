"""A call with a time limit, for pure Python that may loop: another thread raises an exception in this one.

Signals would belong to the traced program. The thread lives only as long as the call, unknown to `threading`.
"""

import _thread


class TookTooLong(BaseException):
    """Raised inside the call, again and again until it gives in."""


def bounded(ask, value, seconds):
    """`ask(value)`; TookTooLong past the limit, and where there is no way to enforce one."""
    try:
        from ctypes import c_ulong, py_object, pythonapi
    except ImportError:
        raise TookTooLong from None
    ours = _thread.get_ident()
    over, gone = _thread.allocate_lock(), _thread.allocate_lock()
    over.acquire()
    gone.acquire()

    def watch():
        patience = seconds
        try:
            while not over.acquire(timeout=patience):
                pythonapi.PyThreadState_SetAsyncExc(c_ulong(ours), py_object(TookTooLong))
                patience = 0.01
        finally:
            gone.release()

    _thread.start_new_thread(watch, ())
    try:
        try:
            return ask(value)
        finally:
            _part(over, gone)
    except TookTooLong:
        _part(over, gone)
        raise


def _part(over, gone):
    """Send the watcher home, and take what it may have raised last: to clear that instead would leave the
    interpreter waiting for it, on 3.11 for ever.
    """
    while True:
        try:
            if over.locked():
                over.release()
            if gone.acquire(timeout=1.0):
                gone.release()
            for _ in range(100):
                pass
            return
        except TookTooLong:
            continue
