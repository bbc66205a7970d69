"""How much a session added to its disk: a cheap question often, the exact one only when the cheap one is alarming."""

import os
import stat
import time

from shell_tree import descendants

_SLACK = 1024 * 1024


class Disk:
    """Watches one folder since the session's start; `base` carries that start over a restart of this process.

    The file system may be shared with others, so growth of it is confirmed by the files that changed since, and by
    deleted ones that a command still holds open.
    """

    def __init__(self, path, base=None):
        self.path = path
        self.base = base or {"free": self._free(), "since": time.time()}
        self._confirmed = 0
        self._at_begin = 0

    def begin(self):
        """A command begins: only what grows from here on can be its fault."""
        self._at_begin = self._grown()

    def exceeded(self, limit):
        """Whether the session holds more than `limit` bytes and the running command made it so."""
        grown = self._grown()
        if grown <= limit or grown <= self._at_begin + _SLACK or grown - self._confirmed <= limit:
            return False
        exact = self._exact()
        if exact > limit:
            return True
        self._confirmed = grown - exact
        return False

    def _grown(self):
        return self.base["free"] - self._free()

    def _free(self):
        try:
            found = os.statvfs(self.path)
        except OSError:
            return 0
        return found.f_bfree * found.f_frsize

    def _exact(self):
        since = self.base["since"] - 1
        seen = {}
        folders = [self.path]
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        found = entry.stat(follow_symlinks=False)
                        if stat.S_ISDIR(found.st_mode):
                            folders.append(entry.path)
                        elif found.st_ctime >= since:
                            seen[found.st_dev, found.st_ino] = found.st_blocks * 512
            except OSError:
                continue
        seen.update(deleted_but_open(descendants()))
        return sum(seen.values())


def deleted_but_open(pids):
    """The deleted files that processes still hold open: (device, inode) to bytes."""
    seen = {}
    for pid in pids:
        folder = "/proc/%d/fd" % pid
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                found = os.stat(folder + "/" + name)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return seen
