"""What the file service does to the file system, one path at a time. Standard library alone, Python 3.8 and later."""

import hashlib
import os
import shutil
import stat

CHUNK = 1024 * 1024
REGULAR, EXECUTABLE, LINK = 1, 2, 3
OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def kind_of(mode):
    """Which kind of entry a mode is; None for what is neither a file nor a link."""
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & 0o100 else REGULAR
    return LINK if stat.S_ISLNK(mode) else None


def opened(path, mode):
    """Whether the mode of a file of ours could be changed."""
    try:
        os.chmod(path, mode)
    except OSError:
        return False
    return True


def open_to_read(path):
    """A descriptor of a regular file; its owner may read it even where the mode forbids."""
    try:
        return os.open(path, OPEN_FLAGS)
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        if not opened(path, mode | 0o400):
            raise
        try:
            return os.open(path, OPEN_FLAGS)
        finally:
            os.chmod(path, mode)


def digest_of(path, kind):
    """The SHA-256 of a file's content or a link's target."""
    if kind == LINK:
        return hashlib.sha256(os.readlink(path)).digest()
    digest = hashlib.sha256()
    descriptor = open_to_read(path)
    try:
        while True:
            data = os.read(descriptor, CHUNK)
            if not data:
                return digest.digest()
            digest.update(data)
    finally:
        os.close(descriptor)


def list_folder(path):
    """The entries of a folder, one that its mode closes included."""
    try:
        return list(os.scandir(path))
    except PermissionError:
        if not opened(path, stat.S_IMODE(os.lstat(path).st_mode) | 0o700):
            raise
        return list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def mode_for(path, temporary, kind):
    """The permissions of a file that is replaced, or of a new one, made right for its kind."""
    try:
        status = os.lstat(path)
    except OSError:
        status = os.lstat(temporary)
    if not stat.S_ISREG(status.st_mode):
        status = os.lstat(temporary)
    mode = stat.S_IMODE(status.st_mode)
    return mode | ((mode & 0o444) >> 2) | 0o100 if kind == EXECUTABLE else mode & ~0o111


def is_folder(path):
    """Whether a path is a folder itself, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def remove_whatever(path):
    """Remove what is there, if anything is."""
    if is_folder(path):
        for place, _, _ in os.walk(path):
            os.chmod(place, 0o700)
        shutil.rmtree(path)
        return
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
