"""A container for tests whose mood changes; run as a program.

It answers 200 to everything, but
    --shy          500 at any address but the first that it was asked at: at the candidate's own it
                   is well, under users' requests it is not
    --while FILE   500 for as long as FILE exists
    --tenth        500 at each tenth request to /shop, which no probe asks
    /slow          answers when FILE (--until FILE) exists, or after a minute
"""

import argparse
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE_S = 60.0


class Server(ThreadingHTTPServer):
    """Knows its mood; listens before it answers anything, as a container must."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, mood: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", int(os.environ["PORT"])), Handler)
        self.mood = mood
        self._first_host = ""
        self._bought = 0
        self._lock = threading.Lock()

    def status(self, host: str, path: str) -> int:
        """What it answers at this address and path now."""
        with self._lock:
            self._first_host = self._first_host or host
            self._bought += path == "/shop"
            if self.mood.tenth and path == "/shop" and self._bought % 10 == 0:
                return 500
        stranger = self.mood.shy and host != self._first_host
        spoilt = self.mood.spoilt is not None and self.mood.spoilt.exists()
        return 500 if stranger or spoilt else 200

    def wait(self) -> None:
        """Holds an answer back."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and not (self.mood.until and self.mood.until.exists()):
            time.sleep(0.05)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Says which revision answers."""
        if self.path == "/slow":
            self.server.wait()
        body = os.environ.get("K_REVISION", "").encode()
        self.send_response(self.server.status(self.headers.get("Host", ""), self.path))
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps still."""


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shy", action="store_true")
    parser.add_argument("--tenth", action="store_true")
    parser.add_argument("--while", dest="spoilt", type=Path, default=None)
    parser.add_argument("--until", type=Path, default=None)
    Server(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
