"""A container that misbehaves on request. Run as a program; what it does is in the request's path.

It tells everybody every secret that it hears: in bodies, headers, frames, close reasons and logs.
With --crash it never listens, and its last words are what LEAK in its environment says.
With --pause SECONDS every answer takes that long.
"""

import asyncio
import base64
import json
import os
import sys
from urllib.parse import quote

from websockets.asyncio.server import serve

SECRET_HEADERS = ("Authorization", "Sec-WebSocket-Protocol", "X-Token", "Cookie")
FRONT_END_REFUSES = "Your client does not have permission to get URL from this server."


async def main() -> int:
    if "--crash" in sys.argv:
        return crash(os.environ["LEAK"])
    port, pause_s = int(os.environ["PORT"]), 0.0
    if "--pause" in sys.argv:
        pause_s = float(sys.argv[sys.argv.index("--pause") + 1])

    async def in_time(connection, request):
        await asyncio.sleep(pause_s)
        return await answer(connection, request)

    async with serve(
        chat, "127.0.0.1", port, process_request=in_time, select_subprotocol=select
    ) as server:
        await server.serve_forever()
    return 0


def crash(words):
    print(json.dumps({"severity": "ERROR", "message": f"no start with {words}"}), flush=True)
    print(f"Traceback: KeyError: {words}", file=sys.stderr, flush=True)
    return 3


def heard(request):
    """The secrets of a request, in every form that comes to mind."""
    told = {}
    for name in SECRET_HEADERS:
        for text in request.headers.get_all(name):
            raw = text.rpartition(" ")[2].removeprefix("jwt.")
            told |= {
                name: text,
                f"{name}-base64": base64.b64encode(raw.encode()).decode(),
                f"{name}-base64url": base64.urlsafe_b64encode(raw.encode()).decode().rstrip("="),
                f"{name}-percent": quote(raw, safe=""),
            }
    return told


async def answer(connection, request):
    if "upgrade" in request.headers.get("Connection", "").lower() and request.path != "/refuse":
        return None
    told = heard(request)
    match request.path.split("?")[0]:
        case "/hang":
            await asyncio.Event().wait()
        case "/front-end-refuses":
            return connection.respond(403, FRONT_END_REFUSES)
        case "/broken":
            return connection.respond(500, "broken")
        case "/echo" | "/refuse":
            log(told)
            status = 200 if request.path == "/echo" else 401
            response = connection.respond(status, json.dumps({"heard": told}))
            for number, text in enumerate(told.values()):
                response.headers[f"X-Heard-{number}"] = text
            return response
        case "/redirect":
            response = connection.respond(307, "")
            response.headers["Location"] = f"/login?token={next(iter(told.values()), '')}"
            return response
    response = connection.respond(200, json.dumps({"status": "healthy"}))
    response.headers["X-Revision"] = os.environ["K_REVISION"]
    return response


def log(told):
    """As JSON with a severity, and as a plain line."""
    print(json.dumps({"severity": "ERROR", "message": f"heard {told}"}), flush=True)
    print(f"heard {json.dumps(told)}", file=sys.stderr, flush=True)


def select(connection, offered):
    return offered[-1] if connection.request.path == "/select" else (offered or [None])[0]


async def chat(connection):
    told = heard(connection.request)
    log(told)
    secret = next(iter(told.values()), "")
    await connection.send(json.dumps({"type": "welcome", "heard": told}))
    await connection.send(f"and in no JSON: {secret}")
    match connection.request.path:
        case "/close":
            await connection.close(4001, f"{secret.rpartition(' ')[2]}"[:123])
        case _:
            await connection.wait_closed()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
