"""Whether the container hit its limits: the kernel's own counts, of either cgroup version, where they can be read."""

import os

_MEMORY = (
    ("/sys/fs/cgroup/memory.events", b"oom_kill"),
    ("/sys/fs/cgroup/memory/memory.oom_control", b"oom_kill"),
)
_PROCESSES = (
    ("/sys/fs/cgroup/pids.events", b"max"),
    ("/sys/fs/cgroup/pids/pids.events", b"max"),
)


class _Count:
    """One number that only grows, read over and over from a file that stays open."""

    def __init__(self, places):
        self._fd, self._key = None, b""
        for path, key in places:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                continue
            self._fd, self._key = fd, key
            if self.read() is not None:
                return
            os.close(fd)
            self._fd = None

    def read(self):
        if self._fd is None:
            return None
        for line in os.pread(self._fd, 4096, 0).splitlines():
            words = line.split()
            if len(words) == 2 and words[0] == self._key:
                return int(words[1])
        return None


class Pressure:
    """What happened to the container's memory and process limits since `begin`."""

    def __init__(self):
        self._counts = (_Count(_MEMORY), _Count(_PROCESSES))
        self._before = (None, None)

    def begin(self):
        """A command begins."""
        self._before = tuple(count.read() for count in self._counts)

    def kills(self):
        """How many processes the kernel ever killed here for want of memory, or None."""
        return self._counts[0].read()

    def grown(self):
        """(killed for want of memory, a fork was refused) since then."""
        return tuple(now.read() != self._before[at] for at, now in enumerate(self._counts))
