"""A copy of the user's files that containers can look at, kept per repository and brought up to date by what changed.

What a live container looks at must not change. So a mirror is a *base*, which is updated in place while nobody uses it,
and otherwise a *delta* over it: the changed files, and a whiteout for each file that is gone. The history (`.git`) is a
layer of its own. A process that dies half-way leaves a list of the paths that the next one has to look at again.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from cwm_agent.containers.copying import copy, digest_of
from cwm_agent.containers.generation import Generation, Place
from cwm_agent.containers.layers import Layer, Lock, State, alone, remove_tree
from cwm_agent.containers.trees import give, make_folders, remove_files, whiteouts
from cwm_agent.errors import SandboxDiskFull
from cwm_agent.resources import cache_folder, private_folder
from cwm_agent.workspace.atomic import replace
from cwm_agent.workspace.history import History, build, wanted_history
from cwm_agent.workspace.listing import Listing, Stamp, list_files
from cwm_agent.workspace.private_git import identity, prepare
from cwm_agent.workspace.repository import Repository

_TICK = 100_000_000
_COARSE_TICK = 2_000_000_000
_THREADS = 4
_CHUNK = 256
_LARGE_DELTA = 5000
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Current(Struct, frozen=True):
    """Which layers are the newest."""

    base: str = ""
    delta: str = ""
    history: str = ""
    made_from: History = History()
    note: str = ""


def sync(repository: Repository, uid: int) -> Generation:
    """Bring the mirror of a repository up to date and hold it; files belong to `uid` where we may give them away.

    SandboxDiskFull where no room is left; what was there before stays usable.
    """
    private_folder(cache_folder())
    home = private_folder(private_folder(cache_folder() / "mirrors") / f"{identity(repository.root)}-{uid}")
    owner = uid if os.geteuid() == 0 else None
    try:
        with alone(home / "lock"):
            return _Update(repository, home, owner).run()
    except OSError as error:
        if error.errno in _FULL:
            raise SandboxDiskFull(
                f"No room is left for the snapshot of {repository.root} in {cache_folder()}.",
                remedy="Free some space there, or set CWM_AGENT_HOME to a folder on a larger disk.",
            ) from error
        raise


class _Update:
    """One run of `sync`, under the mirror's lock."""

    def __init__(self, repository: Repository, home: Path, owner: int | None) -> None:
        self.repository = repository
        self.home = home
        self.owner = owner
        self.root = os.fsencode(repository.root) + b"/"
        self.boot = _boot()
        self.started = time.time_ns()
        self.git = prepare(repository)
        self.listing: Listing = list_files(repository, self.git)
        self.current = self._current()

    def _current(self) -> Current:
        try:
            return msgspec.msgpack.decode((self.home / "current").read_bytes(), type=Current)
        except (OSError, msgspec.DecodeError):
            return Current()

    def run(self) -> Generation:
        before, locks = self.current, list[Lock]()
        try:
            with ThreadPoolExecutor(1) as beside:  # packing commits and copying files do not wait for each other
                packing = beside.submit(self._history)
                files, state = self._files(locks)
                past, made_from, note = packing.result()
            self.current = msgspec.structs.replace(self.current, history=past.path.name, made_from=made_from, note=note)
            locks += [lock for layer in (*files[:-1], past) if (lock := layer.lock(shared=True))]
            if self.current != before:
                replace(self.home / "current", msgspec.msgpack.encode(self.current))
            self._clean()
        except BaseException:
            for lock in locks:
                lock.release()
            raise
        return Generation([*files[:-1], past, files[-1]], locks, state, self.listing, self.current.note)

    def _files(self, locks: list[Lock]) -> tuple[list[Layer], State]:
        """The layers of files, topmost first, up to date, and the lock on the base in `locks`."""
        if not self.current.base:
            return self._new_base(None, locks)
        base = Layer(self.home / self.current.base)
        delta = Layer(self.home / self.current.delta) if self.current.delta else None
        try:
            state = (delta or base).read()
        except (OSError, msgspec.DecodeError):
            return self._new_base(None, locks)
        place = Place(state, base, delta)
        stale = self._stale(state, place)
        unused = base.lock(shared=False)
        if unused is not None:
            locks.append(unused)
            if stale or delta is not None:
                state = self._update_base(base, place, stale)
                self.current = msgspec.structs.replace(self.current, delta="")
                delta = None
            unused.share()
        elif stale:
            return self._new_delta(base, place, stale, locks)
        else:
            locks += [lock for lock in (base.lock(shared=True),) if lock]
        if not stale and (state.racy or state.boot != self.boot):
            state.racy = [path for path in state.racy if self._is_racy(state.stamps[path])]
            state.boot = self.boot
            (delta or base).write(state)
        return [layer for layer in (delta, base) if layer], state

    def _stale(self, state: State, place: Place) -> set[bytes]:
        """The paths whose copy is missing, superfluous or not what the user's file is now."""
        wanted, known = self.listing.files, state.stamps
        if state.boot != self.boot:
            for path in [path for path in known if not place.is_whole(path)]:
                known[path] = (-1, 0, 0, 0, 0)
        for path in state.racy:
            if wanted.get(path) == known.get(path) and digest_of(self.root + path) != state.digests.get(path):
                known[path] = (-1, 0, 0, 0, 0)
        if wanted == known:
            return set()
        stale = {path for path, stamp in wanted.items() if known.get(path) != stamp}
        return stale | (known.keys() - wanted.keys())

    def _update_base(self, base: Layer, place: Place, stale: set[bytes]) -> State:
        """Bring the base up to date in place: nobody looks at it. The delta's files move into it."""
        own, old = place.own, base.read() if place.delta else place.state
        superfluous = old.stamps.keys() - self.listing.files.keys()
        moving = {path for path in own if path in self.listing.files and path not in stale}
        touched = superfluous | moving | stale
        base.begin(list(touched))
        tree = os.fsencode(base.tree) + b"/"
        remove_files(tree, touched & old.stamps.keys())
        make_folders(tree, moving | stale & self.listing.files.keys(), self.owner)
        for path in moving:
            os.rename(place.locate(path), tree + path)  # noqa: PTH104  (paths are bytes)
        state = self._state(place, self._copy(tree, stale), None)
        base.write(state)
        return state

    def _new_delta(self, base: Layer, place: Place, stale: set[bytes], locks: list[Lock]) -> tuple[list[Layer], State]:
        """What differs from the base, in a layer of its own: somebody looks at the base."""
        under = base.read().stamps if place.delta else {**place.state.stamps}
        wanted = self.listing.files
        differing = {path for path, stamp in wanted.items() if under.get(path) != stamp} | (stale & wanted.keys())
        if len(differing) > max(_LARGE_DELTA, len(wanted) // 2):
            return self._new_base(place, locks, stale)
        layer = Layer.make(self.home, "delta")
        tree = os.fsencode(layer.tree) + b"/"
        if self.owner is not None:
            os.chown(layer.tree, self.owner, self.owner)
        try:
            for path in whiteouts(under, wanted):
                make_folders(tree, [path], self.owner)
                os.mknod(tree + path, stat.S_IFCHR, os.makedev(0, 0))
        except PermissionError:
            remove_tree(layer.path)
            return self._new_base(place, locks, stale)
        make_folders(tree, differing, self.owner)
        for path in differing - stale:
            os.link(place.locate(path), tree + path, follow_symlinks=False)
        state = self._state(place, self._copy(tree, stale), list(differing))
        layer.write(state)
        self.current = msgspec.structs.replace(self.current, delta=layer.path.name)
        locks += [lock for lock in (base.lock(shared=True),) if lock]
        return [layer, base], state

    def _new_base(
        self, place: Place | None, locks: list[Lock], stale: set[bytes] | None = None
    ) -> tuple[list[Layer], State]:
        """A whole new base; what an older one of ours has is linked, the rest copied."""
        layer = Layer.make(self.home, "base")
        if self.owner is not None:
            os.chown(layer.tree, self.owner, self.owner)
        tree = os.fsencode(layer.tree) + b"/"
        make_folders(tree, self.listing.files, self.owner)
        missing = self.listing.files.keys() if place is None else stale or set()
        if place is not None:
            for path in self.listing.files.keys() - missing:
                os.link(place.locate(path), tree + path, follow_symlinks=False)
        state = self._state(place, self._copy(tree, missing), None)
        layer.write(state)
        self.current = msgspec.structs.replace(self.current, base=layer.path.name, delta="")
        locks += [lock for lock in (layer.lock(shared=True),) if lock]
        return [layer], state

    def _copy(self, tree: bytes, paths: Iterable[bytes]) -> dict[bytes, tuple[Stamp, bytes]]:
        wanted = [path for path in paths if path in self.listing.files]
        chunks = [wanted[at : at + _CHUNK] for at in range(0, len(wanted), _CHUNK)]

        def work(chunk: list[bytes]) -> list[tuple[bytes, tuple[Stamp, bytes] | None]]:
            return [(path, copy(self.root + path, tree + path, self.owner)) for path in chunk]

        with ThreadPoolExecutor(_THREADS) as pool:
            return {path: found for chunk in pool.map(work, chunks) for path, found in chunk if found is not None}

    def _state(self, place: Place | None, copied: dict[bytes, tuple[Stamp, bytes]], own: list[bytes] | None) -> State:
        """The state of the whole tree as it now is: what was copied anew, and what stays of before."""
        old = place.state if place else State({}, {}, [], "")
        stamps, digests = dict[bytes, Stamp](), dict[bytes, bytes]()
        for path, stamp in self.listing.files.items():
            if (found := copied.get(path)) is not None:
                stamps[path], digests[path] = found
            elif old.stamps.get(path) == stamp:
                stamps[path], digests[path] = stamp, old.digests[path]
        near = [path for path in {*copied, *old.racy} if path in stamps and self._is_racy(stamps[path])]
        if own is not None:
            own = [path for path in own if path in stamps]
        return State(stamps, digests, near, self.boot, own)

    def _is_racy(self, stamp: Stamp) -> bool:
        tick = _COARSE_TICK if stamp[2] % 1_000_000_000 == 0 else _TICK
        return max(stamp[1], stamp[2]) >= self.started - tick

    def _history(self) -> tuple[Layer, History, str]:
        """The layer with `.git`, made anew where HEAD, the index or the rules changed; what it holds, and a note."""
        current, previous = self.current, None
        made_from, wanted = current.made_from, wanted_history(self.repository, self.git)
        if current.history and (self.home / current.history).is_dir():
            layer = Layer(self.home / current.history)
            if msgspec.structs.replace(made_from, whole=True) == wanted:
                return layer, made_from, current.note
            previous = (layer.tree / ".git", made_from)
        layer = Layer.make(self.home, "history")
        made_from, note = build(self.repository, self.git, layer.tree / ".git", previous)
        give(layer.tree, self.owner)
        return layer, made_from, note

    def _clean(self) -> None:
        kept = {self.current.base, self.current.delta, self.current.history}
        for kind in ("base", "delta", "history"):
            for path in self.home.glob(f"{kind}-*"):
                if path.name not in kept:
                    Layer(path).remove_if_unused()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
