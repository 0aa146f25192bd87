"""The one TLS context that all probes of a run share.

A new one for each connection costs many times more than the handshake it is made for.
"""

import ssl


def shared_context() -> ssl.SSLContext:
    """Trusts what the system trusts and what certifi brings; speaks HTTP/1.1.

    Both, since a slim container may have no certificates of its own, and a laptop may have more.
    """
    import certifi  # noqa: PLC0415 - lazy: only when something is asked over TLS

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
