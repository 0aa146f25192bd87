"""Tunnels to hosts that are not the candidate's: passed on, never to this machine."""

import asyncio
import ipaddress
import socket

from gate.probes.suite.relay import StreamPipe

CONNECT_S = 10.0


class Refused(Exception):  # noqa: N818 - an answer to the suite, not a failure
    """Where this proxy leads nobody."""


def host_and_port(authority: str) -> tuple[str, int]:
    """What a CONNECT names; an empty host where it is malformed."""
    host, _, port = authority.rpartition(":")
    if not port.isdecimal() or len(port) > 5:
        return "", 0
    return host.strip("[]").lower(), int(port)


async def elsewhere(host: str, port: int) -> StreamPipe:
    """A connection to another host.

    Raises:
        Refused: its name leads to this machine, or to a link-local address such as the metadata
            server's.
        OSError: there is no connection.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not _allowed(address):
            raise Refused("this proxy leads neither to this machine nor to link-local addresses")
        reader, writer = await asyncio.open_connection(address, port)
    return StreamPipe(reader, writer)


def _allowed(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)
