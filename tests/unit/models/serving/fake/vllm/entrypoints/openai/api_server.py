"""Stands in for vLLM's server: does what the JSON object in SCRIPT says, over a real socket."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SCRIPT: dict[str, Any] = json.loads(os.environ.get("SCRIPT", "{}"))
FIRST_LOOK: list[float] = []


def runs() -> int:
    """How often the server was started, this time included."""
    counter = Path(SCRIPT.get("counter", os.devnull))
    with counter.open("a") as file:
        file.write("x")
    return len(counter.read_text())


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if not FIRST_LOOK and "crash_after" in SCRIPT:
            threading.Timer(SCRIPT["crash_after"], lambda: os._exit(7)).start()
        FIRST_LOOK.append(time.monotonic())
        sick = time.monotonic() - FIRST_LOOK[0] > SCRIPT.get("sick_after", 1e9)
        self.send_response(503 if sick or self.path != "/health" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    args, _ = parser.parse_known_args()
    for name in SCRIPT.get("ignores", ()):
        signal.signal(getattr(signal, name), lambda *_: print("not now", flush=True))
    if "child" in SCRIPT:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(SCRIPT["child"]).write_text(str(child.pid))
    faulty = runs() <= SCRIPT.get("faulty_runs", 99)
    if "log" in SCRIPT:
        print(Path(SCRIPT["log"]).read_text(), flush=True)
    time.sleep(SCRIPT.get("loading", 0))
    if faulty and "status" in SCRIPT:
        sys.exit(SCRIPT["status"])
    server = ThreadingHTTPServer((args.host, args.port), Health)
    if not faulty:
        SCRIPT.pop("sick_after", None)
        SCRIPT.pop("crash_after", None)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("stopped cleanly", flush=True)


if __name__ == "__main__":
    main()
