"""Tunnels to hosts that are not the candidate's: passed on, never to this machine."""

import asyncio
import ipaddress
import socket

from gate.http1.streams import Streams

CONNECT_S = 10.0
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog"})
_METADATA = ipaddress.ip_network("fd20:ce::/64")
"""The metadata server's IPv6 address is fd20:ce::254; that of IPv4 is link-local
(https://cloud.google.com/compute/docs/metadata/querying-metadata)."""
_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""Addresses that hold one of IPv4 in their last 32 bits (RFC 6052, RFC 4291)."""
_LAST_32_BITS = (1 << 32) - 1

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):  # noqa: N818 - an answer to the suite, not a failure
    """Where this proxy leads nobody."""


def host_and_port(authority: str) -> tuple[str, int]:
    """What a CONNECT names; an empty host where it is malformed."""
    host, _, port = authority.rpartition(":")
    if not port.isdecimal() or len(port) > 5:
        return "", 0
    return host.strip("[]").lower(), int(port)


async def elsewhere(host: str, port: int) -> Streams:
    """A connection to another host.

    Raises:
        Refused: its name leads to this machine, or to a link-local address such as the metadata
            server's.
        OSError: there is no connection.
    """
    if host.rstrip(".") in _METADATA_NAMES:
        raise Refused("this proxy does not lead to the metadata server")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_S):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
        if not allowed(address):
            raise Refused("this proxy leads neither to this machine nor to its metadata server")
        reader, writer = await asyncio.open_connection(address, port)
    return Streams(reader, writer)


def allowed(address: str) -> bool:
    """Whether the proxy leads to this IP address, however it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return all(_harmless(one) for one in (ip, *_within(ip)))


def _within(ip: _Address) -> tuple[_Address, ...]:
    """The IPv4 address that one of IPv6 stands for, if any."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ()
    found = ip.ipv4_mapped or ip.sixtofour
    if any(ip in network for network in _EMBEDDING):
        found = ipaddress.IPv4Address(int(ip) & _LAST_32_BITS)
    return (found,) if found else ()


def _harmless(ip: _Address) -> bool:
    here = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
    return not here and ip not in _METADATA
