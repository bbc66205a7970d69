"""The processes below this one: found in /proc, counted, ended, reaped. Needs this process to be a child subreaper."""

import contextlib
import ctypes
import os
import signal

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Make every orphan below this process its child, and hide its descriptors from processes of the same user."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class LastPid:
    """The last process number that was given out here, from /proc/loadavg; unchanged means that nobody forked."""

    def __init__(self):
        self._fd = os.open("/proc/loadavg", os.O_RDONLY)

    def read(self):
        """The number, as bytes to compare."""
        return os.pread(self._fd, 128, 0).rsplit(None, 1)[-1]


def descendants(spare=()):
    """The live processes below this one, without `spare` themselves; zombies are not alive."""
    children, states = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fd = os.open("/proc/%s/stat" % name, os.O_RDONLY)
        except OSError:
            continue
        try:
            fields = os.read(fd, 1024).rpartition(b")")[2].split(None, 2)
        except OSError:
            continue
        finally:
            os.close(fd)
        pid = int(name)
        states[pid] = fields[0]
        children.setdefault(int(fields[1]), []).append(pid)
    found, queue = [], [os.getpid()]
    while queue:
        for pid in children.get(queue.pop(), ()):
            queue.append(pid)
            if pid not in spare and states[pid] not in (b"Z", b"X"):
                found.append(pid)
    return found


def send_signal(pids, number):
    """Signal each; one that is gone already is what we want."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def strike(spare=()):
    """One pass against everything below: stop it so that it cannot fork, then kill it. Returns who was there."""
    found = descendants(spare)
    send_signal(found, signal.SIGSTOP)
    send_signal(found, signal.SIGKILL)
    return found


def reap():
    """Take the status of every child that ended: pid → wait status."""
    ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except OSError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status
