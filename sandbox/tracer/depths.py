"""The recursion limit while a program is traced: it ends where it would have, and our own calls do not count.

Our callbacks need frames above those of the program. Where a recursion of the user's code comes near the limit, that
is raised, and the error that the interpreter would have raised is raised here.
"""

import sys

_NEAR = 120  # so many frames below the limit is near
_ROOM = 200
EACH = 31
"""The limit is looked at where the depth has these bits: the program may have set another."""


class Depths:
    """Watches how deep the stacks of the user's functions are."""

    def __init__(self):
        self._limit = 0  # the program's own, while it is raised
        self.raised = 0  # what we set the limit to, or 0

    def check(self, depth):
        """Before one more function begins: make room for us, and stop the program at its own limit."""
        now = sys.getrecursionlimit()
        if now != self.raised:
            self.raised = 0
            if depth < now - _NEAR - EACH:
                return
            self._limit, self.raised = now, now + _ROOM
            sys.setrecursionlimit(self.raised)
        if depth >= self._limit:
            raise RecursionError("maximum recursion depth exceeded")

    def relax(self, depth):
        """After a function has ended: set the program's own limit again, away from it."""
        if depth < self._limit - _NEAR - 2 * EACH:
            self.restore()

    def restore(self):
        """Set the program's own limit again, unless it has set another."""
        if self.raised and sys.getrecursionlimit() == self.raised:
            try:
                sys.setrecursionlimit(self._limit)
            except RecursionError:
                pass  # it is deeper than that now
        self.raised = 0
