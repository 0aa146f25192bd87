"""A container for tests: answers every request with who it is. Run as a program.

--exit N: ends at once with that status. --deaf: runs without listening on PORT. --echo: answers
with the request's head, as text. Imports next to nothing, so that a test's revision is up in a few
milliseconds.
"""

import _thread
import os
import socket
import sys

_NAMES = ("K_SERVICE", "K_REVISION", "K_CONFIGURATION", "GREETING")


def main(arguments: list[str]) -> int:
    """Serves until it is killed; returns the exit status."""
    if arguments[:1] == ["--exit"]:
        print("giving up", file=sys.stderr, flush=True)
        return int(arguments[1])
    if arguments[:1] == ["--deaf"]:
        while True:
            os.read(os.pipe()[0], 1)
    echo = arguments[:1] == ["--echo"]
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    while True:
        connection, _ = listener.accept()
        _thread.start_new_thread(_answer, (connection, echo))


def _answer(connection: socket.socket, echo: bool) -> None:
    """Answers one request, then closes."""
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65_536)
            if not part:
                return
            head += part
        form, body = ("text/plain", head) if echo else ("application/json", _who())
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: {form}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )


def _who() -> bytes:
    """The instance's environment."""
    pairs = (f'"{name}": "{os.environ.get(name, "")}"' for name in _NAMES)
    return f"{{{', '.join(pairs)}}}".encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
