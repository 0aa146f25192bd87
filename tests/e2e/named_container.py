"""A container that says on every answer which revision it is. Run as a program.

With --broken it answers /health with 500 and closes every chat with 1011 after an error frame. With
--bare, handshakes are answered, and refused at /private, as frameworks do: they name no revision.
"""

import asyncio
import json
import os
import sys

from websockets.asyncio.server import serve

REVISION = os.environ.get("K_REVISION", "")
BROKEN = "--broken" in sys.argv
BARE = "--bare" in sys.argv


def answer(connection, request):
    match request.path:
        case "/ws":
            return None
        case "/private":
            return connection.respond(403, "")
        case "/version":
            return connection.respond(200, json.dumps({"revision": REVISION}))
        case _:
            return connection.respond(500 if BROKEN else 200, "{}")


def named(_connection, request, response):
    if BARE and "upgrade" in request.headers:
        return response
    response.headers["X-Revision"] = REVISION
    return response


async def chat(connection):
    if BROKEN:
        await connection.send('{"type": "error", "error_code": "BROKEN"}')
        await connection.close(1011, "broken")
    await connection.send('{"type": "welcome"}')
    await connection.wait_closed()


async def main():
    port = int(os.environ["PORT"])
    async with serve(
        chat, "127.0.0.1", port, process_request=answer, process_response=named
    ) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
