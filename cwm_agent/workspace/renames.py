"""Which deleted and added files are one file under a new name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cwm_agent.workspace.changes import SYMLINK, Change, ChangeSet, Entry
from cwm_agent.workspace.hunks import is_binary, split_lines

SIMILAR = 50
_MOST_PAIRS = 40_000
_MOST_BYTES = 4 * 1024 * 1024


def similarity(old: bytes, new: bytes) -> int:
    """How much of the larger text is in lines that both have, in percent of its bytes; 100 where they are equal."""
    if old == new:
        return 100
    common = Counter(split_lines(old)) & Counter(split_lines(new))
    shared = sum(len(line) * count for line, count in common.items())
    return min(99, shared * 100 // max(len(old), len(new), 1))


def pair_renames(change_set: ChangeSet) -> ChangeSet:
    """The same changes with each deletion and addition that belong together made one rename; the same content first.

    Files of which at least 50 % are the same lines are paired next, the most similar first. Empty files are not
    paired, links only with equal links.
    """
    changes = change_set.changes
    gone = {c.path: c.old for c in changes if c.old is not None and c.old.content and c.new is None}
    come = {c.path: c.new for c in changes if c.new is not None and c.new.content and c.old is None}
    source = _equal(gone, come)
    taken = set(source.values())
    rest = {path: entry for path, entry in gone.items() if path not in taken}
    source |= _alike(rest, {path: entry for path, entry in come.items() if path not in source})
    taken = set(source.values())
    paired = [
        Change(c.path, gone[source[c.path]], c.new, renamed_from=source[c.path]) if c.path in source else c
        for c in changes
        if c.path not in taken
    ]
    return ChangeSet(tuple(sorted(paired, key=lambda c: c.path)))


def _equal(gone: dict[bytes, Entry], come: dict[bytes, Entry]) -> dict[bytes, bytes]:
    """New path → old path, for equal contents of one kind; the same file name is preferred."""
    by_content: dict[tuple[bytes, bool], list[bytes]] = {}
    for path, entry in gone.items():
        by_content.setdefault((entry.content, entry.mode == SYMLINK), []).append(path)
    found = {}
    for path, entry in come.items():
        places = by_content.get((entry.content, entry.mode == SYMLINK))
        if places:
            best = min(places, key=lambda place: _name(place) != _name(path))
            places.remove(best)
            found[path] = best
    return found


def _alike(gone: dict[bytes, Entry], come: dict[bytes, Entry]) -> dict[bytes, bytes]:
    old, new = _texts(gone.items()), _texts(come.items())
    if len(old) * len(new) > _MOST_PAIRS:
        return {}
    scored = []
    for path, (size, lines) in new.items():
        for place, (old_size, old_lines) in old.items():
            if min(size, old_size) * 100 < max(size, old_size) * SIMILAR:
                continue
            shared = sum(len(line) * count for line, count in (lines & old_lines).items())
            percent = shared * 100 // max(size, old_size)
            if percent >= SIMILAR:
                scored.append((-percent, _name(place) != _name(path), path, place))
    found: dict[bytes, bytes] = {}
    used: set[bytes] = set()
    for _, _, path, place in sorted(scored):
        if path not in found and place not in used:
            found[path] = place
            used.add(place)
    return found


def _texts(entries: Iterable[tuple[bytes, Entry]]) -> dict[bytes, tuple[int, Counter[bytes]]]:
    """Path → size and lines, for the texts among the entries, as long as all of them together are not too large."""
    found = {}
    room = _MOST_BYTES
    for path, entry in entries:
        room -= len(entry.content)
        if room >= 0 and entry.mode != SYMLINK and not is_binary(entry.content):
            found[path] = (len(entry.content), Counter(split_lines(entry.content)))
    return found


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
