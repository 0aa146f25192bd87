"""The keys of `notify`: who is told how a rollout ended."""

from typing import Annotated

from gate.core.policy import HookFormat, Notification, SecretRef
from gate.core.state import Ending
from gate.kinds.collections import ListOf
from gate.kinds.forms import Choice, Text, one_of
from gate.kinds.records import Key, Record, slots_from
from gate.policyfile.secrets import SECRET

NOTIFICATION = Record(
    "notify",
    Notification,
    slots_from(
        Notification,
        {
            "url": Annotated[
                SecretRef,
                SECRET,
                Key("where the webhook's address is: whoever knows it may write there"),
            ],
            "format": Annotated[
                HookFormat,
                one_of(HookFormat),
                Key(
                    "`cloudevents` (CloudEvents 1.0 as JSON, with the whole decision), "
                    "`google-chat` or `slack` (a message for people)"
                ),
            ],
            "on": Annotated[
                tuple[str, ...],
                ListOf(
                    item=Annotated[str, Choice(words=tuple(one.value for one in Ending))],
                    most=len(Ending),
                ),
                Key("the endings that it is told of"),
            ],
            "secret": Annotated[
                str,
                Text("the name of a secret", r"[A-Za-z_][A-Za-z0-9_-]*", 60),
                Key(
                    "name under `secrets` of what each call is signed with, as Standard Webhooks "
                    "has it: base64, with or without `whsec_`",
                    absent="unsigned",
                ),
            ],
        },
    ),
)
