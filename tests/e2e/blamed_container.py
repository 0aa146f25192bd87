"""A container whose faults are told on the command line; run as a program.

It answers /data with {"items": [...], "owner": ...}, /private to whoever has the right token, and
everything else with {"status": "ok"}, but
    --broken         500 at /data
    --first-fails    500 at /data for the first request, and never again
    --sometimes      500 at /data for every second request, the first one included
    --renamed        /data has `keeper` in the place of `owner`
    --down           503 at /data, since its database cannot be reached
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FLAGS = frozenset(sys.argv[1:])
ASKED = iter(range(1_000_000))
LOCK = threading.Lock()


def data():
    """Status and body of /data."""
    with LOCK:
        number = next(ASKED)
    first = "--first-fails" in FLAGS and number == 0
    if "--broken" in FLAGS or first or ("--sometimes" in FLAGS and number % 2 == 0):
        return 500, {"error": "NameError"}
    if "--down" in FLAGS:
        return 503, {"status": "degraded", "error": "connection refused by the database"}
    owner = "keeper" if "--renamed" in FLAGS else "owner"
    return 200, {"items": [{"id": 1}], owner: "alice"}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        status, body = 200, {"status": "ok"}
        if self.path == "/data":
            status, body = data()
        elif self.path == "/private":
            right = self.headers.get("Authorization") == "Bearer the-right-token"
            status, body = (200, {"name": "alice"}) if right else (401, {"detail": "bad token"})
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Revision", os.environ.get("K_REVISION", ""))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keeps still."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
