"""What is kept of a command's output: the first half is passed on as it comes, the last half at the end."""

from collections import deque


class Kept:
    """Takes output of any length and keeps `limit` bytes: a head that goes out at once, and a ring of the tail."""

    def __init__(self, limit):
        self.written = 0
        self._passed = 0
        self._head_limit = limit // 2
        self._tail_limit = limit - limit // 2
        self._tail = deque()
        self._tail_size = 0

    def feed(self, data):
        """Take the next bytes, return the part of them to pass on now."""
        self.written += len(data)
        now = data[: self._head_limit - self._passed]
        self._passed += len(now)
        rest = data[len(now) :]
        if rest:
            self._keep(rest)
        return now

    def _keep(self, data):
        self._tail.append(data[-self._tail_limit :])
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= self._tail_limit:
            self._tail_size -= len(self._tail.popleft())

    def finish(self):
        """How many bytes in the middle are left out, and the tail."""
        tail = b"".join(self._tail)[-self._tail_limit :]
        return self.written - self._passed - len(tail), tail
