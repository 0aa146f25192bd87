"""Who the gate is to a service that does not let everybody in, as the environment says."""

from typing import TYPE_CHECKING

from gate.api import wiring
from gate.api.around import environment
from gate.errors import AccessError

if TYPE_CHECKING:  # the adapters themselves are imported lazily, as in wiring
    from gate.cloud.id_tokens import IdTokens
    from gate.cloud.run import CloudRun
    from gate.ports import Headers, Identity

IAM_EMULATOR = "IAM_CREDENTIALS_EMULATOR_HOST"
EMULATOR_ISSUER = "GCE_METADATA_HOST"
ID_TOKEN = "GATE_ID_TOKEN"  # noqa: S105 - a name


def identity_of(platform: "CloudRun", made_out_to: str = "") -> "Identity":
    """Who the gate is to the platform's service; to an emulator's, where that has an issuer.

    Args:
        platform: tells what stands before the service.
        made_out_to: the policy's `candidate.audience`.
    """
    made: list[Identity] = []
    asks_nobody = environment().get(wiring.RUN_EMULATOR) and not environment().get(EMULATOR_ISSUER)

    async def identity(audience: str, url: str = "") -> "Headers":
        if asks_nobody:
            return ()
        if not made:  # only now, since a rollback seldom asks
            from gate.cloud.identity import ServiceIdentity  # noqa: PLC0415

            now = wiring.SystemClock().now
            made.append(ServiceIdentity(platform.way_in, mint(), now, made_out_to))
        return await made[0](audience, url)

    return identity


async def headers_at(url: str, audience: str = "") -> "Headers":
    """Headers for a URL that was given, which may be a private service's.

    It is asked once without any; a token is made only where Cloud Run or IAP refuses that. One goes
    nowhere but over TLS, or to an emulator.

    Raises:
        AccessError: a token is needed, and none can be had.
    """
    from gate.cloud.identity import ServiceIdentity, is_client, own_url  # noqa: PLC0415
    from gate.cloud.way_in import WayIn  # noqa: PLC0415

    local = bool(environment().get(wiring.RUN_EMULATOR) and environment().get(EMULATOR_ISSUER))
    if not local and not url.startswith("https://"):
        return ()

    async def way_in() -> WayIn:
        if is_client(audience):
            return WayIn.IAP
        seen = await wiring.answers(url, ())
        return (WayIn.IAP if seen.iap else WayIn.TOKEN) if seen.refused else WayIn.OPEN

    identity = ServiceIdentity(way_in, mint(), wiring.SystemClock().now, audience)
    return await identity(own_url(url), url)


def mint() -> "IdTokens":
    """Makes tokens: as the environment says, and with an emulator by nobody but its issuer."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.id_tokens import IdTokens, Makers  # noqa: PLC0415

    makers = Makers(
        account=environment().get(wiring.IMPERSONATED, ""),
        given=_given_token(),
        local=bool(environment().get(wiring.RUN_EMULATOR)),
        endpoint=Endpoint(environment().get(IAM_EMULATOR)),
    )
    return IdTokens(makers, wiring.SystemClock().now)


def _given_token() -> str:
    """The ID token that the user brought, "" for none.

    Raises:
        AccessError: it has not the form of one.
    """
    token = environment().get(ID_TOKEN, "").strip()
    if token and not (token.count(".") == 2 and token.isascii() and token.isprintable()):
        raise AccessError(
            f"{ID_TOKEN}: is no ID token (got some text, expected three parts with dots between)",
            'for example: export GATE_ID_TOKEN="$(gcloud auth print-identity-token)"',
        )
    return token
