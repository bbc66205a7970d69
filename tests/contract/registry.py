"""A registry of one image on this machine, as far as an engine needs one to pull it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def layer(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def image_blobs(files: dict[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """The manifest, and the blobs that it names."""
    plain = layer(files)
    packed = gzip.compress(plain)
    rootfs = {"type": "layers", "diff_ids": [digest_of(plain)]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    described = [
        {"mediaType": kind, "size": len(blob), "digest": digest_of(blob)}
        for kind, blob in (
            ("application/vnd.docker.container.image.v1+json", config),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", packed),
        )
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    return json.dumps(manifest).encode(), {digest_of(blob): blob for blob in (config, packed)}


@contextmanager
def registry(files: dict[str, bytes]) -> Iterator[str]:
    """Serve an image that holds `files`; yields its name, to which the tag v1 belongs."""
    manifest, blobs = image_blobs(files)

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = "application/octet-stream", blobs.get(self.path.rpartition("/")[2], b"")
            if self.path.endswith(("/manifests/v1", digest_of(manifest))):
                kind, body = MANIFEST, manifest
            found = body or self.path == "/v2/"
            body = body or b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest_of(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that the base class calls

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}/cwm-agent-test"
    finally:
        server.shutdown()
        server.server_close()
