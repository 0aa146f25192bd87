"""Application default credentials, for the real APIs only: importing google-auth takes its time."""

from functools import cache

import google.auth
import google.auth.transport.grpc
import google.auth.transport.requests
import grpc
from google.auth.exceptions import GoogleAuthError

from gate.cloud.channel import Api
from gate.cloud.status import LOGIN_HINT, scrub
from gate.errors import AccessError

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


@cache
def _default() -> tuple[google.auth.credentials.Credentials, google.auth.transport.Request]:
    credentials, _ = google.auth.default(scopes=_SCOPES)
    return credentials, google.auth.transport.requests.Request()


def channel_credentials(api: Api) -> grpc.ChannelCredentials:
    """TLS, and an access token with every call. Blocks: it may ask the metadata server.

    Raises:
        AccessError: there are no credentials.
    """
    try:
        credentials, request = _default()
    except GoogleAuthError as error:
        what = f"{api.title}: no credentials (got {scrub(str(error))})"
        raise AccessError(what, LOGIN_HINT) from None
    plugin: grpc.AuthMetadataPlugin = google.auth.transport.grpc.AuthMetadataPlugin(  # type: ignore[no-untyped-call]
        credentials, request, default_host=api.host
    )
    return grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(), grpc.metadata_call_credentials(plugin)
    )
