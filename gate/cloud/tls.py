"""Connections to the real APIs: TLS, and the proxy that the environment names.

The variables are those that everything else heeds: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE.
"""

import asyncio
import base64
import ssl
from functools import cache
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import h11

from gate.cloud.http import Pair
from gate.http1.streams import Side, Streams

_PROXY_PORTS = {"http": 80, "https": 443}


@cache
def trust() -> ssl.SSLContext:
    """Whom to believe: this system's certificates, or certifi's where it has none."""
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not paths.capath:
        import certifi  # noqa: PLC0415 - only where it is needed

        context.load_verify_locations(certifi.where())
    return context


def proxy_for(host: str) -> SplitResult | None:
    """The proxy to go through, None for a direct way."""
    found = getproxies().get("https", "")
    if not found or proxy_bypass(host):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


async def connect_securely(address: tuple[str, int]) -> Pair:
    """A connection with TLS.

    Raises:
        OSError: there is none; the proxy's refusal is one.
    """
    host, port = address
    proxy = proxy_for(host)
    if proxy is None:
        return await asyncio.open_connection(host, port, ssl=trust(), happy_eyeballs_delay=0.25)
    reader, writer = await asyncio.open_connection(
        proxy.hostname,
        proxy.port or _PROXY_PORTS.get(proxy.scheme, 80),
        ssl=trust() if proxy.scheme == "https" else None,
    )
    try:
        side = Side(h11.CLIENT, Streams(reader, writer))
        await _tunnel(side, f"{host}:{port}", proxy)
        await writer.start_tls(trust(), server_hostname=host)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _tunnel(side: Side, target: str, proxy: SplitResult) -> None:
    where = f"proxy {proxy.hostname}"
    headers = [("Host", target), *_authorization(proxy)]
    try:
        answer = await side.ask("CONNECT", target, headers)
    except EOFError:
        raise OSError(f"{where}: closed the connection") from None
    except h11.RemoteProtocolError as error:
        raise OSError(f"{where}: is none ({error})") from None
    if not 200 <= answer.status_code < 300:
        raise OSError(f"{where}: refused to connect (got status {answer.status_code})")


def _authorization(proxy: SplitResult) -> list[tuple[str, str]]:
    if proxy.username is None:
        return []
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return [("Proxy-Authorization", "Basic " + base64.b64encode(pair.encode()).decode())]
