"""Where the frames go: a file that grows under a shared mapping, or a stream.

What is in a shared mapping is the kernel's: it survives a segfault, `os._exit` and SIGKILL, it costs no system call,
and closing every descriptor does not touch it. The rest of the file is zeros until `close`; JSON holds no zero byte.
"""

import os

PIECE = 256 * 1024
_HIGH = 64  # descriptors of ours stay above those that a program gets for its own first files


class Full(Exception):
    """There is no room left for the next frame; the text says which limit it was: bytes or disk."""


def open_sink(path, limit):
    """The sink for a path; `limit` is the most bytes that it takes."""
    path = os.path.abspath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        return Stream(_raised(os.open(path, os.O_WRONLY | os.O_CLOEXEC)), limit)
    fd = _raised(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    try:
        os.ftruncate(fd, 0)
        import mmap
    except (OSError, ImportError):
        return Stream(fd, limit)
    os.close(fd)
    return Mapped(path, limit, mmap)


class Mapped:
    """A regular file, written through a mapping of its last piece."""

    def __init__(self, path, limit, mmap):
        self._path = path
        self._mmap = mmap
        self._limit = limit
        self._before = 0  # bytes of the pieces before this one
        self._end = 0  # where the last whole line ends, in the file
        self._size = 0
        self._at = 0
        self._piece = None
        status = os.stat(path)
        self._identity = (status.st_dev, status.st_ino)

    def append(self, data):
        """Write one line; Full when it does not fit the limit, or the disk.

        A line is never spread over two pieces: a signal handler of the program's may raise in the middle of this.
        """
        at = self._at
        end = at + len(data)
        if end > self._size:
            self._make_room(len(data))
            at, end = 0, len(data)
        self._piece[at:end] = data
        self._at = end
        self._end = self._before + end

    def _make_room(self, length):
        if self._before + self._at + length > self._limit:
            raise Full("bytes")
        if self._at < self._size:
            self._piece[self._at : self._size] = b" " * (self._size - self._at)  # blanks before the next line
        self._grow(-(-length // PIECE) * PIECE)

    def _grow(self, size):
        start = self._before + self._size
        fd = -1
        try:
            fd = _raised(os.open(self._path, os.O_RDWR | os.O_CLOEXEC))
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) != self._identity:
                raise Full("disk")
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, start, size)  # a hole in the file would be a SIGBUS where the disk is full
            else:
                os.ftruncate(fd, start + size)
            fillers = _fillers()
            try:
                piece = self._mmap.mmap(fd, size, offset=start)
            finally:
                for filler in fillers:
                    os.close(filler)
        except OSError as error:
            _ours(error)
            raise Full("disk") from None
        finally:
            if fd >= 0:
                os.close(fd)
        self._before, self._size, self._at, self._piece = start, size, 0, piece

    def close(self):
        """Cut the zeros off."""
        try:
            if os.stat(self._path).st_ino == self._identity[1]:
                os.truncate(self._path, self._end)
        except OSError:
            pass
        self._size = self._at


class Stream:
    """A pipe or a terminal: one write for each frame, and none once the descriptor is no longer ours."""

    def __init__(self, fd, limit):
        self._fd = fd
        self._left = limit
        self._identity = self._look()

    def _look(self):
        status = os.fstat(self._fd)
        return (status.st_dev, status.st_ino)

    def append(self, data):
        """Write bytes; Full when they do not fit the limit, or nobody takes them."""
        self._left -= len(data)
        if self._left < 0:
            raise Full("bytes")
        try:
            if self._look() != self._identity:
                raise Full("disk")
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as error:
            _ours(error)
            raise Full("disk") from None

    def close(self):
        """Nothing is buffered."""


def _ours(error):
    """Raise an error again that a signal handler of the program's raised in here; a TimeoutError is an OSError, too."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    if last.tb_frame.f_code.co_filename != __file__:
        raise error


def _raised(fd):
    """The same file under a higher number."""
    try:
        import fcntl

        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except ImportError:
        return fd
    except OSError as error:
        _ours(error)
        return fd
    os.close(fd)
    return high


def _fillers():
    """Descriptors that take the low numbers, for a mapping duplicates its descriptor to the lowest that is free."""
    taken = []
    try:
        while not taken or taken[-1] < _HIGH - 1:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        _ours(error)
    return taken
