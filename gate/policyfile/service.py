"""The keys of `service`: which Cloud Run service."""

from typing import Annotated

from gate.core.policy import ServiceName
from gate.kinds.forms import Text
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.values import LABEL

SERVICE = Record(
    "service",
    ServiceName,
    slots_from(
        ServiceName,
        {
            "project": Annotated[
                str,
                Text("a project id", r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?", 63),
                Key("the Google Cloud project"),
            ],
            "region": Annotated[
                str, Text("a region such as us-central1", LABEL, 40), Key("the Cloud Run region")
            ],
            "name": Annotated[
                str, Text("a Cloud Run service name", LABEL, 49), Key("the service's name")
            ],
        },
    ),
)
