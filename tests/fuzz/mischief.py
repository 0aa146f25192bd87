"""What a server that means harm may do; its randomness comes from outside, drawn from a seed."""

import asyncio
import base64
import gzip
import hashlib
import json
import struct
import zlib
from functools import cache

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PASSWD = "/etc/passwd"
ACTING = (
    "\x1b[2J\x1b[31mOWNED",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9b31m\x9d0;x\x9c",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "[bold red]OWNED[/bold red] [link=http://evil.example]x[/link]",
    "\u202eevil\u202c \u2066x\u2069 \u200b\ufeff",
    "a\x00b\x08\x08\x7f",
    "a\r\nInjected: yes\r\n",
    "\u2028\u2029\x85\x0b\x0c",
    "| a | b |\n|---|---|\n# heading",
    "::error file=x::y\n##vso[task.setvariable variable=x]y",
    "[x](javascript:alert(1)) ![x](http://evil.example/x.png) `x` ~~~",
    "\U000e0041\U000e0042 e\u0301\u0301\u0301\u0301\u0301",
    "%s%n%x {0} ${alice} $(id) `id`",
)


def acting(rng):
    """A text that would act where it is shown raw."""
    return "".join(rng.choice(ACTING) for _ in range(rng.randint(1, 4)))


def nasty_bytes(rng):
    """The same, and bytes that are no text at all."""
    kinds = (
        lambda: acting(rng).encode(),
        lambda: rng.randbytes(rng.choice([1, 40, 5000])),
        lambda: b"\xff\xfe" + acting(rng).encode("utf-16-le", "surrogatepass"),
        lambda: b"\xc0\xaf\xed\xa0\x80\xf8\x88" * 20,
        lambda: b"\x00" * rng.choice([1, 100_000]),
        lambda: b"x" * 470 + acting(rng).encode(),
    )
    return rng.choice(kinds)()


def nasty_json(rng):
    """JSON, or nearly: deep, wide, huge, twice, or with texts that would act."""
    text = acting(rng)
    kinds = (
        lambda: b"[" * 200_000,
        lambda: b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
        lambda: b"[" * 900 + b"]" * 900,
        lambda: b'{"status":' + b"9" * rng.choice([400, 5000, 900_000]) + b"}",
        lambda: b'{"status":1e%d}' % rng.choice([308, 309, 10**9]),
        lambda: b'{"status":"ok","status":"no","status":NaN}',
        lambda: b'{"status":-Infinity}',
        lambda: b"[" + b",".join([b"1"] * 400_000) + b"]",
        lambda: b"[" + b",".join([b"{}"] * 300_000) + b"]",
        lambda: json.dumps({f"k{n}": n for n in range(60_000)}).encode(),
        lambda: json.dumps({"items": [n if n % 2 else str(n) for n in range(80_000)]}).encode(),
        lambda: json.dumps({"status": text, text: {text: text}, "list": [text]}).encode(),
        lambda: json.dumps({"status": text}, ensure_ascii=False).encode("utf-8", "replace"),
        lambda: b'{"status":"\\ud800","type":"\\udc00\\u001b[31m"}',
        lambda: json.dumps({"type": "error", "error": {"code": text, "message": text}}).encode(),
        lambda: json.dumps({"type": text, "text": "a" * 40_000 + "!"}).encode(),
        lambda: json.dumps({"k" * 200_000: "v" * 200_000}).encode(),
        lambda: "\ufeff".encode() + b'{"status":"no"}',
        lambda: json.dumps({"status": "no"}).encode("utf-16"),
    )
    return rng.choice(kinds)()


@cache
def bomb(window):
    """A gigabyte of nothing in a megabyte; `window` as zlib has it: gzip, zlib or raw deflate.

    One megabyte is packed and said a thousand times; what ends the whole is never reached.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    heads = {31: gzip.compress(b"")[:10], 15: b"\x78\xda", -15: b""}
    return heads[window] + block * 1000


def locations(canary):
    """Where a redirect must not lead: files, metadata, this machine, other schemes, nowhere."""
    return (
        f"http://{canary}/stolen",
        f"//{canary}/stolen",
        f"http://evil@{canary}/stolen",
        f"ws://{canary}/stolen",
        f"file://{PASSWD}",
        "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://localhost:22/",
        "http://[::1]:1/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http://[bad",
        "http://127.0.0.1:99999999/",
        "\x1b[2J\x1b]0;x\x07",
        "/" + "a" * 100_000,
        "../" * 20_000,
        "",
    )


# Answers to any request, in bytes. Each ends by itself; whoever sends them may go on.


def redirect(rng, canary):
    """A 3xx that leads away, alone or with another, or with a refresh."""
    status = rng.choice([301, 302, 303, 307, 308, 300, 399])
    where = rng.choice(locations(canary)).encode("latin-1", "replace")
    more = b"Location: http://%s/too\r\n" % canary.encode() if rng.random() < 0.2 else b""
    refresh = b"Refresh: 0;url=http://%s/r\r\n" % canary.encode()
    head = b"HTTP/1.1 %d Go\r\nLocation: %s\r\n" % (status, where)
    return head + more + refresh + b"Content-Length: 0\r\n\r\n"


def odd_head(rng, _):
    """A head that no server should send."""
    text = nasty_bytes(rng)
    kinds = (
        lambda: b"HTTP/1.1 200 " + text + b"\r\nContent-Length: 0\r\n\r\n",
        lambda: b"HTTP/1.1 200 OK\r\nX-Evil: " + text + b"\r\n\r\nhello",
        lambda: b"HTTP/1.1 200 OK\r\n" + text + b": x\r\n\r\n",
        lambda: b"HTTP/1.1 200 OK\r\nX: " + b"y" * rng.choice([70_000, 4_000_000]) + b"\r\n\r\n",
        lambda: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * rng.choice([200, 200_000]) + b"\r\n",
        lambda: b"HTTP/1.1 200 OK\r\n" + b"X" * 3_000_000,
        lambda: b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 4000 + b"\r\n\r\n",
        lambda: (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: Upgrade\r\n\r\n"
            + text
        ),
        lambda: b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
        lambda: b"HTTP/1.1 99999999999999999999 Odd\r\n\r\n",
        lambda: b"HTTP/9.9 200 OK\r\n\r\n",
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhello",
        lambda: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"
        ),
        lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
        lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * 3_000_000,
        lambda: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 300_000
        ),
        lambda: b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        lambda: b"\x15\x03\x01\x00\x02\x02\x28",
        lambda: b"<html>" + text,
        lambda: b"",
        lambda: text,
    )
    return rng.choice(kinds)()


def odd_body(rng, _):
    """A well-formed head and a body that is not."""
    status = rng.choice(
        ["200 OK"] * 6 + ["500 Oops", "404 Not Found", "401 No", "200 " + "x" * 2000]
    )
    body = rng.choice([nasty_json, nasty_json, nasty_json, nasty_bytes])(rng)
    extra = rng.choice(
        [b"", b"WWW-Authenticate: " + b"x" * 9000 + b"\r\n", b"Set-Cookie: a=b\r\n" * 50]
    )
    return (
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
        % (*(status.encode(), extra, len(body)),)
        + body
    )


def packed(rng, _):
    """A body that is packed, or says so: bombs, cut ones, several in a row, other packers."""
    small = gzip.compress(b'{"status":"no"}')
    kinds = (
        lambda: (b"gzip", bomb(31)),
        lambda: (b"GZIP", bomb(31)),
        lambda: (b"gzip, gzip", gzip.compress(bomb(31))),
        lambda: (b"deflate", bomb(15)),
        lambda: (b"deflate", bomb(-15)),
        lambda: (b"br", rng.randbytes(50_000)),
        lambda: (b"zstd", b"\x28\xb5\x2f\xfd" + rng.randbytes(50_000)),
        lambda: (b"gzip", small[: rng.randint(1, len(small) - 1)]),
        lambda: (b"gzip", small * 30_000),
        lambda: (b"gzip", small + b"\x00" * 100_000),
        lambda: (b"gzip", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 900_000),
        lambda: (b"gzip", rng.randbytes(4000)),
        lambda: (acting(rng).encode().replace(b"\n", b" ").replace(b"\r", b" "), b"hello"),
    )
    encoding, body = rng.choice(kinds)()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
        % (*(encoding, len(body)),)
        + body
    )


ANSWERS = (redirect, odd_head, odd_body, odd_body, odd_body, packed)


# Ways to send.


async def at_once(writer, data, _):
    """All of it, then the end."""
    writer.write(data)
    await writer.drain()


async def and_stay(writer, data, _):
    """All of it, and the connection stays open."""
    await at_once(writer, data, None)
    await asyncio.Event().wait()


async def in_drops(writer, data, rng):
    """A byte now and then, for ever."""
    pause_s = rng.choice([0.005, 0.05])
    for at in range(min(len(data), 20_000)):
        writer.write(data[at : at + 1])
        await writer.drain()
        await asyncio.sleep(pause_s)
    await asyncio.Event().wait()


async def for_ever(writer, data, _):
    """Again and again, as fast as it is taken."""
    block = data * max(1, 65_536 // max(1, len(data))) if len(data) < 65_536 else data
    while True:
        writer.write(block or b"\r\n")
        await writer.drain()


async def then_without_end(writer, data, rng):
    """All of it, and then a body that never ends."""
    await at_once(writer, data, None)
    await for_ever(writer, rng.choice([bytes(65_536), b"[" * 65_536, b"1\r\nx\r\n" * 10_000]), None)


async def and_reset(writer, data, _):
    """Half of it, and a reset."""
    writer.write(data[: len(data) // 2 + 1])
    writer.transport.abort()


SENDING = (at_once, at_once, at_once, and_stay, in_drops, for_ever, then_without_end, and_reset)


# WebSocket: frames after a correct handshake.


def frame(payload=b"", first=0x81, size=None):
    """One frame of a server, or only the beginning of one."""
    size = len(payload) if size is None else size
    if size < 126:
        return bytes([first, size]) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def frames(rng, _):
    """Frames that no server should send, or that no client should show."""
    text = acting(rng)
    data = text.encode()
    deflated = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = deflated.compress(bytes(rng.choice([100, 50 << 20]))) + deflated.flush()
    code = struct.pack("!H", rng.choice([1000, 1001, 1006, 1008, 1011, 1015, 0, 3000, 4999, 65535]))
    kinds = (
        lambda: frame(nasty_json(rng)[:1_000_000]),
        lambda: frame(nasty_bytes(rng)),
        lambda: frame(nasty_bytes(rng), first=0x82),
        lambda: frame(code + data[:120], first=0x88),
        lambda: frame(code + b"\xff\xfe", first=0x88),
        lambda: frame(b"\x03", first=0x88),
        lambda: frame(data[:120], first=0x89),
        lambda: frame(data[:120], first=0x8A),
        lambda: frame(b"x" * 2000, first=0x89),
        lambda: frame(block, first=0xC1),
        lambda: frame(b"x", first=0x01) + frame(b"x" * 60_000, first=0x00) * 40,
        lambda: frame(b"x", first=0x01) + frame(b"", first=0x00) * 20_000,
        lambda: frame(b"x", first=0x80),
        lambda: frame(size=rng.choice([100 << 20, 1 << 62, (1 << 63) + 1])),
        lambda: bytes([0x81, 0x85]) + b"maskhello",
        lambda: frame(b"x", first=rng.choice([0x83, 0x8B, 0xF1, 0xA1])),
        lambda: frame(json.dumps({"type": "welcome", "text": text}).encode()),
        lambda: frame(b'{"type":"ping"}') * rng.choice([1, 5000]),
        lambda: frame(b"") * 5000,
        lambda: frame(b"{}") * 5000 + frame(code, first=0x88),
        lambda: (
            frame(json.dumps({"type": "error", "error": text}).encode()) + frame(code, first=0x88)
        ),
        lambda: rng.randbytes(3000),
        lambda: b"",
    )
    return b"".join(rng.choice(kinds)() for _ in range(rng.choice([1, 1, 3])))


def shaken(head, rng, canary):
    """An answer to a handshake that is right, or nearly."""
    key = next(
        line[18:].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    extra = rng.choice(
        [b""] * 6
        + [
            b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
            b"Sec-WebSocket-Protocol: "
            + acting(rng).encode("ascii", "ignore").replace(b"\n", b" ").replace(b"\r", b" ")
            + b"\r\n",
            b"Sec-WebSocket-Protocol: jwt-auth\r\nSec-WebSocket-Protocol: other\r\n",
            b"X: y\r\n" * rng.choice([100, 1000]),
            b"Location: http://%s/stolen\r\n" % canary.encode(),
        ]
    )
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extra + b"\r\n"
    )


def echo(head, rng):
    """Whatever the client sent, its token included, in every place that may be shown."""
    flat = head.replace(b"\r\n", b" ")
    kinds = (
        lambda: b"HTTP/1.1 500 " + flat[:8000] + b"\r\nContent-Length: 0\r\n\r\n",
        lambda: b"HTTP/1.1 302 Found\r\nLocation: /?" + flat.replace(b" ", b"+") + b"\r\n\r\n",
        lambda: b"HTTP/1.1 200 OK\r\nServer: " + flat + b"\r\n\r\n" + head,
        lambda: (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: "
            + flat
            + b"\r\n\r\n"
            + b"x" * rng.randint(0, 600)
            + head
        ),
        lambda: (
            b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps({"status": head.decode("latin-1")}).encode()
        ),
        lambda: flat,
    )
    return rng.choice(kinds)()
