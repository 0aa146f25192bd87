"""A container for tests: answers every request with who it is. Run as a program.

--exit N: ends at once with that status. --deaf: runs without listening on PORT.
"""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Answers with the instance's environment."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers 200 with a JSON object."""
        names = ("K_SERVICE", "K_REVISION", "K_CONFIGURATION", "GREETING")
        body = json.dumps({name: os.environ.get(name, "") for name in names}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main(arguments: list[str]) -> int:
    """Serves until SIGTERM; returns the exit status."""
    if arguments[:1] == ["--exit"]:
        print("giving up", file=sys.stderr, flush=True)
        return int(arguments[1])
    if arguments[:1] == ["--deaf"]:
        signal.pause()
        return 0
    port = int(os.environ["PORT"])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
