"""The container of the campaign's services. Run as a program: container.py MODE.

good: answers 200. slow: so, after a second and more. bad: answers 500. turns: answers 200 eight
times, then 500. mute: listens and never answers. dead: does not start. Imports next to nothing, so
that a revision is up in no time.
"""

import _thread
import os
import socket
import sys
import time

TURNS_AFTER = 8
SLOW_S = 1.3
_ASKED = [0]


def main(mode: str) -> int:
    if mode == "dead":
        print("cannot start", file=sys.stderr, flush=True)
        return 3
    listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=64)
    while True:
        connection, _ = listener.accept()
        _thread.start_new_thread(answer, (connection, mode))


def answer(connection: socket.socket, mode: str) -> None:
    with connection:
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65_536)
            if not part:
                return  # the startup probe only connects
            received += part
        if mode == "slow":
            time.sleep(SLOW_S)
        while mode == "mute":
            if not connection.recv(65_536):
                return
        connection.sendall(reply(mode))


def reply(mode: str) -> bytes:
    _ASKED[0] += 1
    well = mode in ("good", "slow") or (mode == "turns" and _ASKED[0] <= TURNS_AFTER)
    body = f'{{"ok": {"true" if well else "false"}}}'
    status = "200 OK" if well else "500 Internal Server Error"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += f"X-Revision: {os.environ['K_REVISION']}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
