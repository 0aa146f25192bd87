"""A certificate authority for one run: the suite trusts it through its environment, nobody else."""

import ssl


class Authority:
    """Vouches for host names that are fixed in a suite's code.

    Args:
        hosts: the names.
    """

    def __init__(self, hosts: tuple[str, ...]) -> None:
        import trustme  # noqa: PLC0415 - lazy: only with hosts, and of an extra that they need

        self._hosts = hosts
        self._authority = trustme.CA()

    def server(self) -> ssl.SSLContext:
        """TLS for all of the names, each with a certificate of its own."""
        contexts = {host.lower(): self._context(host) for host in self._hosts}
        default = self._context(*self._hosts)

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = contexts.get((name or "").lower(), default)

        default.sni_callback = choose
        return default

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._authority.cert_pem.bytes()

    def _context(self, *hosts: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*hosts).configure_cert(context)
        context.set_alpn_protocols(["http/1.1"])
        return context
