"""A file that arrives in parts and is put in place in one step. Standard library alone, Python 3.8 and later."""

import os

from filed_disk import LINK, is_folder, mode_for, remove_whatever

PREFIX = b".cwm-"
NEW_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_temporary(name):
    """Whether a name is one that an unfinished write of ours has."""
    return len(name) == len(PREFIX) + 16 and name.startswith(PREFIX)


class Incoming:
    """One file on its way to `path`; it lies beside it until it is whole."""

    def __init__(self, path, kind):
        self.path = path
        self.kind = kind
        self.temporary = os.path.dirname(path) + b"/" + PREFIX + os.urandom(8).hex().encode()
        self.descriptor = None if kind == LINK else os.open(self.temporary, NEW_FLAGS, 0o666)

    def take(self, data, last):
        """Add a part; the last one puts the file in place. A link comes in one part."""
        if self.kind == LINK:
            os.symlink(data, self.temporary)
        else:
            view = memoryview(data)
            while view:
                view = view[os.write(self.descriptor, view) :]
        if last:
            if self.kind != LINK:
                os.fchmod(self.descriptor, mode_for(self.path, self.temporary, self.kind))
            os.rename(self.temporary, self.path)
            self.close()

    def close(self):
        """Close what is open."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def abandon(self):
        """Take away what is there of it."""
        self.close()
        try:
            os.unlink(self.temporary)
        except OSError:
            pass


def clear_way(root, path):
    """Make the folders that lead to a path under `root`, and remove what stands in their place or in its."""
    place = root
    for part in path[len(root) + 1 :].split(b"/")[:-1]:
        place += b"/" + part
        if not is_folder(place):
            remove_whatever(place)
            os.mkdir(place)
    if is_folder(path):
        remove_whatever(path)


def prune(root, folder):
    """Remove a folder and those above it, as long as they are empty and under `root`."""
    try:
        while len(folder) > len(root):
            os.rmdir(folder)
            folder = os.path.dirname(folder)
    except OSError:
        pass
