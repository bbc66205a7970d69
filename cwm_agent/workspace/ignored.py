"""Which paths git would ignore by the user's rules, asked for files that may exist in a sandbox alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from cwm_agent.workspace.private_git import PrivateGit, private_git
from cwm_agent.workspace.repository import Repository


class IgnoreRules:
    """The rules as they are when a path is first asked for; answers are remembered.

    `nested` are the roots of repositories within this one, which have rules of their own.
    """

    def __init__(self, repository: Repository, nested: Iterable[bytes] = ()) -> None:
        self._root = os.fsencode(repository.root)
        self._gits: dict[bytes, PrivateGit] = {b"": private_git(repository)}
        for folder in nested:
            inner = Repository.open(os.fsdecode(self._root + b"/" + folder))
            self._gits[folder + b"/"] = private_git(inner)
        self._known: dict[bytes, bool] = {}

    def ignored(self, paths: Iterable[bytes]) -> set[bytes]:
        """Those of the paths that git ignores; a folder is written with a slash at its end."""
        asked = set(paths)
        unknown = asked - self._known.keys()
        grouped: dict[bytes, list[bytes]] = {}
        for path in unknown:
            self._known[path] = False
            prefix = max((prefix for prefix in self._gits if path.startswith(prefix)), key=len)
            if path != prefix and not self._behind_link(path):
                grouped.setdefault(prefix, []).append(path[len(prefix) :])
        for prefix, inner in grouped.items():
            # `check-ignore` takes "./name" for a name, whatever the name looks like.
            given = b"".join(b"./" + path + b"\0" for path in inner)
            output = self._gits[prefix].run("check-ignore", "--no-index", "-z", "--stdin", stdin=given, accept=(0, 1))
            for path in output.split(b"\0"):
                if path:
                    self._known[prefix + path.removeprefix(b"./")] = True
        return {path for path in asked if self._known[path]}

    def _behind_link(self, path: bytes) -> bool:
        """Whether a folder on the way is a link in the user's tree; git refuses to look behind it."""
        parts = path.rstrip(b"/").split(b"/")
        for count in range(1, len(parts)):
            try:
                mode = os.lstat(self._root + b"/" + b"/".join(parts[:count])).st_mode
            except OSError:
                return False
            if stat.S_ISLNK(mode):
                return True
        return False
