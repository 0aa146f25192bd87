"""A container for tests that has excuses; run as a program.

It answers 200 to everything, but
    --starting SECONDS  503 {"status": "starting"} for so long after it has begun to listen
    --hosts FILE        400 without a word at any host that is not in FILE, once there is one
    --says NAME         prints, without a severity, once it was asked: pino, python or node
"""

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SAID = {
    "pino": [json.dumps({"level": 50, "time": 1, "msg": "no such table: orders"})],
    "python": [
        "Traceback (most recent call last):",
        '  File "/app/main.py", line 10, in <module>',
        "    run()",
        "KeyError: 'orders'",
    ],
    "node": [
        "TypeError: orders is not iterable",
        "    at run (/app/index.js:10:9)",
        "    at main (/app/index.js:20:1)",
    ],
}


class Server(ThreadingHTTPServer):
    """Listens at once, whatever it will answer."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, chosen: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", int(os.environ["PORT"])), Handler)
        self.chosen = chosen
        self._ready_at = time.monotonic() + chosen.starting
        self._say = threading.Lock()
        self._said = not chosen.says

    @property
    def starting(self) -> bool:
        """Whether it is too early."""
        return time.monotonic() < self._ready_at

    def refuses(self, host: str) -> bool:
        """Whether it knows this host not."""
        hosts = self.chosen.hosts
        return hosts is not None and hosts.exists() and host not in hosts.read_text().split()

    def say(self) -> None:
        """Prints what it has to say, once."""
        with self._say:
            lines = [] if self._said else SAID[self.chosen.says]
            self._said = True
        for line in lines:
            print(line, file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answers, or says why not."""
        self.server.say()
        status, body = 200, {"status": "ok"}
        if self.server.refuses(self.headers.get("Host", "")):
            status, body = 400, {}
        elif self.server.starting:
            status, body = 503, {"status": "starting"}
        elif self.path.startswith("/gate"):
            status, body = 404, {}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keeps still."""


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--starting", type=float, default=0.0)
    parser.add_argument("--hosts", type=Path, default=None)
    parser.add_argument("--says", default="", choices=["", *SAID])
    Server(parser.parse_args()).serve_forever()


if __name__ == "__main__":
    main()
