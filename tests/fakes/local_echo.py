"""A container for tests: answers every request with the request's head, as text. A program."""

import _thread
import os
import socket


def main() -> None:
    """Serves until it is killed."""
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
    while True:
        connection, _ = listener.accept()
        _thread.start_new_thread(_answer, (connection,))


def _answer(connection: socket.socket) -> None:
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65_536)
            if not part:
                return
            head += part
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(head), head)
        )


if __name__ == "__main__":
    main()
