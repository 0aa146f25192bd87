"""`grpc`: the standard health service."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from gate.kinds.forms import Text
from gate.kinds.keys import Keys
from gate.kinds.kind import Kind
from gate.kinds.records import Key
from gate.kinds.values import SomeSeconds


@dataclass(frozen=True, slots=True)
class GrpcProbe(Keys):
    """The standard health service of gRPC (grpc.health.v1.Health/Check): SERVING, or not."""

    facts: ClassVar[Kind] = Kind(
        "grpc",
        "The standard health service of gRPC",
        "gate.probes.grpc:ask",
        again=True,
        past_proxy="it speaks HTTP/2, which the proxy does not",
    )

    service: Annotated[
        str,
        Text("the name of a gRPC service such as shop.v1.Orders", r"[A-Za-z0-9_.-]+", 300),
        Key(
            "whose health is asked for, as the server has registered it", absent="the whole server"
        ),
    ] = ""
    within_s: Annotated[SomeSeconds, Key("limit for the call, its connection included")] = 10.0

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return "grpc.health.v1.Health/Check"
