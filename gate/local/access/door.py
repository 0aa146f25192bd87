"""The front end's door: ingress first, then who asks (a Door).

Sources: run/docs/securing/ingress (404 from outside), run/docs/troubleshooting (403 without a
token or without the role, 401 with a token that is not good), run/docs/authenticating/
service-to-service (both headers, the audience, the signature that is removed).
"""

from collections.abc import Mapping
from typing import Final, Protocol

from gate.local.access.claims import Claims
from gate.local.access.pages import bad_token, forbidden, not_found
from gate.local.ports import Access, Denial, Pass

INSIDE: Final = b"x-gate-local-inside"
"""A request that says 1 here comes from inside: Cloud Run sees that by the network."""
ANYBODY: Final = "allAuthenticatedUsers"


class Tokens(Protocol):
    """Reads ID tokens."""

    def read(self, token: bytes) -> Claims | None:
        """What a token says; None where it is not good."""
        ...


class LocalDoor:
    """Lets requests in (a Door).

    Args:
        tokens: reads ID tokens; None: nobody is asked who they are.
        owner: who may call every service, as a project's owner may.
    """

    def __init__(self, tokens: Tokens | None = None, owner: str = "") -> None:
        self._tokens = tokens
        self._owner = owner

    def judge(self, target: bytes, found: Mapping[bytes, bytes], access: Access) -> Denial | Pass:
        """As `Door.judge`."""
        if access.inside_only and found.get(INSIDE) != b"1":
            return not_found()
        if self._tokens is None or access.invokers is None:
            return Pass()
        said = found.get(b"x-serverless-authorization", found.get(b"authorization"))
        if said is None:
            return forbidden(target)
        scheme, _, token = said.partition(b" ")
        claims = self._tokens.read(token.strip()) if scheme.lower() == b"bearer" else None
        if claims is None or claims.audience.rstrip("/") not in access.audiences:
            return bad_token(target)
        if claims.email != self._owner and not _invokes(claims.email, access.invokers):
            return forbidden(target, known=True)
        return Pass(token.strip())


def _invokes(email: str, invokers: frozenset[str]) -> bool:
    """Whether a member of the policy is this one; who is in a group nobody here knows."""
    domain = email.rpartition("@")[2]
    members = {ANYBODY, f"user:{email}", f"serviceAccount:{email}", f"domain:{domain}"}
    return not members.isdisjoint(invokers)
