"""The file service: reads, writes and compares the files of a sandbox, for one host at the other end of its streams.

It runs as the user of the commands, who could also write to these files in any other way; the host believes nothing of
what it says but the bytes. Standard library alone, Python 3.8 and later. Paths are bytes, relative to the root that
`argv[1]` names, or absolute.
"""

import errno
import os
import stat
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from filed_disk import CHUNK, LINK, digest_of, is_folder, kind_of, list_folder, open_to_read, remove_whatever
from filed_write import Incoming, clear_way, is_temporary, prune
from framing import BadFrame, read_frame, write_frame

REPLY = 4 * 1024 * 1024
RECORDS = 1000000
GONE = 0
RECORD = struct.Struct(">HBQQ32s")  # length of the path, kind, size, token, SHA-256 or zeros; then the path
NOTHING = bytes(32)


class Service:
    """Answers requests, one after the other; knows the files that the snapshot was made of, once it is told."""

    def __init__(self, root, out):
        self.root = root
        self.out = out
        self.base = {}
        self.since = 0
        self.unit = 1
        self.digests = {}
        self.incoming = None

    def answer(self, header, payload):
        """Carry out one request; what fails by the system's word is answered with its errno."""
        operations = {
            "base": self.take_base,
            "scan": self.scan,
            "read": self.read,
            "write": self.write,
            "remove": self.remove,
            "is_directory": self.is_directory,
        }
        try:
            operations[header["op"]](header, payload)
        except OSError as error:
            self.reply({"errno": error.errno or errno.EIO, "last": True})

    def reply(self, header, payload=b""):
        """One frame to the host."""
        write_frame(self.out, header, payload)

    def resolve(self, path):
        """The place of a path."""
        return path if path.startswith(b"/") else self.root + b"/" + path

    def take_base(self, header, payload):
        """Learn some of the snapshot's files: paths, then sizes, times and kinds as 64-bit numbers."""
        if header["first"]:
            self.base, self.since, self.unit = {}, header["since"], header["unit"]
        count, end = header["count"], header["paths"]
        paths = payload[:end].split(b"\0") if count else []
        numbers = struct.unpack(">%dq" % (3 * count), payload[end:])
        for at, path in enumerate(paths):
            self.base[path] = (numbers[at], numbers[count + at], numbers[2 * count + at])
        self.reply({"last": True})

    def scan(self, _, payload):
        """Report each file that is new, gone, or may be changed; the folders that the payload names are passed by."""
        found, parts, size = set(), [], 0
        for path, status, kind in self.suspects(set(payload.split(b"\0")) if payload else set(), found):
            digest = self.digest(path, status, kind) if path in self.base else NOTHING
            token = hash((status.st_ctime_ns, status.st_mtime_ns, status.st_ino)) & 0xFFFFFFFFFFFFFFFF
            parts.append(RECORD.pack(len(path), kind, status.st_size, token, digest) + path)
            size += len(parts[-1])
            if size > REPLY:
                self.reply({"last": False}, b"".join(parts))
                parts, size = [], 0
        if len(found) < len(self.base) or not self.base.keys() <= found:
            parts += [RECORD.pack(len(path), GONE, 0, 0, NOTHING) + path for path in self.base.keys() - found]
        self.reply({"last": True}, b"".join(parts))

    def suspects(self, passed_by, found):
        """Files that are not plainly those of the snapshot; all that are seen go into `found`."""
        base, since, unit, see = self.base, self.since, self.unit, found.add
        waiting, count = [b""], 0
        while waiting:
            prefix = waiting.pop()
            for entry in list_folder(self.root + b"/" + prefix):
                name = entry.name
                if len(name) == 4 and name.lower() == b".git":
                    continue
                path = prefix + name
                if entry.is_dir(follow_symlinks=False):
                    if path not in passed_by:
                        waiting.append(path + b"/")
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                kind = kind_of(status.st_mode)
                if kind is None or is_temporary(name):
                    continue
                see(path)
                known = base.get(path)
                if (
                    known is None
                    or status.st_ctime_ns >= since
                    or known != (status.st_size, status.st_mtime_ns // unit, kind)
                ):
                    count += 1
                    if count > RECORDS:
                        raise OSError(errno.E2BIG, "too many files")
                    yield path, status, kind

    def digest(self, path, status, kind):
        """The digest of a file, computed anew only when something about it changed."""
        key = (status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino, kind)
        known = self.digests.get(path)
        if known is None or known[0] != key:
            try:
                known = (key, digest_of(self.root + b"/" + path, kind))
            except OSError:
                return NOTHING
            self.digests[path] = known
        return known[1]

    def read(self, header, payload):
        """Send the files that the payload names, each in frames of which the last says so."""
        for path in payload.split(b"\0"):
            try:
                self.send_file(self.resolve(path), header["limit"])
            except OSError as error:
                self.reply({"errno": error.errno or errno.EIO, "last": True})

    def send_file(self, path, limit):
        """One file or link; what would be longer than `limit` bytes is EFBIG."""
        status = os.lstat(path)
        kind = kind_of(status.st_mode)
        if kind is None:
            raise OSError(errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL, "not a file")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, "too large")
        if kind == LINK:
            self.reply({"kind": kind, "last": True}, os.readlink(path))
            return
        descriptor, sent = open_to_read(path), 0
        try:
            data = os.read(descriptor, CHUNK)
            while True:
                following = os.read(descriptor, CHUNK) if data else b""
                sent += len(data)
                if sent > limit:
                    raise OSError(errno.EFBIG, "too large")
                self.reply({"kind": kind, "last": not following}, data)
                if not following:
                    return
                data = following
        finally:
            os.close(descriptor)

    def write(self, header, payload):
        """Take a file, in one part or several."""
        path, data = self.resolve(payload[: header["path"]]), payload[header["path"] :]
        if header["first"]:
            self.abandon()
            if header["parents"]:
                clear_way(self.root, path)
            self.incoming = Incoming(path, header["kind"])
        try:
            self.incoming.take(data, header["last"])
        except OSError:
            self.abandon()
            raise
        if header["last"]:
            self.incoming = None
        self.reply({"last": True})

    def abandon(self):
        """Forget a file that did not arrive whole."""
        if self.incoming is not None:
            self.incoming.abandon()
            self.incoming = None

    def remove(self, _, payload):
        """Remove a file of the snapshot and the folders that are empty then; one that is gone already is no error."""
        path = self.resolve(payload)
        if not is_folder(path):
            remove_whatever(path)
        prune(self.root, os.path.dirname(path))
        self.reply({"last": True})

    def is_directory(self, _, payload):
        """Whether a path is a folder, links followed."""
        self.reply({"last": True, "yes": os.path.isdir(self.resolve(payload))})


def main():
    """Serve until the host hangs up."""
    out = os.dup(1)
    os.dup2(2, 1)
    service = Service(os.fsencode(sys.argv[1]), out)
    while True:
        try:
            frame = read_frame(0)
        except BadFrame:
            return 1
        if frame is None:
            return 0
        service.answer(*frame)


if __name__ == "__main__":
    sys.exit(main())
